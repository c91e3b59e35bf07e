"""What an upload asks of S3, to the letter, and what it says when S3 fails."""

import time
from threading import Event
from typing import Any

import pytest
from isal import isal_zlib

from sandbox.aws.stack import Stack
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME
from spaaza_snapshots.base.aws_errors import AWS_NEXT_RUN
from spaaza_snapshots.base.clock import RESERVE_SECONDS
from spaaza_snapshots.errors import ExportInterrupted, OutOfTime, StorageError
from spaaza_snapshots.s3 import multipart
from spaaza_snapshots.s3.multipart import GRACE_SECONDS, MultipartUpload
from spaaza_snapshots.s3.objects import StoredObject, checksum_text
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.snapshot.wiring import clients_for
from tests.support.builders import HeldClock
from tests.support.log_records import logged

KEY = "raw/users/chain_id=1743/dt=2026-11-22/users.csv.gz"
BODY = b"some bytes"
CRC32 = isal_zlib.crc32(BODY)
DENIED = faults.error(403, "AccessDenied")
UNFENCED = "S3 did not confirm a commit, and the upload could not be aborted"
MAY_STILL = "S3 may still complete it. The next scheduled run recovers."


def an_upload(stack: Stack, held: HeldClock | None = None, *, part_bytes: int = 1024) -> MultipartUpload:
    s3 = clients_for(Settings.from_environment(stack.environment())).s3
    clock = (held or HeldClock()).clock()
    return MultipartUpload(s3, s3, stack.bucket, KEY, "run", clock, part_bytes=part_bytes)


def complete(upload: MultipartUpload) -> object:
    with upload:
        upload.write(BODY)
        return upload.complete(checksum_text(CRC32), {})


def test_every_call_of_an_upload_is_asked_for_as_s3_documents_it(stack: Stack) -> None:
    asked: dict[str, Any] = {}
    s3 = clients_for(Settings.from_environment(stack.environment())).s3

    def hear(params: dict[str, Any], model: Any, **_: object) -> None:
        asked[model.name] = dict(params)

    s3.meta.events.register("provide-client-params.s3", hear)
    assert complete(an_upload(stack)) is not None
    place = {"Bucket": stack.bucket, "Key": KEY}
    checksum = checksum_text(CRC32)
    upload_id = {"UploadId": asked["UploadPart"]["UploadId"]}
    part = {"PartNumber": 1, "ETag": asked["CompleteMultipartUpload"]["MultipartUpload"]["Parts"][0]["ETag"]}
    assert asked == {
        "CreateMultipartUpload": {
            **place,
            "ContentType": "application/gzip",
            "Metadata": {"run-id": "run"},
            "ChecksumAlgorithm": "CRC32",
            "ChecksumType": "FULL_OBJECT",
        },
        "UploadPart": {**place, **upload_id, "PartNumber": 1, "Body": BODY, "ChecksumCRC32": checksum},
        "CompleteMultipartUpload": {
            **place,
            **upload_id,
            "MultipartUpload": {"Parts": [{**part, "ChecksumCRC32": checksum}]},
            "ChecksumCRC32": checksum,
            "ChecksumType": "FULL_OBJECT",
            "MpuObjectSize": len(BODY),
        },
    }


def test_a_complete_tells_what_s3_tells_of_the_object(stack: Stack) -> None:
    stored = complete(an_upload(stack))
    head = stack.s3.head_object(Bucket=stack.bucket, Key=KEY)
    assert stored == StoredObject("run", head["ETag"], head["VersionId"], accepted=False)


@pytest.mark.parametrize(
    ("operation", "doing"),
    [
        ("CreateMultipartUpload", "creating the upload of"),
        ("UploadPart", "uploading part 1 of"),
        ("CompleteMultipartUpload", "completing the upload of"),
    ],
)
def test_a_call_that_s3_refuses_is_named_with_its_key(stack: Stack, operation: str, doing: str) -> None:
    stack.wire.fail(operation, DENIED, times=EVERY_TIME)
    with pytest.raises(StorageError) as caught:
        complete(an_upload(stack))
    assert caught.value.args[:2] == (f"AWS failed while {doing} {KEY}", "AccessDenied, HTTP 403")


