"""Every step from the commit on broken once, and after each the four questions: which objects exist, is an upload open,
what does the manifest say, does the next run end right."""

import pytest

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.stack import Stack
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME
from spaaza_snapshots.base.clock import RESERVE_SECONDS
from spaaza_snapshots.base.sdk import SDK_CONFIG
from spaaza_snapshots.errors import StorageError
from tests.support.flow import CHAIN, aftermath, events, invoke
from tests.support.forked import forked
from tests.support.sdk import read_timeout_seconds

DENIED = faults.error(403, "AccessDenied")


@pytest.mark.parametrize(
    "fault",
    [faults.error(400, "InvalidPart"), faults.error(400, "BadDigest"), faults.error(400, "EntityTooSmall")],
    ids=["InvalidPart", "BadDigest", "EntityTooSmall"],
)
def test_a_complete_that_s3_refuses_leaves_no_object_and_the_next_run_is_whole(
    stack: Stack, fault: faults.Fault
) -> None:
    stack.wire.fail("CompleteMultipartUpload", fault)
    with pytest.raises(StorageError, match="completing the upload"):
        invoke(stack)
    there = aftermath(stack)
    assert (there.raw_run_id, there.open_uploads, there.manifest) == (None, 0, None)
    assert len(there.pending) == 1  # names no object that is there: harmless, and ended by the lifecycle
    again = invoke(stack)
    after = aftermath(stack)
    assert again["status"] == "complete"
    assert after.manifest is not None
    assert after.manifest["run_id"] == after.raw_run_id == again["run_id"]


@pytest.mark.parametrize(
    "fault",
    [
        faults.lose_answer,
        faults.error_in_200("InternalError", forwarded=True),
        faults.error(404, "NoSuchUpload", forwarded=True),
    ],
    ids=["no answer", "an error in a 200", "no such upload"],
)
def test_a_complete_that_happened_and_says_otherwise_is_a_snapshot(stack: Stack, fault: faults.Fault) -> None:
    stack.wire.fail("CompleteMultipartUpload", fault, times=EVERY_TIME)
    assert invoke(stack)["status"] == "complete"
    assert aftermath(stack).is_committed


def test_a_complete_that_takes_longer_than_any_other_call_may_is_waited_for(stack: Stack) -> None:
    stack.wire.fail("CompleteMultipartUpload", faults.stall(read_timeout_seconds(SDK_CONFIG) + 1), times=EVERY_TIME)
    assert invoke(stack)["status"] == "complete"
    assert [call.operation for call in stack.wire.calls].count("CompleteMultipartUpload") == 1
    assert aftermath(stack).is_committed


@pytest.mark.parametrize("fault", [faults.drop_request, faults.error_in_200("InternalError")], ids=["lost", "in a 200"])
def test_a_complete_that_never_happened_leaves_no_object(stack: Stack, fault: faults.Fault) -> None:
    stack.wire.fail("CompleteMultipartUpload", fault, times=EVERY_TIME)
    with pytest.raises(StorageError):
        invoke(stack)
    there = aftermath(stack)
    assert (there.raw_run_id, there.manifest) == (None, None)
    stack.wire.clear()
    assert invoke(stack)["status"] == "complete"


def test_a_manifest_that_cannot_be_put_is_promoted_by_the_next_run_without_an_export(stack: Stack) -> None:
    stack.wire.fail("PutObject", DENIED, key_contains="manifests/")
    with pytest.raises(StorageError, match="manifests/"):
        invoke(stack)
    there = aftermath(stack)
    assert there.manifest is None
    assert list(there.pending) == [there.raw_run_id]
    assert invoke(stack)["run_id"] == there.raw_run_id
    assert aftermath(stack).is_committed
    assert len(stack.spaaza.requests) == 1


def test_a_draft_that_cannot_be_removed_is_removed_by_the_next_run(stack: Stack) -> None:
    stack.wire.fail("DeleteObject", DENIED)
    with pytest.raises(StorageError, match="removing pending/"):
        invoke(stack)
    assert aftermath(stack).manifest is not None
    assert invoke(stack)["status"] == "already_complete"
    assert aftermath(stack).is_committed


@pytest.mark.parametrize("operation", ["GetTable", "CreateTable"])
def test_a_table_that_cannot_be_made_raises_and_the_snapshot_stays_and_is_told_of_later(
    stack: Stack, operation: str
) -> None:
    stack.wire.fail(operation, faults.error(400, "AccessDeniedException"), times=EVERY_TIME)
    with pytest.raises(StorageError):
        invoke(stack)
    assert aftermath(stack).is_committed
    assert len(events(stack, "Snapshot Completed")) == 1  # the tables stop nobody who reads the bus
    stack.wire.clear()
    assert invoke(stack)["status"] == "already_complete"
    assert len(events(stack, "Snapshot Completed")) == 1


