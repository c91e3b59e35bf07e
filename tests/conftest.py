"""What many tests share: AWS on loopback, started once."""

import gc
import os
from collections.abc import Generator, Iterator
from contextlib import suppress
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from coverage import Coverage

from sandbox.aws.moto import MotoAws
from sandbox.aws.seaweed import SEAWEED_PORT, SeaweedS3
from sandbox.aws.stack import Stack, create_bucket, furnish, s3_client
from sandbox.spaaza.server import SpaazaServer
from sandbox.wire.wire import Wire
from tests.support.deployed import Deployed, deploy
from tests.support.forked import STARTS_COVERAGE
from tests.support.sdk import find_out_once

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

NOT_MEASURED = ("tests/artifact/", "tests/docs/", "tests/sandbox/")
"""Tests of what is around the product; the others must reach each of its lines without them."""

_numbers = count(1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure coverage only where it tells something: it costs a test a quarter of its time, or half."""
    measuring = Coverage.current()
    if measuring is None or not item.nodeid.startswith(NOT_MEASURED):
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(STARTS_COVERAGE, raising=False)
        measuring.stop()
        try:
            return (yield)
        finally:
            measuring.start()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have each worker compile its share of all tests first; the others' it then finds compiled."""
    worker: dict[str, Any] = getattr(session.config, "workerinput", {})
    if not worker or session.config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    files = sorted(session.config.rootpath.glob("tests/**/test_*.py"))
    for file in files[int(worker["workerid"].removeprefix("gw")) :: worker["workercount"]]:
        with suppress(Exception):  # told when it is collected
            import_module(".".join(file.relative_to(session.config.rootpath).with_suffix("").parts))


def pytest_collection_finish() -> None:
    """Look no more for garbage in what all tests share, and less often in the rest: it costs a tenth of their time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def pytest_unconfigure() -> None:
    """Let it go at the end: a C extension would call it leaked."""
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def sdk_that_finds_out_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        find_out_once(patch)
        yield


@pytest.fixture(scope="session")
def seaweed() -> Iterator[SeaweedS3]:
    running = os.environ.get(SEAWEED_PORT)  # `make mutants` starts one for all its processes
    with SeaweedS3(None if running is None else int(running), cores=1) as server:
        yield server


@pytest.fixture(scope="session")
def moto_server() -> Iterator[MotoAws]:
    with MotoAws() as server:
        yield server


@pytest.fixture
def moto_aws(moto_server: MotoAws) -> Iterator[MotoAws]:
    """The other AWS services, with nothing created yet."""
    yield moto_server
    moto_server.reset()


@pytest.fixture(scope="session")
def s3(seaweed: SeaweedS3) -> Iterator["S3Client"]:
    """A client that talks straight to the S3 server."""
    client = s3_client(seaweed)
    yield client
    client.close()


@pytest.fixture
def bucket(seaweed: SeaweedS3, s3: "S3Client") -> str:
    """A fresh, versioned bucket."""
    name = f"snapshots-{os.getpid()}-{next(_numbers)}"
    create_bucket(s3, name)
    return name


@pytest.fixture
def wire(seaweed: SeaweedS3, moto_aws: MotoAws) -> Iterator[Wire]:
    """A way to both servers that writes down every call and can break it: "s3" and "aws"."""
    with Wire({"s3": seaweed.endpoint_url, "aws": moto_aws.endpoint_url}) as opened:
        yield opened


@pytest.fixture
def stack(
    seaweed: SeaweedS3, moto_aws: MotoAws, wire: Wire, s3: "S3Client", bucket: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stack]:
    """A furnished bucket, bus, secret and database, and a Spaaza of its own; the SDK's variables lead there."""
    with SpaazaServer() as spaaza:
        furnished = furnish(spaaza, seaweed, moto_aws, wire, s3, bucket)
        for name, value in furnished.environment().items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        yield furnished


@pytest.fixture
def deployment(stack: Stack) -> Deployed:
    """The same as a deployed stack named `members`, which commands find by `--stack members`."""
    return deploy(stack)


@pytest.fixture(autouse=True)
def aws_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test reach the AWS account of whoever runs it, nor the servers of the test before."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # keeps the credentials that it was made with
