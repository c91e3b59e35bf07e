"""What the product assumes about checksums, versions and ETags: each raises `NotHeld`, or returns what it saw."""

import base64
import hashlib
from typing import Final

from botocore.exceptions import ClientError

from spaaza_snapshots.base.aws_errors import MISSING, code_of
from spaaza_snapshots.s3.multipart import PART_BYTES
from spaaza_snapshots.s3.objects import RUN_ID
from spaaza_snapshots.s3.snapshot_store import ACCEPTED_PART_BYTES
from tools.contract.place import NotHeld, Place, crc32_text, cut, must, refused, status_of

WHOLE: Final = bytes(range(256)) * ((ACCEPTED_PART_BYTES + 1024) // 256)
"""Two parts with either part size."""

BAD: Final = (400,)
MISSING_STATUS: Final = (404,)


def a_right_crc32_of_the_whole_is_kept_with_the_object(place: Place) -> str:
    """The proof that what was inspected is what is stored."""
    place.upload("crc32-right", cut(WHOLE)).complete()
    there = place.head("crc32-right")
    told = there and (there.get("ChecksumCRC32"), there.get("ChecksumType"))
    must(told == (crc32_text(WHOLE), "FULL_OBJECT"), f"HeadObject says {told}")
    return f"{crc32_text(WHOLE)}, FULL_OBJECT"


def the_attributes_of_an_object_tell_its_crc32_and_its_size(place: Place) -> str:
    """An audit can compare an object with its manifest without reading it."""
    place.upload("attributes", cut(WHOLE)).complete()
    told = place.s3.get_object_attributes(**place.at("attributes"), ObjectAttributes=["Checksum", "ObjectSize"])
    must(told.get("ObjectSize") == len(WHOLE), f"GetObjectAttributes says {told.get('ObjectSize')} bytes")
    checksum = told.get("Checksum", {}).get("ChecksumCRC32")
    must(checksum == crc32_text(WHOLE), f"GetObjectAttributes says checksum {checksum}")
    return f"{checksum}, {len(WHOLE):,} bytes"


def a_wrong_crc32_of_the_whole_is_refused_and_leaves_no_object(place: Place) -> str:
    """Something was changed in transit."""
    upload = place.upload("crc32-wrong", cut(WHOLE))
    return _no_object(place, "crc32-wrong", refused(BAD, upload.complete, ChecksumCRC32=crc32_text(b"other")))


def a_wrong_size_of_the_whole_is_refused_and_leaves_no_object(place: Place) -> str:
    """A part was forgotten."""
    upload = place.upload("size-wrong", [b"eight by"])
    return _no_object(place, "size-wrong", refused(BAD, upload.complete, MpuObjectSize=9))


def a_part_with_a_wrong_crc32_is_refused(place: Place) -> str:
    """A part was changed in transit."""
    upload = place.upload("part-wrong")
    part = {"PartNumber": 2, "Body": b"more", "ChecksumCRC32": crc32_text(b"less")}
    return refused(BAD, place.s3.upload_part, **upload.id, **part)


def a_put_with_a_wrong_sha256_is_refused_and_leaves_no_object(place: Place) -> str:
    """A typed copy was changed in transit."""
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    return _no_object(place, "sha256-wrong", refused(BAD, place.put, name="sha256-wrong", ChecksumSHA256=wrong))


def a_key_without_an_object_is_a_404(place: Place) -> str:
    """Nothing is committed yet: a run must be able to tell that from a lack of permission."""
    try:
        place.s3.head_object(**place.at("missing"))
    except ClientError as error:
        if status_of(error) == 403:
            raise NotHeld("403: to learn that a key is missing, the caller needs s3:ListBucket") from error
        must(code_of(error) in MISSING, f"{status_of(error)} {code_of(error)}")
        return "404"
    raise NotHeld("something is there")


def a_list_shows_what_was_written_and_removed_just_before(place: Place) -> str:
    """A run looks for the previous manifest."""
    place.put("listed")
    must("listed" in place.listed(), "not listed after the Put")
    place.s3.delete_object(**place.at("listed"))
    must("listed" not in place.listed(), "still listed after the Delete")
    return "listed, then not"


def the_run_id_given_at_create_is_on_the_object(place: Place) -> str:
    """Says which run wrote the object."""
    place.upload("metadata", run_id="run-7").complete()
    there = place.head("metadata")
    told = there["Metadata"] if there else None
    must(told == {RUN_ID: "run-7"}, f"HeadObject says {told}")
    return "run-7"


def a_replaced_object_is_still_read_by_the_version_of_its_complete(place: Place) -> str:
    """The exact bytes that a manifest names, even if replaced since."""
    versions = [place.upload("version", [body]).complete().get("VersionId") for body in (b"1", b"2")]
    must(all(versions), "no VersionId: the bucket is not versioned, and the stack's is")
    there = place.head("version")
    must(there and there.get("VersionId") == versions[1], "HeadObject and Complete name different versions")
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
    """An accepted export differs from the held one."""
    held = place.upload("etag", cut(WHOLE, PART_BYTES)).complete()["ETag"]
    accepted = place.upload("etag", cut(WHOLE, ACCEPTED_PART_BYTES)).complete(IfMatch=held)["ETag"]
    must(held != accepted, f"both are {held}")
    return f"{held}, then {accepted}"


def the_same_bytes_put_in_one_have_another_etag_than_uploaded(place: Place) -> str:
    """The same for an export of one part, which a Put accepts."""
    held = place.upload("etag-put", [b"small"]).complete()["ETag"]
    accepted = place.put("etag-put", b"small", IfMatch=held)
    must(held != accepted, f"both are {held}")
    return f"{held}, then {accepted}"


def _no_object(place: Place, name: str, answer: str) -> str:
    must(place.head(name) is None, f"{answer}, but there is an object")
    return answer


OBJECTS = (
    a_right_crc32_of_the_whole_is_kept_with_the_object,
    the_attributes_of_an_object_tell_its_crc32_and_its_size,
    a_wrong_crc32_of_the_whole_is_refused_and_leaves_no_object,
    a_wrong_size_of_the_whole_is_refused_and_leaves_no_object,
    a_part_with_a_wrong_crc32_is_refused,
    a_put_with_a_wrong_sha256_is_refused_and_leaves_no_object,
    a_key_without_an_object_is_a_404,
    a_list_shows_what_was_written_and_removed_just_before,
    the_run_id_given_at_create_is_on_the_object,
    a_replaced_object_is_still_read_by_the_version_of_its_complete,
    a_version_that_was_removed_is_a_404,
    the_same_bytes_in_other_parts_have_another_etag,
    the_same_bytes_put_in_one_have_another_etag_than_uploaded,
)
