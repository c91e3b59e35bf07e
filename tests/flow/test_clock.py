"""The function's time runs out at every step: before the commit the run ends cleanly, behind it the run goes on."""

from dataclasses import replace
from threading import Thread
from typing import Literal

import pytest

from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import Pause, generated_users, refusal, sample_users
from sandbox.wire import faults
from spaaza_snapshots.errors import ExportUnavailable, OutOfTime
from tests.support.builders import HeldClock
from tests.support.flow import aftermath, invoke

BEFORE_THE_COMMIT = ["GetSecretValue", "HeadObject", "ListObjectsV2", "CreateMultipartUpload", "UploadPart"]
FROM_THE_COMMIT_ON = ["PutObject", "CompleteMultipartUpload", "DeleteObject", "CreateTable", "PutEvents"]


@pytest.mark.parametrize("operation", BEFORE_THE_COMMIT)
def test_time_that_runs_out_before_the_commit_leaves_nothing(stack: Stack, operation: str) -> None:
    held = HeldClock()
    stack.wire.fail(operation, faults.call(held.run_out))
    with pytest.raises(OutOfTime):
        invoke(stack, held=held)
    assert aftermath(stack).is_nothing
    assert invoke(stack)["status"] == "complete"


@pytest.mark.parametrize("operation", FROM_THE_COMMIT_ON)
def test_time_that_runs_out_in_the_commit_is_what_the_reserve_is_for(stack: Stack, operation: str) -> None:
    held = HeldClock()
    stack.wire.fail(operation, faults.call(held.run_out))
    assert invoke(stack, held=held)["status"] == "complete"
    assert aftermath(stack).is_committed


def test_time_that_runs_out_in_mid_stream_says_how_far_it_came_and_at_what_rate(stack: Stack) -> None:
    held = HeldClock()
    pause = Pause(after_bytes=1_000_000)
    stack.spaaza.script(replace(generated_users(100_000), pause=pause))

    def run_out_in_mid_stream() -> None:
        assert pause.reached.wait(20)
        held.run_out()
        pause.resume.set()

    Thread(target=run_out_in_mid_stream).start()
    with pytest.raises(OutOfTime, match=r"streaming the export: [1-9][\d,]+ bytes of gzip in .* MB/s; 5 s"):
        invoke(stack, held=held)
    assert aftermath(stack).is_nothing


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_a_stall_that_would_outlast_the_function_is_cut_off_in_time(
    stack: Stack, framing: Literal["chunked", "close"]
) -> None:
    held = HeldClock(left_seconds=1)  # the read timeout is sixty
    stack.spaaza.script(replace(sample_users(), framing=framing, stall_after_bytes=500))
    with pytest.raises(OutOfTime, match="waiting for the export: 500 bytes"):
        invoke(stack, held=held)
    assert aftermath(stack).is_nothing


def test_a_part_that_s3_does_not_take_in_time_ends_the_run(stack: Stack) -> None:
    held = HeldClock(left_seconds=1)
    stack.wire.fail("UploadPart", faults.stall(30))
    with pytest.raises(OutOfTime, match="uploading a part"):
        invoke(stack, held=held)
    there = aftermath(stack)
    assert (there.raw_run_id, there.manifest, there.open_uploads) == (None, None, 0)


def test_no_attempt_is_waited_for_that_would_come_too_late(stack: Stack) -> None:
    held = HeldClock(left_seconds=2)
    stack.spaaza.serve(refusal(503, headers={"Retry-After": "3"}))
    with pytest.raises(ExportUnavailable):
        invoke(stack, held=held)
    assert held.slept == []
    assert len(stack.spaaza.requests) == 1


@pytest.mark.parametrize(("asked", "slept"), [("7", [7.0, 7.0]), ("61", [])])
def test_a_wait_that_spaaza_asks_for_is_kept_up_to_a_minute(stack: Stack, asked: str, slept: list[float]) -> None:
    held = HeldClock()
    stack.spaaza.serve(refusal(429, headers={"Retry-After": asked}))
    with pytest.raises(ExportUnavailable):
        invoke(stack, held=held)
    assert held.slept == slept
