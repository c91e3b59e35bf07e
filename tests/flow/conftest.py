"""The functions of a stack whose session renews itself, in the real runtime client; and what commands look at."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.stack import SECRET, Stack
from spaaza_snapshots.upkeep.versions import VersionedBucket
from tests.support.forked import forked
from tests.support.members import Members
from tests.support.rotation import Renewing

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

EXPORT = "spaaza_snapshots.export_handler.lambda_handler"
ROTATION = "spaaza_snapshots.rotation_handler.lambda_handler"


@pytest.fixture
def renewing(stack: Stack) -> Renewing:
    secret = stack.aws.client("secretsmanager").describe_secret(SecretId=SECRET)["ARN"]
    found = Renewing(stack.aws, stack.spaaza, secret)
    found.set_up()
    stack.spaaza.requests.clear()
    stack.wire.clear()
    return found


@pytest.fixture
def rotation(stack: Stack, renewing: Renewing) -> Iterator[LambdaFunction]:
    environment = {name: value for name, value in stack.environment().items() if name.startswith("AWS_")}
    with LambdaFunction(
        ROTATION, {**environment, **renewing.environment()}, timeout_seconds=60, launch=forked
    ) as running:
        yield running


@pytest.fixture
def export(stack: Stack, renewing: Renewing) -> Iterator[LambdaFunction]:
    told = {"SESSION_ROTATION": "on", "SPAAZA_API_URL": stack.spaaza.base_url}
    with LambdaFunction(EXPORT, stack.environment() | told, launch=forked) as running:
        yield running


@pytest.fixture
def members(stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Members:
    """A stack named `members` at noon of its own time zone, which commands are asked about."""
    monkeypatch.setenv("COLUMNS", "400")
    return Members(stack, capsys)


@pytest.fixture
def versioned(s3: "S3Client", bucket: str) -> VersionedBucket:
    """A fresh bucket, by all versions of its objects."""
    return VersionedBucket(s3, bucket)
