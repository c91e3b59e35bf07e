"""Two and three runs at once: in any order the manifest describes the object in place, and nobody fails for it."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import pytest

from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import Pause, generated_users
from sandbox.wire import faults
from spaaza_snapshots.errors import SnapshotHeld
from spaaza_snapshots.snapshot.follow_up import SnapshotResult
from tests.support.flow import CHAIN, SNAPSHOT, aftermath, invoke

FORCED = {"chain_id": CHAIN, "force": True}
PLAIN = {"chain_id": CHAIN}


def held_up(
    stack: Stack, operation: str, event: Mapping[str, object], pool: ThreadPoolExecutor
) -> tuple[Future[SnapshotResult], Event]:
    """Start a run that stops just before its next call of an operation; return it and what lets it go on."""
    reached, release = Event(), Event()
    stack.wire.fail(operation, faults.hold(release, reached=reached))
    run = pool.submit(invoke, stack, event)
    assert reached.wait(20)
    return run, release


@pytest.mark.parametrize("runs", [2, 3])
def test_runs_that_stream_at_once_leave_one_snapshot_and_all_return_it(stack: Stack, runs: int) -> None:
    pauses = [Pause(after_bytes=500) for _ in range(runs)]
    stack.spaaza.script(*(replace(generated_users(50), pause=pause) for pause in pauses))
    with ThreadPoolExecutor(runs) as pool:
        futures = [pool.submit(invoke, stack, PLAIN) for _ in pauses]
        for pause in pauses:
            assert pause.reached.wait(20)
        for pause in pauses:
            pause.resume.set()
        results = [future.result(30) for future in futures]
    there = aftermath(stack)
    assert there.is_committed
    assert {result["run_id"] for result in results} == {there.raw_run_id}
    assert sorted(result["status"] for result in results) == ["already_complete"] * (runs - 1) + ["complete"]


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])
def test_a_run_that_is_overtaken_before_its_commit_returns_the_other_ones_snapshot(
    stack: Stack, operation: str
) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow, release = held_up(stack, operation, PLAIN, pool)
        quick = invoke(stack)
        release.set()
        late = slow.result(30)
    assert (late["status"], late["run_id"]) == ("already_complete", quick["run_id"])
    there = aftermath(stack)
    assert there.is_committed
    assert there.raw_run_id == quick["run_id"]


def test_a_doubtful_run_that_is_overtaken_does_not_take_the_good_snapshots_place(stack: Stack) -> None:
    stack.spaaza.serve(generated_users(100))
    invoke(stack, {"chain_id": CHAIN, "date": "2026-11-21"})
    stack.spaaza.script(generated_users(50))
    with ThreadPoolExecutor(1) as pool:
        doubtful, release = held_up(stack, "CompleteMultipartUpload", PLAIN, pool)
        good = invoke(stack)
        release.set()
        assert doubtful.result(30)["run_id"] == good["run_id"]
    assert aftermath(stack).is_committed


def test_a_good_run_that_a_held_one_overtook_takes_its_place(stack: Stack) -> None:
    stack.spaaza.serve(generated_users(100))
    invoke(stack, {"chain_id": CHAIN, "date": "2026-11-21"})
    stack.spaaza.script(generated_users(99), generated_users(50))
    with ThreadPoolExecutor(1) as pool:
        good, release = held_up(stack, "CompleteMultipartUpload", PLAIN, pool)
        with pytest.raises(SnapshotHeld):
            invoke(stack)
        release.set()
        result = good.result(30)
    assert (result["status"], result["row_count"]) == ("complete", 99)
    assert aftermath(stack).raw_run_id == result["run_id"]


def test_a_doubtful_forced_run_takes_no_place_of_a_snapshot_that_came_meanwhile(stack: Stack) -> None:
    stack.spaaza.serve(generated_users(100))
    invoke(stack, {"chain_id": CHAIN, "date": "2026-11-21"})
    stack.spaaza.script(generated_users(50))
    with ThreadPoolExecutor(1) as pool:
        doubtful, release = held_up(stack, "UploadPart", FORCED, pool)
        good = invoke(stack)
        release.set()
        with pytest.raises(SnapshotHeld):
            doubtful.result(30)
    there = aftermath(stack)
    assert there.is_committed
    assert there.raw_run_id == good["run_id"]


def test_a_run_that_comes_between_complete_and_promote_promotes_the_others_record(stack: Stack) -> None:
    with ThreadPoolExecutor(1) as pool:
        reached, release = Event(), Event()
        stack.wire.fail("PutObject", faults.hold(release, reached=reached), key_contains="manifests/")
        first = pool.submit(invoke, stack, PLAIN)
        assert reached.wait(20)
        second = invoke(stack)
        release.set()
        result = first.result(30)
    assert second["status"] == "already_complete"
    assert result["run_id"] == second["run_id"] == aftermath(stack).raw_run_id
    assert aftermath(stack).is_committed
    assert len(stack.spaaza.requests) == 1


@pytest.mark.parametrize("operation", ["CompleteMultipartUpload", "UploadPart"])
def test_of_two_forced_runs_the_last_to_complete_is_the_snapshot(stack: Stack, operation: str) -> None:
    invoke(stack)
    with ThreadPoolExecutor(1) as pool:
        slow, release = held_up(stack, operation, FORCED, pool)
        quick = invoke(stack, FORCED)
        release.set()
        late = slow.result(30)
    assert late["run_id"] != quick["run_id"]
    there = aftermath(stack)
    assert there.is_committed
    assert there.raw_run_id == late["run_id"]


def test_a_forced_run_that_is_overtaken_before_its_promotion_returns_what_stands(stack: Stack) -> None:
    invoke(stack)
    reached, release = Event(), Event()
    with ThreadPoolExecutor(1) as pool:
        stack.wire.fail("PutObject", faults.hold(release, reached=reached), key_contains="manifests/")
        slow = pool.submit(invoke, stack, FORCED)
        assert reached.wait(20)
        quick = invoke(stack, FORCED)
        release.set()
        late = slow.result(30)
    assert (late["status"], late["run_id"]) == ("already_complete", quick["run_id"])
    assert aftermath(stack).is_committed


def test_an_object_that_no_run_of_ours_wrote_is_no_snapshot_and_is_replaced(stack: Stack) -> None:
    stack.s3.put_object(Bucket=stack.bucket, Key=SNAPSHOT.raw_key, Body=b"?", Metadata={"run-id": "lost"})
    assert invoke(stack)["status"] == "complete"
    assert aftermath(stack).is_committed


def test_a_held_run_raises_for_the_run_that_it_overtook(stack: Stack) -> None:
    stack.spaaza.serve(generated_users(100))
    invoke(stack, {"chain_id": CHAIN, "date": "2026-11-21"})
    stack.spaaza.serve(generated_users(50))
    with ThreadPoolExecutor(1) as pool:
        slow, release = held_up(stack, "CompleteMultipartUpload", PLAIN, pool)
        with pytest.raises(SnapshotHeld):
            invoke(stack)
        release.set()
        with pytest.raises(SnapshotHeld):
            slow.result(30)
    there = aftermath(stack)
    assert there.raw_run_id in there.pending
    assert len(there.pending) == 2  # the one that was overtaken is counted too
    assert there.open_uploads == 0
