"""Our objects in S3: which run wrote each one, and on what condition it may be replaced."""

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NotRequired, TypedDict

from spaaza_snapshots.base.aws_errors import AWS_NEXT_RUN, LOST_CONDITION, MISSING, answer_of, storage_errors

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CHECKSUM_ALGORITHM: Final = "CRC32"
RAW_TYPE: Final = "application/gzip"
"""Without a ContentEncoding, because clients would silently decompress the vendor's bytes."""

ROUNDS: Final = 10
"""How often other runs may be faster before something must be wrong: each lost round is one that another run won."""

RUN_ID: Final = "run-id"
ACCEPTED: Final = "accepted"


class Condition(TypedDict):
    """What must be true of the key when a write takes effect."""

    IfMatch: NotRequired[str]
    IfNoneMatch: NotRequired[str]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One of our objects as S3 describes it.

    `run_id` is None if no run of ours wrote it. `accepted`: the object was held, and somebody has accepted it.
    """

    run_id: str | None
    etag: str
    version_id: str | None
    accepted: bool = False

    def is_of(self, run_id: str) -> bool:
        """Whether this attempt of a run wrote the object."""
        return self.run_id == run_id


def metadata_of(run_id: str, *, accepted: bool = False) -> dict[str, str]:
    """Return the metadata of an object that a run writes: its run id, and whether somebody accepted it."""
    return {RUN_ID: run_id, ACCEPTED: "true"} if accepted else {RUN_ID: run_id}


def unchanged(etag: str | None) -> Condition:
    """Return the condition that a key still has the object with this ETag, or none."""
    return {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}


def put_over(
    s3: "S3Client",
    there_etag: str | None,
    *,
    Key: str,  # noqa: N803 # boto3's own name, as are those of `put`
    hint: str = AWS_NEXT_RUN,
    **put: Any,
) -> bool:
    """Replace the object with this ETag, or create one if None; False if another object is there.

    Raises `StorageError`.
    """
    with storage_errors(f"writing {Key}", hint):
        return answer_of(s3.put_object, LOST_CONDITION, Key=Key, **put, **unchanged(there_etag)) is not None


def head(s3: "S3Client", bucket: str, key: str) -> StoredObject | None:
    """Return the object at a key, or None; raises `StorageError`."""
    with storage_errors(f"checking {key}"):
        answer = answer_of(s3.head_object, MISSING, Bucket=bucket, Key=key)
    if answer is None:
        return None
    metadata = answer["Metadata"]
    return StoredObject(metadata.get(RUN_ID), answer["ETag"], answer.get("VersionId"), ACCEPTED in metadata)


def checksum_text(crc32: int) -> str:
    """Return a CRC-32 as S3 encodes it: base64 of its four bytes, big-endian."""
    return base64.b64encode(crc32.to_bytes(4, "big")).decode()
