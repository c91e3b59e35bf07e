"""The Parquet function inside the real Lambda runtime client: what starts it, what it refuses, what memory it takes."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import generated_users
from sandbox.spaaza.users import generated_csv
from spaaza_snapshots.base.clock import RESERVE_SECONDS
from spaaza_snapshots.base.sdk import SDK_CONFIG
from spaaza_snapshots.errors import InvalidRequest
from spaaza_snapshots.events.messages import SNAPSHOT_COMPLETED, SOURCE
from spaaza_snapshots.parquet.event import parse_event
from spaaza_snapshots.parquet.settings import ParquetSettings
from spaaza_snapshots.parquet.wiring import clients_of
from tests.support.committed import CHAIN, DAY, commit
from tests.support.flow import events, invoke
from tests.support.forked import forked
from tests.support.sdk import read_timeout_seconds

HANDLER = "spaaza_snapshots.parquet_handler.lambda_handler"
MEMORY_MB = 1024
MB = 1_000_000


@pytest.fixture
def function(stack: Stack) -> Iterator[LambdaFunction]:
    with LambdaFunction(HANDLER, stack.environment(), memory_mb=MEMORY_MB, launch=forked) as running:
        yield running


def test_snapshot_completed_as_the_bus_delivers_it_starts_the_conversion(
    stack: Stack, function: LambdaFunction
) -> None:
    stack.spaaza.serve(generated_users(50))
    snapshot = invoke(stack)
    (envelope,) = [event for event in stack.listener.events() if event["detail-type"] == SNAPSHOT_COMPLETED]
    payload = function.invoke(envelope).payload
    assert (payload["status"], payload["run_id"], payload["row_count"]) == ("complete", snapshot["run_id"], 50)
    assert events(stack, "Parquet Completed")


def test_a_copy_can_be_asked_for_by_hand(stack: Stack, function: LambdaFunction) -> None:
    manifest = commit(stack.s3, stack.bucket, b"".join(generated_csv(5)))
    assert function.invoke({"chain_id": CHAIN, "date": DAY.isoformat()}).payload["run_id"] == manifest.run_id


def test_a_failure_is_reported_by_its_name_and_counted(stack: Stack, function: LambdaFunction) -> None:
    invocation = function.invoke({"chain_id": CHAIN, "date": DAY.isoformat()})
    assert invocation.error_type == "InvalidRequest"
    assert "no committed snapshot" in invocation.error_message
    (metric,) = [line for line in invocation.log_lines if '"_aws"' in line]
    assert '"ParquetsFailed":[1.0]' in metric.replace(" ", "")
    assert f'"chain_id":"{CHAIN}"' in metric.replace(" ", "")


def test_a_missing_bucket_is_named(stack: Stack) -> None:
    environment = {name: value for name, value in stack.environment().items() if name != "SNAPSHOT_BUCKET"}
    with LambdaFunction(HANDLER, environment, launch=forked) as function:
        invocation = function.invoke({})
    assert invocation.error_type == "BadSettings"
    assert "SNAPSHOT_BUCKET" in invocation.error_message


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"chain_id": CHAIN},
        {"chain_id": "1743", "date": "2026-11-22"},
        {"chain_id": True, "date": "2026-11-22"},
        {"chain_id": 0, "date": "2026-11-22"},
        {"chain_id": CHAIN, "date": "20261122"},
        {"chain_id": CHAIN, "date": 20261122},
        {"chain_id": CHAIN, "date": "2026-02-30"},
        {"source": SOURCE, "detail-type": "Snapshot Failed", "detail": {"chain_id": CHAIN, "date": "2026-11-22"}},
        {"source": "x", "detail-type": SNAPSHOT_COMPLETED, "detail": {"chain_id": CHAIN, "date": "2026-11-22"}},
        {"source": SOURCE, "detail-type": SNAPSHOT_COMPLETED},
        [],
        None,
        "text",
        7,
    ],
    ids=str,
)
def test_an_event_that_names_no_chain_and_date_is_refused(event: object) -> None:
    with pytest.raises(InvalidRequest):
        parse_event(event)


def test_of_an_event_of_another_type_little_is_quoted() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_event({"source": "x" * 10_000, "detail-type": "y" * 10_000})
    assert len(str(caught.value)) < 300


def test_a_call_of_the_conversion_may_take_longer_than_the_reserve_of_an_export(stack: Stack) -> None:
    s3, events_client = clients_of(ParquetSettings(stack.bucket, "bus"))
    for client in (s3, events_client):
        assert client is not None
        assert read_timeout_seconds(client.meta.config) > RESERVE_SECONDS > read_timeout_seconds(SDK_CONFIG)


def test_the_memory_stays_within_the_functions_own_whatever_the_export(stack: Stack, function: LambdaFunction) -> None:
    today = datetime.now(UTC).date()
    long_rows = b"ID,First name\n" + b"".join(b'%d,"%s"\n' % (number, b"x" * 20_000) for number in range(20_000))
    damaged = b"ID,First name\n" + b'1,"a"b\n' * 400_000
    for day, csv_bytes in ((today, long_rows), (DAY, damaged)):
        commit(stack.s3, stack.bucket, csv_bytes, day=day)
        invocation = function.invoke({"chain_id": CHAIN, "date": day.isoformat()})
        assert invocation.payload["status"] == "complete"
        assert invocation.peak_memory_bytes is not None
        assert invocation.peak_memory_bytes < MEMORY_MB * MB
