"""What the product assumes of uploads, checksums and versions: each raises `NotHeld`, or returns what it saw."""

import base64
import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from botocore.exceptions import ClientError

from spaaza_snapshots.base.aws_errors import MISSING, code_of
from spaaza_snapshots.s3.multipart import NO_SUCH_UPLOAD, PART_BYTES
from spaaza_snapshots.s3.objects import RUN_ID
from spaaza_snapshots.s3.snapshot_store import ACCEPTED_PART_BYTES
from tools.contract_place import NotHeld, Place, Upload, crc32_text, cut, must, refused, status_of

WHOLE: Final = bytes(range(256)) * ((ACCEPTED_PART_BYTES + 1024) // 256)
"""Two parts in either size of part."""

FENCE_SECONDS: Final = 0.15
"""The latest that an abort follows its Complete: a small one takes S3 less."""

BAD: Final = (400,)
MISSING_STATUS: Final = (404,)


def a_right_crc32_of_the_whole_is_kept_with_the_object(place: Place) -> str:
    """The proof that what was inspected is what is stored."""
    place.upload("crc32-right", cut(WHOLE)).complete()
    there = place.head("crc32-right")
    told = there and (there.get("ChecksumCRC32"), there.get("ChecksumType"))
    must(told == (crc32_text(WHOLE), "FULL_OBJECT"), f"HeadObject tells of {told}")
    return f"{crc32_text(WHOLE)}, FULL_OBJECT"


def the_attributes_of_an_object_tell_its_crc32_and_its_size(place: Place) -> str:
    """Who audits an object can compare it with its manifest, and need not read it."""
    place.upload("attributes", cut(WHOLE)).complete()
    told = place.s3.get_object_attributes(**place.at("attributes"), ObjectAttributes=["Checksum", "ObjectSize"])
    must(told.get("ObjectSize") == len(WHOLE), f"GetObjectAttributes tells of {told.get('ObjectSize')} bytes")
    checksum = told.get("Checksum", {}).get("ChecksumCRC32")
    must(checksum == crc32_text(WHOLE), f"GetObjectAttributes tells of the checksum {checksum}")
    return f"{checksum}, {len(WHOLE):,} bytes"


def a_wrong_crc32_of_the_whole_is_refused_and_leaves_no_object(place: Place) -> str:
    """Something was changed on its way."""
    upload = place.upload("crc32-wrong", cut(WHOLE))
    return _no_object(place, "crc32-wrong", refused(BAD, upload.complete, ChecksumCRC32=crc32_text(b"other")))


def a_wrong_size_of_the_whole_is_refused_and_leaves_no_object(place: Place) -> str:
    """A part was forgotten."""
    upload = place.upload("size-wrong", [b"eight by"])
    return _no_object(place, "size-wrong", refused(BAD, upload.complete, MpuObjectSize=9))


def a_part_with_a_wrong_crc32_is_refused(place: Place) -> str:
    """A part was changed on its way."""
    upload = place.upload("part-wrong")
    part = {"PartNumber": 2, "Body": b"more", "ChecksumCRC32": crc32_text(b"less")}
    return refused(BAD, place.s3.upload_part, **upload.id, **part)


def a_put_with_a_wrong_sha256_is_refused_and_leaves_no_object(place: Place) -> str:
    """A typed copy was changed on its way."""
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    return _no_object(place, "sha256-wrong", refused(BAD, place.put, name="sha256-wrong", ChecksumSHA256=wrong))


def a_key_without_an_object_is_a_404(place: Place) -> str:
    """Nothing was committed yet: a run must be able to tell that from not being allowed to look."""
    try:
        place.s3.head_object(**place.at("missing"))
    except ClientError as error:
        if status_of(error) == 403:
            raise NotHeld("403: who asks needs s3:ListBucket to be told that a key is missing") from error
        must(code_of(error) in MISSING, f"{status_of(error)} {code_of(error)}")
        return "404"
    raise NotHeld("something is there")


def an_object_is_invisible_before_its_complete(place: Place) -> str:
    """Nobody sees half an export."""
    upload = place.upload("invisible")
    must(place.head("invisible") is None and "invisible" not in place.listed(), "visible before its Complete")
    upload.complete()
    must(place.head("invisible") is not None, "missing after its Complete")
    return "404, then there"


def a_list_shows_what_was_written_and_removed_just_before(place: Place) -> str:
    """A run looks for the manifest before its own."""
    place.put("listed")
    must("listed" in place.listed(), "not listed after the Put")
    place.s3.delete_object(**place.at("listed"))
    must("listed" not in place.listed(), "still listed after the Delete")
    return "listed, then not"


def behind_a_confirmed_abort_a_complete_finds_no_upload(place: Place) -> str:
    """What was aborted never becomes an object."""
    upload = place.upload("fenced")
    aborted = upload.abort()
    try:
        upload.complete()
    except ClientError as error:
        must(code_of(error) == NO_SUCH_UPLOAD, f"refused with {code_of(error)}")
        return _no_object(place, "fenced", f"aborted with {aborted}, then {NO_SUCH_UPLOAD}")
    raise NotHeld("completed after it was aborted")


def behind_a_confirmed_abort_a_complete_under_way_changes_nothing(place: Place) -> str:
    """A Complete that nobody has answered is fenced by an abort: what is seen behind it stays.

    AWS writes this down nowhere. Each round aborts a little later, so that some meet the Complete under way.
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
        must(behind or not completing.result(), f"round {number + 1}: completed, and not there behind the abort")
        must((place.head(name) is not None) == behind, f"round {number + 1}: what lies there changed behind the abort")
        seen["completed" if behind else "fenced"] += 1
    return f"{place.rounds} rounds: " + ", ".join(f"{times} {what}" for what, times in seen.items() if times)


def aborting_a_completed_upload_leaves_its_object(place: Place) -> str:
    """A Complete has happened and its answer was lost; S3 may say NoSuchUpload to the abort, or confirm it."""
    upload = place.upload("completed", run_id="run-7")
    upload.complete()
    answer = upload.abort()
    there = place.head("completed")
    must(there and there["Metadata"] == {RUN_ID: "run-7"}, f"{answer}, and the object is gone")
    return answer


def completing_a_completed_upload_leaves_its_object(place: Place) -> str:
    """The SDK repeats a Complete whose answer was lost; S3 may take it again, or refuse it for either reason."""
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
    """An abort has happened and its answer was lost; S3 may say NoSuchUpload to the next, or confirm it."""
    upload = place.upload("aborted-twice")
    upload.abort()
    return upload.abort()


def the_run_id_given_at_create_is_on_the_object(place: Place) -> str:
    """Tells whose object lies there."""
    place.upload("metadata", run_id="run-7").complete()
    there = place.head("metadata")
    told = there["Metadata"] if there else None
    must(told == {RUN_ID: "run-7"}, f"HeadObject tells of {told}")
    return "run-7"


def a_replaced_object_is_still_read_by_the_version_of_its_complete(place: Place) -> str:
    """The very bytes that a manifest names, be they replaced meanwhile."""
    versions = [place.upload("version", [body]).complete().get("VersionId") for body in (b"1", b"2")]
    must(all(versions), "no VersionId: the bucket is not versioned, and the stack's is")
    there = place.head("version")
    must(there and there.get("VersionId") == versions[1], "HeadObject tells of another version than Complete")
    must([place.read("version", VersionId=version) for version in versions] == [b"1", b"2"], "other bytes")
    return "two versions, each with its bytes"


def a_version_that_was_removed_is_a_404(place: Place) -> str:
    """An old version has expired."""
    place.put("version-gone", b"1")
    there = place.head("version-gone")
    version = there.get("VersionId") if there else None
    must(version, "no VersionId: the bucket is not versioned, and the stack's is")
    place.s3.delete_object(**place.at("version-gone"), VersionId=str(version))
    return refused(MISSING_STATUS, place.read, name="version-gone", VersionId=version)


def the_same_bytes_in_other_parts_have_another_etag(place: Place) -> str:
    """An export that was accepted differs from the one that was held."""
    held = place.upload("etag", cut(WHOLE, PART_BYTES)).complete()["ETag"]
    accepted = place.upload("etag", cut(WHOLE, ACCEPTED_PART_BYTES)).complete(IfMatch=held)["ETag"]
    must(held != accepted, f"both are {held}")
    return f"{held}, then {accepted}"


def the_same_bytes_put_in_one_have_another_etag_than_uploaded(place: Place) -> str:
    """The same for an export of one part, which is accepted by a Put."""
    held = place.upload("etag-put", [b"small"]).complete()["ETag"]
    accepted = place.put("etag-put", b"small", IfMatch=held)
    must(held != accepted, f"both are {held}")
    return f"{held}, then {accepted}"


def _no_object(place: Place, name: str, answer: str) -> str:
    must(place.head(name) is None, f"{answer}, but there is an object")
    return answer


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


OBJECTS = (
    a_right_crc32_of_the_whole_is_kept_with_the_object,
    the_attributes_of_an_object_tell_its_crc32_and_its_size,
    a_wrong_crc32_of_the_whole_is_refused_and_leaves_no_object,
    a_wrong_size_of_the_whole_is_refused_and_leaves_no_object,
    a_part_with_a_wrong_crc32_is_refused,
    a_put_with_a_wrong_sha256_is_refused_and_leaves_no_object,
    a_key_without_an_object_is_a_404,
    an_object_is_invisible_before_its_complete,
    a_list_shows_what_was_written_and_removed_just_before,
    behind_a_confirmed_abort_a_complete_finds_no_upload,
    behind_a_confirmed_abort_a_complete_under_way_changes_nothing,
    aborting_a_completed_upload_leaves_its_object,
    completing_a_completed_upload_leaves_its_object,
    aborting_an_aborted_upload_is_confirmed,
    the_run_id_given_at_create_is_on_the_object,
    a_replaced_object_is_still_read_by_the_version_of_its_complete,
    a_version_that_was_removed_is_a_404,
    the_same_bytes_in_other_parts_have_another_etag,
    the_same_bytes_put_in_one_have_another_etag_than_uploaded,
)
