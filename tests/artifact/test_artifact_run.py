"""The built packages in the real Lambda runtime client: a snapshot, its typed copy, and every way to end."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import generated_users, refusal
from sandbox.spaaza.users import generated_csv
from spaaza_snapshots.model.snapshot_id import SnapshotId
from tests.support.flow import CHAIN, Aftermath, aftermath
from tools.artifact import be_killed_at_deadline, end_before_deadline, export_function, parquet_function
from tools.package import HOST, Build, built

pytestmark = pytest.mark.timeout(600)  # the first test of a clone makes the tools and the build

USERS = 2_000


@pytest.fixture(scope="session")
def build() -> Build:
    return built(HOST)


@pytest.fixture
def function(stack: Stack, build: Build) -> Iterator[LambdaFunction]:
    with export_function(stack, build) as running:
        yield running


def there(stack: Stack) -> Aftermath:
    return aftermath(stack, datetime.now(UTC).date())


def test_the_package_makes_a_snapshot(stack: Stack, function: LambdaFunction) -> None:
    stack.spaaza.serve(generated_users(USERS))
    payload = function.invoke({"chain_id": CHAIN}).payload
    assert (payload["status"], payload["row_count"]) == ("complete", USERS)
    stored = stack.read(payload["raw"]["key"])
    assert hashlib.sha256(stored).hexdigest() == payload["raw"]["sha256"]
    assert gzip.decompress(stored) == b"".join(generated_csv(USERS))
    assert there(stack).is_committed


def test_the_other_package_and_its_layer_make_the_typed_copy(
    stack: Stack, build: Build, function: LambdaFunction, tmp_path: Path
) -> None:
    stack.spaaza.serve(generated_users(USERS))
    snapshot = function.invoke({"chain_id": CHAIN}).payload
    (completed,) = [event for event in stack.listener.events() if event["detail-type"] == "Snapshot Completed"]
    with parquet_function(stack, build) as parquet:
        payload = parquet.invoke(completed).payload
    assert (payload["status"], payload["run_id"]) == ("complete", snapshot["run_id"])
    copy = tmp_path / "users.parquet"
    copy.write_bytes(stack.read(SnapshotId(CHAIN, datetime.now(UTC).date()).parquet_key))
    with duckdb.connect() as database:
        assert database.read_parquet(str(copy)).count("*").fetchall() == [(USERS,)]


def test_a_run_writes_nothing_into_its_package(stack: Stack, build: Build, function: LambdaFunction) -> None:
    before = set(build.export.rglob("*"))
    assert function.invoke({"chain_id": CHAIN}).payload is not None
    assert set(build.export.rglob("*")) == before


def test_an_error_is_reported_with_its_name_its_text_and_where_it_was_raised(
    stack: Stack, build: Build, function: LambdaFunction
) -> None:
    stack.spaaza.serve(refusal(401, 6))
    reported = function.invoke({"chain_id": CHAIN})
    assert reported.error_type == "SessionExpired"
    assert "HTTP 401, Spaaza's error code 6" in reported.error_message
    frames = "".join(reported.stack)
    assert f'File "{build.export}/spaaza_snapshots/export_handler.py"' in frames
    assert stack.spaaza.session.key not in f"{reported}{json.dumps(reported.log_lines)}"
    assert there(stack).is_nothing


def test_a_deadline_is_met_by_ending_cleanly_before_it(stack: Stack, function: LambdaFunction) -> None:
    ended = end_before_deadline(stack, function, CHAIN)
    assert (ended.error_type, ended.timed_out) == ("OutOfTime", False)
    assert there(stack).is_nothing


def test_a_function_killed_at_its_deadline_leaves_nothing_to_see(stack: Stack, function: LambdaFunction) -> None:
    killed = be_killed_at_deadline(stack, function, CHAIN)
    assert (killed.timed_out, killed.error_type) == (True, "Sandbox.Timedout")
    assert there(stack) == Aftermath(raw_run_id=None, open_uploads=1, manifest=None, pending={})
    stack.wire.clear()
    again = function.invoke({"chain_id": CHAIN})
    assert again.cold
    assert again.payload is not None
    after = there(stack)
    assert after.manifest is not None
    assert after.manifest["run_id"] == after.raw_run_id == again.payload["run_id"]