def test_an_upload_that_s3_has_lost_is_to_be_made_again(stack: Stack) -> None:
    stack.wire.fail("CompleteMultipartUpload", faults.error(404, "NoSuchUpload"), times=EVERY_TIME)
    with pytest.raises(ExportInterrupted) as caught:
        complete(an_upload(stack))
    assert caught.value.args == ("S3 needs the export uploaded again", "NoSuchUpload", AWS_NEXT_RUN)


@pytest.mark.parametrize(
    ("fault", "code"),
    [(faults.drop_request, "ConnectionClosedError"), (faults.error(400, "InvalidPart"), "InvalidPart")],
)
def test_a_complete_whose_upload_cannot_be_aborted_may_still_happen(
    stack: Stack, caplog: pytest.LogCaptureFixture, fault: faults.Fault, code: str
) -> None:
    stack.wire.fail("CompleteMultipartUpload", fault, times=EVERY_TIME)
    stack.wire.fail("AbortMultipartUpload", DENIED)
    with pytest.raises(StorageError) as caught:
        complete(an_upload(stack))
    assert caught.value.args == (UNFENCED, f"{KEY}, {code}", MAY_STILL)
    assert logged(caplog, "An upload could not be aborted") == [{"key": KEY, "error": "AccessDenied"}]


def test_an_abort_that_is_not_answered_is_no_fence_either(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    stack.wire.fail("CompleteMultipartUpload", faults.error(400, "InvalidPart"))
    stack.wire.fail("AbortMultipartUpload", faults.drop_request, times=EVERY_TIME)
    with pytest.raises(StorageError, match="could not be aborted"):
        complete(an_upload(stack))
    assert logged(caplog, "An upload could not be aborted") == [{"key": KEY, "error": "ConnectionClosedError"}]


def test_an_upload_that_is_no_longer_there_needs_no_abort(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    stack.wire.fail("CompleteMultipartUpload", faults.error(400, "InvalidPart"))
    stack.wire.fail("AbortMultipartUpload", faults.error(404, "NoSuchUpload"))
    with pytest.raises(StorageError, match="AWS failed while completing"):
        complete(an_upload(stack))
    assert logged(caplog, "An upload could not be aborted") == []


def test_more_than_the_largest_upload_says_what_to_raise(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "MAX_PARTS", 2)
    with pytest.raises(StorageError) as caught, an_upload(stack, part_bytes=1024) as upload:
        upload.write(bytes(2049 + 1024))
    assert caught.value.args == (
        "The export is too large for one upload",
        "2,048 bytes in 2 parts of 1,024",
        "Raise PART_BYTES in multipart.py, and the function's memory with it.",
    )


def test_an_upload_that_was_not_begun_takes_nothing(stack: Stack) -> None:
    upload = an_upload(stack)
    upload.write(BODY)
    with pytest.raises(StorageError) as caught:
        upload.flush()
    assert caught.value.args == ("This upload has ended", KEY, "This is a bug: look at the function's log.")


def test_a_part_may_use_the_grace_but_no_more(stack: Stack) -> None:
    stack.wire.fail("UploadPart", faults.stall(0.3))
    assert complete(an_upload(stack, HeldClock(left_seconds=3 - GRACE_SECONDS))) is not None


def test_a_part_that_outlasts_the_grace_ends_the_run(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "STRAGGLERS_SECONDS", 0.05)
    stack.wire.fail("UploadPart", faults.stall(0.7))
    with pytest.raises(OutOfTime) as caught:
        complete(an_upload(stack, HeldClock(left_seconds=-RESERVE_SECONDS)))
    assert caught.value.what == "Too little time was left while uploading a part"
    assert caught.value.detail.startswith(f"{len(BODY)} bytes sent; ")


def test_leaving_waits_for_a_part_only_as_long_as_stragglers_may(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "STRAGGLERS_SECONDS", 0.05)
    reached, release = Event(), Event()
    stack.wire.fail("UploadPart", faults.hold(release, reached=reached))
    with an_upload(stack) as upload:
        upload.write(bytes(1024))
        assert reached.wait(20)
        began = time.monotonic()
        stack.wire.fail("AbortMultipartUpload", faults.call(release.set, when="after"))
    assert time.monotonic() - began < 20
    assert [call.operation for call in stack.wire.calls][:2] == ["CreateMultipartUpload", "AbortMultipartUpload"]
