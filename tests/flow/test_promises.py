"""What attacks on the commit found: each promise was broken once, in just this way."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any

import pytest

from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import generated_users
from sandbox.wire import faults
from sandbox.wire.faults import Exchange
from sandbox.wire.proxy import HttpAnswer
from sandbox.wire.wire import EVERY_TIME
from spaaza_snapshots.errors import SnapshotHeld, StorageError
from spaaza_snapshots.snapshot.follow_up import SnapshotResult
from tests.support.builders import HeldClock
from tests.support.flow import CHAIN, SNAPSHOT, TODAY, aftermath, events, invoke, manifest_describes_object

YESTERDAY = TODAY - timedelta(days=1)
PLAIN = {"chain_id": CHAIN}
FORCED = {"chain_id": CHAIN, "force": True}
ACCEPT = {"chain_id": CHAIN, "date": "2026-11-22", "accept": True}
SCHEDULED = {"chain_ids": [CHAIN], "scheduled_time": "2026-11-22T03:00:00Z"}
ON_YESTERDAY = {"chain_id": CHAIN, "date": "2026-11-21"}


def held_up(
    stack: Stack, pool: ThreadPoolExecutor, event: Mapping[str, Any], operation: str, key_contains: str = ""
) -> tuple[Future[SnapshotResult], Event]:
    """Start a run that waits just before its next call of an operation; return it, and what lets it go on."""
    reached, release = Event(), Event()
    stack.wire.fail(operation, faults.hold(release, reached=reached), key_contains=key_contains)
    run = pool.submit(invoke, stack, event)
    assert reached.wait(20)
    return run, release


class LateComplete:
    """A Complete whose answer is lost while S3 still works on it; the SDK's repeats meet it there."""

    def __init__(self, stack: Stack) -> None:
        self._under_way: Exchange | None = None
        conflict = faults.error(409, "ConditionalRequestConflict")
        stack.wire.fail("CompleteMultipartUpload", self._take)
        stack.wire.fail("CompleteMultipartUpload", conflict, nth=2)

    def _take(self, exchange: Exchange) -> HttpAnswer | None:
        self._under_way = exchange
        return None

    def lands(self) -> None:
        """Let S3 end its work."""
        assert self._under_way is not None
        self._under_way.forward()


# --- One id for each attempt ----------------------------------------------------------------------------------------


def test_a_complete_that_lands_after_its_abort_was_refused_is_described_by_its_own_manifest(stack: Stack) -> None:
    stack.spaaza.script(generated_users(50), generated_users(60))
    late = LateComplete(stack)
    stack.wire.fail("AbortMultipartUpload", faults.error(503, "SlowDown"), times=3)
    stack.wire.fail("PutObject", faults.call(late.lands), key_contains="pending/", nth=2)
    with pytest.raises(StorageError, match="could not be aborted"):
        invoke(stack)
    assert len(stack.spaaza.requests) == 1  # behind an abort that failed nothing is tried again
    late.lands()
    assert invoke(stack)["row_count"] == 50
    assert manifest_describes_object(stack)


def test_each_attempt_of_a_run_has_an_id_of_its_own(stack: Stack) -> None:
    stack.spaaza.script(generated_users(50), generated_users(60))
    stack.wire.fail("CompleteMultipartUpload", faults.error(409, "ConditionalRequestConflict"))
    result = invoke(stack)
    ahead = [call.detail for call in stack.wire.calls if call.operation == "PutObject" and "pending/" in call.detail]
    assert len(ahead) == len(set(ahead)) == 2
    assert ahead[1] == SNAPSHOT.pending_key(result["run_id"])
    assert (result["row_count"], result["source"]["attempts"]) == (60, 2)


# --- The guard is asked again ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["UploadPart", "CompleteMultipartUpload"])
def test_an_empty_forced_export_does_not_replace_what_a_plain_run_committed_meanwhile(
    stack: Stack, operation: str
) -> None:
    stack.spaaza.serve(generated_users(0))
    invoke(stack, ON_YESTERDAY)
    with ThreadPoolExecutor(1) as pool:
        forced, release = held_up(stack, pool, FORCED, operation)
        stack.spaaza.serve(generated_users(100))
        good = invoke(stack, PLAIN)
        release.set()
        with pytest.raises(SnapshotHeld, match="0 rows, 100 on 2026-11-22"):
            forced.result(30)
    assert manifest_describes_object(stack)
    assert aftermath(stack).raw_run_id == good["run_id"]


