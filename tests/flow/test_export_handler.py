"""The handler in this process: which event leads where, and what is said of a failure."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from awslambdaric.lambda_context import LambdaContext  # type: ignore[import-untyped] # carries no types

from sandbox.aws.stack import SECRET, Stack, session_secret
from sandbox.spaaza.answers import refusal
from sandbox.spaaza.server import CHAINS
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME
from spaaza_snapshots.errors import (
    BadSettings,
    ExportRejected,
    InvalidRequest,
    SessionExpired,
    SnapshotError,
    StorageError,
)
from spaaza_snapshots.export_handler import lambda_handler
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.snapshot.wiring import clients_for
from tests.support.flow import CHAIN, aftermath, events

Handler = Callable[[Any], Any]


@pytest.fixture
def handle(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Handler:
    """The handler with the stack's environment and 15 minutes."""
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)

    def invoke(event: Any) -> Any:
        deadline_ms = int((time.time() + 900) * 1000)
        return lambda_handler(event, LambdaContext("request", None, None, deadline_ms, "arn:aws:lambda:::function:f"))

    return invoke


def metrics(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the metrics said since the last look."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {name: value for line in lines if "_aws" in line for name, value in line.items() if name[0].isupper()}


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def test_one_chain_is_a_snapshot_here(stack: Stack, handle: Handler) -> None:
    assert handle({"chain_id": CHAIN})["status"] == "complete"
    assert aftermath(stack, datetime.now(UTC).date()).is_committed


def test_no_chain_at_all_means_each_configured_one_on_the_bus(stack: Stack, handle: Handler) -> None:
    requested = [{"chain_id": chain_id, "date": today(), "force": False} for chain_id in CHAINS]
    assert handle({}) == {"requested": requested}
    assert events(stack, "Snapshot Requested") == requested


def test_force_travels_with_each_request(stack: Stack, handle: Handler) -> None:
    handle({"force": True})
    assert [detail["force"] for detail in events(stack, "Snapshot Requested")] == [True, True]


def test_a_request_that_the_bus_refuses_for_good_names_its_chain_after_the_others_were_put(
    stack: Stack, handle: Handler
) -> None:
    stack.wire.fail("PutEvents", faults.failed_entries(1))
    stack.wire.fail("PutEvents", faults.failed_entries(0), nth=2, times=2)
    with pytest.raises(StorageError, match=rf"\[{CHAINS[1]}\]"):
        handle({})
    assert [detail["chain_id"] for detail in events(stack, "Snapshot Requested")] == [CHAINS[0]]


def test_a_scheduled_invocation_measures_the_chains_that_are_missing_before_it_begins(
    handle: Handler, capsys: pytest.CaptureFixture[str]
) -> None:
    scheduled = {"chain_ids": [CHAIN], "scheduled_time": f"{today()}T00:00:00Z"}
    for missing in (2, 1):
        handle(scheduled)
        assert metrics(capsys)["ChainsMissingToday"] == [missing]
    handle({"chain_id": CHAIN})
    assert "ChainsMissingToday" not in metrics(capsys)


def test_a_chain_that_cannot_be_looked_at_counts_as_missing_and_hides_no_other(
    stack: Stack, handle: Handler, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.wire.fail("HeadObject", faults.error(403, "AccessDenied"))
    event = {"chain_ids": [CHAIN], "scheduled_time": f"{today()}T00:00:00Z"}
    assert handle(event)["status"] == "complete"
    assert metrics(capsys)["ChainsMissingToday"] == [2]


def test_days_left_are_told_in_every_run_also_in_one_with_nothing_to_do(
    handle: Handler, capsys: pytest.CaptureFixture[str]
) -> None:
    for status in ("complete", "already_complete"):
        assert handle({"chain_id": CHAIN})["status"] == status
        assert metrics(capsys)["SessionDaysLeft"][0] > 10_000


def test_a_day_that_is_done_needs_no_secret(stack: Stack, handle: Handler) -> None:
    handle({"chain_id": CHAIN})
    stack.wire.fail("GetSecretValue", faults.error(400, "ResourceNotFoundException"), times=EVERY_TIME)
    assert handle({"chain_id": CHAIN})["status"] == "already_complete"


@pytest.mark.parametrize(
    ("status", "error", "counted"),
    [(401, SessionExpired, {"SnapshotsFailed", "SessionsRejected"}), (404, ExportRejected, {"SnapshotsFailed"})],
)
def test_a_failure_is_counted_by_chain_and_told_on_the_bus(
    stack: Stack,
    handle: Handler,
    capsys: pytest.CaptureFixture[str],
    status: int,
    error: type[SnapshotError],
    counted: set[str],
) -> None:
    stack.spaaza.serve(refusal(status))
    with pytest.raises(error) as raised:
        handle({"chain_id": CHAIN})
    assert {name for name in metrics(capsys) if name != "SessionDaysLeft"} == counted
    (failed,) = events(stack, "Snapshot Failed")
    assert failed == {
        "chain_id": CHAIN,
        "date": today(),
        "error": error.__name__,
        "detail": raised.value.detail,
        "hint": raised.value.hint,
    }


def test_a_bus_that_fails_too_does_not_hide_the_first_error(stack: Stack, handle: Handler) -> None:
    stack.spaaza.serve(refusal(404))
    stack.wire.fail("PutEvents", faults.error(400, "AccessDeniedException"), times=EVERY_TIME)
    with pytest.raises(ExportRejected):
        handle({"chain_id": CHAIN})


def test_a_defect_is_reported_as_a_failure_and_raised_as_it_is(
    stack: Stack, handle: Handler, capsys: pytest.CaptureFixture[str]
) -> None:
    def break_the_sdk(**_: object) -> None:
        raise ZeroDivisionError("a defect")

    settings = Settings.from_environment(stack.environment())
    clients_for(settings).s3.meta.events.register("before-call.s3.CreateMultipartUpload", break_the_sdk)
    with pytest.raises(ZeroDivisionError):
        handle({"chain_id": CHAIN})
    assert metrics(capsys)["SnapshotsFailed"] == [1]
    (failed,) = events(stack, "Snapshot Failed")
    assert (failed["error"], "bug" in failed["hint"]) == ("ZeroDivisionError", True)
    assert aftermath(stack, datetime.now(UTC).date()).is_nothing


def test_bad_settings_are_found_before_the_event_is_read(
    handle: Handler, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SNAPSHOT_BUCKET")
    with pytest.raises(BadSettings, match="SNAPSHOT_BUCKET"):
        handle("no event at all")
    assert metrics(capsys)["SnapshotsFailed"] == [1]


def test_a_date_later_than_today_is_refused(handle: Handler) -> None:
    with pytest.raises(InvalidRequest, match="later than today"):
        handle({"chain_id": CHAIN, "date": (datetime.now(UTC).date() + timedelta(days=1)).isoformat()})


def test_a_session_that_has_ended_by_its_own_date_is_warned_of_and_used_all_the_same(
    stack: Stack, handle: Handler, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = {**session_secret(stack.spaaza), "session_expires_date": "2020-04-06 11:19:10"}
    put_secret(stack, secret)
    assert handle({"chain_id": CHAIN})["status"] == "complete"
    assert metrics(capsys)["SessionDaysLeft"][0] < 0


def test_a_secret_without_a_date_tells_no_days(
    stack: Stack, handle: Handler, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = dict(session_secret(stack.spaaza))
    del secret["session_expires_date"]
    put_secret(stack, secret)
    assert handle({"chain_id": CHAIN})["status"] == "complete"
    assert "SessionDaysLeft" not in metrics(capsys)


def put_secret(stack: Stack, content: Mapping[str, str]) -> None:
    stack.aws.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=json.dumps(content))


def test_a_snapshot_that_another_run_has_to_promote_is_counted_by_that_run_once(
    stack: Stack, handle: Handler, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.wire.fail("PutObject", faults.error(403, "AccessDenied"), key_contains="manifests/")
    with pytest.raises(StorageError):
        handle({"chain_id": CHAIN})
    assert "SnapshotsCompleted" not in metrics(capsys)
    for counted in (True, False):
        assert handle({"chain_id": CHAIN})["status"] == "already_complete"
        assert ("SnapshotsCompleted" in metrics(capsys)) is counted


def test_a_snapshot_without_its_parquet_object_is_measured_by_each_later_run(
    handle: Handler, capsys: pytest.CaptureFixture[str]
) -> None:
    handle({"chain_id": CHAIN})
    assert "ParquetsMissing" not in metrics(capsys)
    handle({"chain_id": CHAIN})
    assert metrics(capsys)["ParquetsMissing"] == [1]
