"""A whole but doubtful export: held where nothing better is there, aborted where something is, accepted by people."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import csv_answer, generated_users
from sandbox.wire import faults
from spaaza_snapshots.errors import InvalidRequest, SnapshotHeld, StorageError
from tests.support.builders import HeldClock, documented_csv
from tests.support.flow import CHAIN, SNAPSHOT, aftermath, events, invoke

YESTERDAY = {"chain_id": CHAIN, "date": "2026-11-21"}
ACCEPT = {"chain_id": CHAIN, "date": "2026-11-22", "accept": True}


@pytest.fixture
def hundred_yesterday(stack: Stack) -> Stack:
    """A chain that had 100 users the day before."""
    stack.spaaza.serve(generated_users(100))
    invoke(stack, YESTERDAY)
    stack.listener.events()
    return stack


def test_a_fall_beyond_the_limit_is_kept_but_not_shown(hundred_yesterday: Stack) -> None:
    stack = hundred_yesterday
    stack.spaaza.serve(generated_users(94))
    with pytest.raises(SnapshotHeld, match="94 rows, 100 on 2026-11-21") as raised:
        invoke(stack)
    assert '{"chain_id": 1743, "date": "2026-11-22", "accept": true}' in raised.value.hint
    there = aftermath(stack)
    assert (there.manifest, there.open_uploads) == (None, 0)
    assert list(there.pending) == [there.raw_run_id]
    (failed,) = (check for check in there.pending[there.raw_run_id or ""]["checks"] if not check["passed"])
    assert (failed["name"], failed["required"]) == ("rows_kept_since_previous", True)
    assert events(stack, "Snapshot Completed") == []


@pytest.mark.parametrize(("rows", "allowed"), [(95, "5"), (94, "6"), (1, "100")])
def test_a_fall_within_the_limit_is_a_snapshot(hundred_yesterday: Stack, rows: int, allowed: str) -> None:
    hundred_yesterday.spaaza.serve(generated_users(rows))
    assert invoke(hundred_yesterday, variables={"MAX_ROW_DROP_PERCENT": allowed})["row_count"] == rows


def test_no_rows_after_some_are_held_whatever_fall_is_allowed(hundred_yesterday: Stack) -> None:
    hundred_yesterday.spaaza.serve(generated_users(0))
    with pytest.raises(SnapshotHeld, match="0 rows"):
        invoke(hundred_yesterday, variables={"MAX_ROW_DROP_PERCENT": "100"})


def test_the_first_snapshot_of_a_chain_may_be_empty(stack: Stack) -> None:
    stack.spaaza.serve(csv_answer(documented_csv()))
    assert invoke(stack)["row_count"] == 0
    assert aftermath(stack).is_committed


def test_accept_commits_what_is_held_without_an_export_on_any_later_day(hundred_yesterday: Stack) -> None:
    stack = hundred_yesterday
    stack.spaaza.serve(generated_users(50))
    with pytest.raises(SnapshotHeld):
        invoke(stack)
    asked = len(stack.spaaza.requests)
    held_run_id = aftermath(stack).raw_run_id
    next_week = HeldClock()
    next_week.now = next_week.now.replace(day=29)
    result = invoke(stack, ACCEPT, held=next_week)
    assert (result["status"], result["row_count"], result["run_id"]) == ("complete", 50, held_run_id)
    assert aftermath(stack).is_committed
    assert len(events(stack, "Snapshot Completed")) == 1
    assert len(stack.spaaza.requests) == asked
    assert invoke(stack, ACCEPT, held=next_week)["status"] == "already_complete"


def test_accept_where_nothing_is_held_is_refused(stack: Stack) -> None:
    with pytest.raises(InvalidRequest, match="No snapshot is held"):
        invoke(stack, ACCEPT)
    assert aftermath(stack).is_nothing


def test_accept_that_fails_half_way_is_ended_by_the_next_run(hundred_yesterday: Stack) -> None:
    stack = hundred_yesterday
    stack.spaaza.serve(generated_users(50))
    with pytest.raises(SnapshotHeld):
        invoke(stack)
    stack.wire.fail("DeleteObject", faults.error(403, "AccessDenied"))
    with pytest.raises(StorageError):
        invoke(stack, ACCEPT)
    assert invoke(stack)["row_count"] == 50
    assert aftermath(stack).is_committed


def test_a_held_day_is_exported_again_and_a_plausible_export_takes_its_place(hundred_yesterday: Stack) -> None:
    stack = hundred_yesterday
    stack.spaaza.script(generated_users(50), generated_users(99))
    with pytest.raises(SnapshotHeld):
        invoke(stack)
    assert invoke(stack)["row_count"] == 99
    there = aftermath(stack)
    assert there.manifest is not None
    assert there.manifest["run_id"] == there.raw_run_id


def test_a_held_day_is_exported_again_three_times_and_then_only_raises(hundred_yesterday: Stack) -> None:
    stack = hundred_yesterday
    stack.spaaza.serve(generated_users(50))
    for hour in range(6):
        with pytest.raises(SnapshotHeld, match="50 rows, 100 on") as raised:
            invoke(stack)
        assert raised.value.again is (hour > 0)  # somebody was told the first time
    assert "force another export today" in raised.value.hint
    assert len(stack.spaaza.requests) == 1 + 4
    assert invoke(stack, ACCEPT)["row_count"] == 50


def test_the_draft_of_a_killed_run_is_not_one_of_the_three(hundred_yesterday: Stack) -> None:
    stack = hundred_yesterday
    stack.spaaza.serve(generated_users(50))
    with pytest.raises(SnapshotHeld):
        invoke(stack)
    (held,) = aftermath(stack).pending.values()
    killed = {**held, "run_id": "killed", "checks": [check for check in held["checks"] if check["passed"]]}
    stack.s3.put_object(Bucket=stack.bucket, Key=SNAPSHOT.pending_key("killed"), Body=json.dumps(killed).encode())
    for _hour in range(5):
        with pytest.raises(SnapshotHeld):
            invoke(stack)
    assert len(stack.spaaza.requests) == 1 + 4


def test_force_exports_a_day_that_is_held_for_good(hundred_yesterday: Stack) -> None:
    stack = hundred_yesterday
    stack.spaaza.serve(generated_users(50))
    for _hour in range(5):
        with pytest.raises(SnapshotHeld):
            invoke(stack)
    stack.spaaza.serve(generated_users(100))
    assert invoke(stack, {"chain_id": CHAIN, "force": True})["row_count"] == 100


@pytest.mark.parametrize("first_day", [True, False], ids=["the first day", "a later day"])
def test_a_forced_export_that_is_doubtful_is_aborted_and_the_good_snapshot_stays(stack: Stack, first_day: bool) -> None:
    stack.spaaza.serve(generated_users(100))
    if not first_day:
        invoke(stack, YESTERDAY)
    good = invoke(stack)
    stack.spaaza.serve(generated_users(50))
    with pytest.raises(SnapshotHeld, match="50 rows, 100 on") as raised:
        invoke(stack, {"chain_id": CHAIN, "force": True})
    assert not raised.value.kept
    assert "not kept: the good snapshot stays in place" in raised.value.detail
    assert raised.value.hint.startswith("Nothing is held")
    assert "accept" not in raised.value.hint
    there = aftermath(stack)
    assert there.is_committed
    assert there.raw_run_id == good["run_id"]


def test_a_forced_export_of_a_day_without_a_snapshot_is_held_like_any_other(hundred_yesterday: Stack) -> None:
    hundred_yesterday.spaaza.serve(generated_users(50))
    with pytest.raises(SnapshotHeld):
        invoke(hundred_yesterday, {"chain_id": CHAIN, "force": True})
    there = aftermath(hundred_yesterday)
    assert list(there.pending) == [there.raw_run_id]


def test_the_guard_compares_with_the_latest_snapshot_before_however_long_ago(stack: Stack) -> None:
    stack.spaaza.serve(generated_users(100))
    invoke(stack, {"chain_id": CHAIN, "date": "2025-01-31"})
    stack.spaaza.serve(generated_users(90))
    with pytest.raises(SnapshotHeld, match="100 on 2025-01-31"):
        invoke(stack)


def test_a_doubtful_export_does_not_take_the_place_of_the_one_that_somebody_was_told_of(
    hundred_yesterday: Stack,
) -> None:
    stack = hundred_yesterday
    stack.spaaza.script(generated_users(50), generated_users(40))
    for _hour in range(2):
        with pytest.raises(SnapshotHeld, match="50 rows, 100 on"):
            invoke(stack)
    assert invoke(stack, ACCEPT)["row_count"] == 50


def test_an_accept_while_the_schedule_exports_again_stays_accepted(hundred_yesterday: Stack) -> None:
    stack = hundred_yesterday
    stack.spaaza.serve(generated_users(50))
    with pytest.raises(SnapshotHeld):
        invoke(stack)
    reached, release = Event(), Event()
    stack.wire.fail("UploadPart", faults.hold(release, reached=reached))
    with ThreadPoolExecutor(1) as pool:
        again = pool.submit(invoke, stack)
        assert reached.wait(20)
        accepted = invoke(stack, ACCEPT)
        release.set()
        assert again.result(30)["run_id"] == accepted["run_id"]
    assert aftermath(stack).is_committed