def test_an_event_that_cannot_be_put_raises_and_the_next_run_puts_it(stack: Stack) -> None:
    stack.wire.fail("PutEvents", faults.failed_entries(0), times=3)
    with pytest.raises(StorageError, match=r"\[1743\]"):
        invoke(stack)
    assert aftermath(stack).is_committed
    assert invoke(stack)["status"] == "already_complete"
    assert len(events(stack, "Snapshot Completed")) == 1


def test_an_entry_that_the_bus_refuses_once_is_put_again(stack: Stack) -> None:
    stack.wire.fail("PutEvents", faults.failed_entries(0))
    assert invoke(stack)["status"] == "complete"
    assert len(events(stack, "Snapshot Completed")) == 1


def test_metrics_that_cannot_be_written_do_not_unhappen_a_snapshot(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Closed:
        def write(self, _text: str) -> int:
            raise OSError("closed")

        def flush(self) -> None:
            raise OSError("closed")

    monkeypatch.setattr("sys.stdout", Closed())
    assert invoke(stack)["status"] == "complete"
    assert aftermath(stack).is_committed


@pytest.mark.parametrize(
    ("status", "code", "attempts"), [(412, "PreconditionFailed", 1), (409, "ConditionalRequestConflict", 2)]
)
def test_a_complete_that_loses_to_a_run_which_then_left_nothing_is_tried_again_in_the_run(
    stack: Stack, status: int, code: str, attempts: int
) -> None:
    """What was uploaded can be completed on another condition; only a conflict wants it uploaded again."""
    stack.wire.fail("CompleteMultipartUpload", faults.error(status, code))
    assert invoke(stack)["source"]["attempts"] == attempts
    there = aftermath(stack)
    assert there.manifest is not None
    assert (there.manifest["run_id"], there.open_uploads) == (there.raw_run_id, 0)


@pytest.mark.parametrize(
    ("behind", "is_there"),
    [("CreateMultipartUpload", False), ("CompleteMultipartUpload", True)],
    ids=["before the commit", "in the promotion"],
)
def test_a_look_at_the_object_that_is_refused_later_is_made_good_by_the_next_run(
    stack: Stack, behind: str, is_there: bool
) -> None:
    stack.wire.fail(behind, faults.call(lambda: stack.wire.fail("HeadObject", DENIED)))
    with pytest.raises(StorageError, match="checking raw/"):
        invoke(stack)
    there = aftermath(stack)
    assert (there.raw_run_id is not None) is is_there
    assert there.open_uploads == 0
    stack.wire.clear()
    invoke(stack)
    assert aftermath(stack).is_committed


def test_nothing_looks_at_the_object_again_once_its_manifest_is_put(stack: Stack) -> None:
    refused_from_here = faults.call(lambda: stack.wire.fail("HeadObject", DENIED))
    stack.wire.fail("PutObject", refused_from_here, key_contains="manifests/")
    assert invoke(stack)["status"] == "complete"
    there = aftermath(stack)
    assert there.raw_run_id is not None
    assert there.open_uploads == 0
    stack.wire.clear()
    invoke(stack)
    assert aftermath(stack).is_committed


def test_a_manifest_that_cannot_be_read_in_the_promotion_is_made_good_by_the_next_run(stack: Stack) -> None:
    stack.wire.fail("GetObject", DENIED, key_contains="manifests/")
    with pytest.raises(StorageError, match="reading manifests/"):
        invoke(stack)
    assert invoke(stack)["status"] == "already_complete"
    assert aftermath(stack).is_committed


def test_a_draft_that_was_put_and_not_answered_changes_nothing(stack: Stack) -> None:
    stack.wire.fail("PutObject", faults.lose_answer, key_contains="pending/")
    assert invoke(stack)["status"] == "complete"
    assert aftermath(stack).is_committed


def test_s3_that_does_not_answer_ends_the_run_before_the_function_is_killed(stack: Stack) -> None:
    stack.wire.fail("PutObject", faults.stall(60), key_contains="pending/", times=EVERY_TIME)
    with LambdaFunction(
        "spaaza_snapshots.export_handler.lambda_handler", stack.environment(), launch=forked
    ) as function:
        invocation = function.invoke({"chain_id": CHAIN}, deadline_seconds=RESERVE_SECONDS + 2)
    assert invocation.error_type == "StorageError"
    assert "writing pending/" in (invocation.error_message or "")
