"""What the commit assumes about the two ends of an upload: each function raises `NotHeld`, or returns what it saw."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from botocore.exceptions import ClientError

from spaaza_snapshots.base.aws_errors import code_of
from spaaza_snapshots.s3.multipart import NO_SUCH_UPLOAD
from spaaza_snapshots.s3.objects import RUN_ID
from tools.contract.place import NotHeld, Place, Upload, must, status_of

FENCE_SECONDS: Final = 0.15
"""The longest delay of an abort after its Complete: S3 completes a small upload faster."""


def an_object_is_invisible_before_its_complete(place: Place) -> str:
    """Nobody sees half an export."""
    upload = place.upload("invisible")
    must(place.head("invisible") is None and "invisible" not in place.listed(), "visible before its Complete")
    upload.complete()
    must(place.head("invisible") is not None, "missing after its Complete")
    return "404, then there"


def behind_a_confirmed_abort_a_complete_finds_no_upload(place: Place) -> str:
    """What was aborted never becomes an object."""
    upload = place.upload("fenced")
    aborted = upload.abort()
    try:
        upload.complete()
    except ClientError as error:
        must(code_of(error) == NO_SUCH_UPLOAD, f"refused with {code_of(error)}")
        must(place.head("fenced") is None, f"refused with {code_of(error)}, but there is an object")
        return f"aborted with {aborted}, then {NO_SUCH_UPLOAD}"
    raise NotHeld("completed after it was aborted")


def behind_a_confirmed_abort_a_complete_under_way_changes_nothing(place: Place) -> str:
    """An abort fences a Complete without an answer: what is seen after the abort stays.

    AWS does not document this. Each round aborts a little later, so that some hit the Complete in progress.
    """
    seen = {"completed": 0, "fenced": 0, "not confirmed": 0}
    for number in range(place.rounds):
        name = f"under-way-{number}"
        upload = place.upload(name)
        with ThreadPoolExecutor(1) as thread:
            completing = thread.submit(_is_completed, upload)
            time.sleep(number * FENCE_SECONDS / place.rounds)
            confirmed = _is_aborted(upload)
            behind = place.head(name) is not None
        if not confirmed:
            seen["not confirmed"] += 1
            continue
        must(behind or not completing.result(), f"round {number + 1}: completed, but not there after the abort")
        must((place.head(name) is not None) == behind, f"round {number + 1}: the object changed after the abort")
        seen["completed" if behind else "fenced"] += 1
    return f"{place.rounds} rounds: " + ", ".join(f"{times} {what}" for what, times in seen.items() if times)


def aborting_a_completed_upload_leaves_its_object(place: Place) -> str:
    """A Complete happened and its answer was lost; S3 may answer the abort with NoSuchUpload, or confirm it."""
    upload = place.upload("completed", run_id="run-7")
    upload.complete()
    answer = upload.abort()
    there = place.head("completed")
    must(there and there["Metadata"] == {RUN_ID: "run-7"}, f"{answer}, and the object is gone")
    return answer


def completing_a_completed_upload_leaves_its_object(place: Place) -> str:
    """The SDK repeats a Complete whose answer was lost; S3 may accept it again, or refuse it for either reason."""
    upload = place.upload("completed-twice", run_id="run-7")
    upload.complete(IfNoneMatch="*")
    try:
        upload.complete(IfNoneMatch="*")
        answer = "200"
    except ClientError as error:
        answer = f"{status_of(error)} {code_of(error)}"
        must(code_of(error) in {NO_SUCH_UPLOAD, "PreconditionFailed"}, f"refused with {answer}")
    there = place.head("completed-twice")
    must(there and there["Metadata"] == {RUN_ID: "run-7"}, f"{answer}, and the object is gone")
    return answer


def aborting_an_aborted_upload_is_confirmed(place: Place) -> str:
    """An abort happened and its answer was lost; S3 may answer the next with NoSuchUpload, or confirm it."""
    upload = place.upload("aborted-twice")
    upload.abort()
    return upload.abort()


def _is_completed(upload: Upload) -> bool:
    try:
        upload.complete()
    except ClientError:
        return False
    return True


def _is_aborted(upload: Upload) -> bool:
    try:
        upload.abort()
    except ClientError:
        return False
    return True


ENDS = (
    an_object_is_invisible_before_its_complete,
    behind_a_confirmed_abort_a_complete_finds_no_upload,
    behind_a_confirmed_abort_a_complete_under_way_changes_nothing,
    aborting_a_completed_upload_leaves_its_object,
    completing_a_completed_upload_leaves_its_object,
    aborting_an_aborted_upload_is_confirmed,
)
