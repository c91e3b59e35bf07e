"""How a run fails, to the word: what it raises, counts and puts on the bus."""

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from sandbox.aws.stack import Stack
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME
from spaaza_snapshots.base.telemetry import Telemetry
from spaaza_snapshots.errors import BadSettings, InvalidRequest, SessionExpired, SnapshotHeld, StorageError
from spaaza_snapshots.model.manifest import Check, Manifest
from spaaza_snapshots.snapshot.follow_up import report_failure
from spaaza_snapshots.snapshot.request import parse_request
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.snapshot.wiring import run_for, services_for
from tests.flow.test_figures import measured
from tests.support.builders import NOW, HeldClock, manifest
from tests.support.flow import CHAIN, SNAPSHOT, TODAY, events, invoke
from tests.support.log_records import logged

Report = Callable[[Exception], None]
OTHER_BUS = "The failure could not be put on the bus"


@pytest.fixture
def report(stack: Stack) -> Report:
    """Report an error as the handler does at the end of a run."""
    return reporting(stack)


def reporting(stack: Stack, bus: str | None = None) -> Report:
    variables = {} if bus is None else {"EVENT_BUS_NAME": bus}
    settings = Settings.from_environment(stack.environment() | variables)
    run = run_for(parse_request({"chain_id": CHAIN}, settings, NOW), settings, NOW)
    services = services_for(settings, Telemetry("flow"), HeldClock().clock())
    return lambda error: report_failure(run, services, error)


@pytest.mark.parametrize(
    ("error", "counted"),
    [
        (StorageError("S3 failed", "why", "hint"), {"SnapshotsFailed": 1}),
        (ZeroDivisionError(), {"SnapshotsFailed": 1}),
        (SessionExpired("Expired", "why", "hint"), {"SnapshotsFailed": 1, "SessionsRejected": 1}),
        (SnapshotHeld("Doubtful", "why", "hint"), {"SnapshotsHeld": 1}),
        (SnapshotHeld("Doubtful", "why", "hint", kept=False), {"SnapshotsFailed": 1}),
    ],
    ids=["failed", "defect", "session", "held", "not kept"],
)
def test_each_failure_is_counted_for_its_chain_and_put_on_the_bus(
    stack: Stack, report: Report, capsys: pytest.CaptureFixture[str], error: Exception, counted: dict[str, int]
) -> None:
    report(error)
    said = capsys.readouterr().out
    assert measured(said) == counted
    assert f'"chain_id":"{CHAIN}"' in said
    (failed,) = events(stack, "Snapshot Failed")
    assert (failed["chain_id"], failed["date"]) == (CHAIN, TODAY.isoformat())
    assert failed["error"] == type(error).__name__


def test_without_a_bus_a_failure_is_only_counted(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    reporting(stack, bus="")(StorageError("S3 failed", "why", "hint"))
    assert measured(capsys.readouterr().out) == {"SnapshotsFailed": 1}
    assert events(stack, "Snapshot Failed") == []


def test_a_bus_that_fails_too_is_only_logged(
    stack: Stack, report: Report, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    stack.wire.fail("PutEvents", faults.error(400, "AccessDeniedException"), times=EVERY_TIME)
    report(StorageError("S3 failed", "why", "hint"))
    (line,) = logged(caplog, OTHER_BUS)
    assert list(line) == ["error"]
    assert line["error"].startswith(f"EventBridge refused events: 'Snapshot Failed' of chains [{CHAIN}]. ")
    assert measured(capsys.readouterr().out) == {"SnapshotsFailed": 1}


def lose_to_another_which_then(stack: Stack, leaves: Callable[[], object]) -> None:
    """Let another run commit during the upload, and change what it left as soon as this run has lost."""
    stack.wire.fail("AbortMultipartUpload", faults.call(leaves))
    stack.wire.fail("UploadPart", faults.call(lambda: invoke(stack)))
    invoke(stack)


def test_a_faster_run_that_left_nothing_is_an_error_that_names_the_day(stack: Stack) -> None:
    with pytest.raises(StorageError) as caught:
        lose_to_another_which_then(stack, lambda: stack.s3.delete_object(Bucket=stack.bucket, Key=SNAPSHOT.raw_key))
    assert caught.value.args == (
        "Another run was faster, but left no snapshot",
        str(SNAPSHOT),
        "The next scheduled run exports again.",
    )


def test_a_faster_run_that_left_a_held_snapshot_is_not_told_of_again(stack: Stack) -> None:
    def hold() -> None:
        put_held(stack, replace(doubtful(), run_id="held"))

    with pytest.raises(SnapshotHeld) as caught:
        lose_to_another_which_then(stack, hold)
    assert (caught.value.again, caught.value.kept) == (True, True)


def doubtful() -> Manifest:
    failed = Check("rows_kept_since_previous", required=True, passed=False, notes="94 rows, 100 on 2026-11-21")
    return manifest(chain_id=CHAIN, snapshot_date=TODAY.isoformat(), checks=(failed,))


def put_held(stack: Stack, draft: Manifest) -> None:
    stack.s3.put_object(Bucket=stack.bucket, Key=SNAPSHOT.pending_key(draft.run_id), Body=draft.to_json())
    stack.s3.put_object(Bucket=stack.bucket, Key=SNAPSHOT.raw_key, Body=b"", Metadata={"run-id": draft.run_id})


def test_a_held_day_says_why_how_to_accept_it_and_what_else_to_do(stack: Stack) -> None:
    put_held(stack, doubtful())
    stack.s3.put_object(
        Bucket=stack.bucket,
        Key=f"manifests/users/chain_id={CHAIN}/dt=2026-11-21/manifest.json",
        Body=manifest(chain_id=CHAIN, snapshot_date="2026-11-21", row_count=100).to_json(),
    )
    with pytest.raises(SnapshotHeld) as caught:
        invoke(stack)
    assert caught.value.args == (
        f"The snapshot of chain {CHAIN} for 2026-11-22 is doubtful",
        "rows_kept_since_previous: 94 rows, 100 on 2026-11-21; it is kept, but not visible",
        f'If Spaaza confirms these users, invoke the function with {{"chain_id": {CHAIN}, "date": "2026-11-22",'
        f' "accept": true}} (make snapshot CHAIN={CHAIN} DATE=2026-11-22 ACCEPT=1); if not, do nothing: the schedule'
        " exports the day again until it ends, at most three times.",
    )
    assert caught.value.again


def test_to_accept_a_day_where_nothing_is_held_is_an_error_that_names_the_day(stack: Stack) -> None:
    with pytest.raises(InvalidRequest) as caught:
        invoke(stack, {"chain_id": CHAIN, "date": "2026-11-22", "accept": True})
    assert caught.value.args == (
        "No snapshot is held",
        str(SNAPSHOT),
        "The SnapshotHeld error in the log, and its e-mail, name the chain and the date.",
    )


def test_a_bucket_of_another_environment_is_an_error_that_names_both(stack: Stack) -> None:
    invoke(stack)
    with pytest.raises(BadSettings) as caught:
        invoke(stack, variables={"SPAAZA_ENVIRONMENT": "prod"})
    assert caught.value.args == (
        "This bucket holds snapshots of another environment",
        "test01 on 2026-11-22, this run is for prod",
        "Give each environment its own bucket (SNAPSHOT_BUCKET), or correct SPAAZA_ENVIRONMENT.",
    )