# --- An accepted snapshot stays -------------------------------------------------------------------------------------


def test_a_plain_run_does_not_replace_what_was_accepted_just_before_its_complete(stack: Stack) -> None:
    stack.spaaza.serve(generated_users(100))
    invoke(stack, ON_YESTERDAY)
    stack.spaaza.script(generated_users(50), generated_users(99))
    with pytest.raises(SnapshotHeld):
        invoke(stack)
    with ThreadPoolExecutor(1) as pool:
        plain, release = held_up(stack, pool, PLAIN, "CompleteMultipartUpload")
        accepted = invoke(stack, ACCEPT)
        release.set()
        assert plain.result(30)["run_id"] == accepted["run_id"]
    assert accepted["row_count"] == 50
    assert manifest_describes_object(stack)


@pytest.mark.parametrize("tree", ["raw/", "manifests/"])
def test_an_accept_that_breaks_off_half_way_is_ended_by_the_next_run(stack: Stack, tree: str) -> None:
    stack.spaaza.serve(generated_users(100))
    invoke(stack, ON_YESTERDAY)
    stack.spaaza.serve(generated_users(50))
    with pytest.raises(SnapshotHeld):
        invoke(stack)
    stack.wire.fail("PutObject", faults.lose_answer, times=3, key_contains=tree)
    with pytest.raises(StorageError):
        invoke(stack, ACCEPT)
    assert invoke(stack)["row_count"] == 50
    assert manifest_describes_object(stack)


def test_a_held_export_of_several_parts_is_accepted_byte_for_byte(stack: Stack) -> None:
    stack.spaaza.serve(generated_users(80_000))
    invoke(stack, ON_YESTERDAY)
    stack.spaaza.serve(generated_users(50_000))
    with pytest.raises(SnapshotHeld):
        invoke(stack)
    before = stack.s3.head_object(Bucket=stack.bucket, Key=SNAPSHOT.raw_key)
    assert before["ETag"].endswith('-2"')
    assert invoke(stack, ACCEPT)["row_count"] == 50_000
    assert manifest_describes_object(stack)
    assert aftermath(stack).open_uploads == 0


# --- The day before -------------------------------------------------------------------------------------------------


def test_a_run_promotes_what_the_last_run_of_the_day_before_left_and_sends_its_tail(stack: Stack) -> None:
    stack.wire.fail("PutObject", faults.error(403, "AccessDenied"), key_contains="manifests/")
    with pytest.raises(StorageError):
        invoke(stack, ON_YESTERDAY)
    assert aftermath(stack, YESTERDAY).manifest is None
    invoke(stack, SCHEDULED)
    there = aftermath(stack, YESTERDAY)
    assert there.manifest is not None
    assert there.manifest["run_id"] == there.raw_run_id
    assert [event["date"] for event in events(stack, "Snapshot Completed")] == ["2026-11-21", "2026-11-22"]


def test_the_day_before_keeps_no_run_from_its_own_day(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    invoke(stack, ON_YESTERDAY)
    stack.wire.fail("HeadObject", faults.error(403, "AccessDenied"), key_contains="dt=2026-11-21", times=EVERY_TIME)
    assert invoke(stack, SCHEDULED)["status"] == "complete"
    assert '"TailsUndone":[1.0]' in capsys.readouterr().out


# --- The tail -------------------------------------------------------------------------------------------------------


def test_tables_that_cannot_be_kept_stop_no_event_and_are_measured(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.wire.fail("GetTable", faults.error(400, "GlueEncryptionException"), times=EVERY_TIME)
    for _hour in range(2):
        with pytest.raises(StorageError, match="GlueEncryptionException"):
            invoke(stack, held=HeldClock())
        assert len(events(stack, "Snapshot Completed")) == 1
        assert '"TailsUndone":[1.0]' in capsys.readouterr().out
