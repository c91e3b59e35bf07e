"""Objects of ours in S3: whose each is, and on what condition one may be written over it."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NotRequired, TypedDict

from botocore.exceptions import ClientError

from spaaza_snapshots.base.aws_errors import LOST_CONDITION, MISSING, code_of, storage_errors

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CHECKSUM_ALGORITHM: Final = "CRC32"
RAW_TYPE: Final = "application/gzip"
"""Without a ContentEncoding, for clients would silently inflate the vendor's bytes."""

ROUNDS: Final = 10
"""How often others may be quicker before something must be wrong: each round that is lost, some other run has won."""

RUN_ID: Final = "run-id"
ACCEPTED: Final = "accepted"


class Condition(TypedDict):
    """What must be true of the key when a write takes effect."""

    IfMatch: NotRequired[str]
    IfNoneMatch: NotRequired[str]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of ours as S3 tells of it.

    `run_id` is None on one that no run of ours wrote. `accepted`: held once, and accepted by somebody since.
    """

    run_id: str | None
    etag: str
    version_id: str | None
    accepted: bool = False

    def is_of(self, run_id: str) -> bool:
        """Whether this attempt of a run wrote the object."""
        return self.run_id == run_id


def metadata_of(run_id: str, *, accepted: bool = False) -> dict[str, str]:
    """Return what a raw object says of itself."""
    return {RUN_ID: run_id, ACCEPTED: "true"} if accepted else {RUN_ID: run_id}


def unchanged(etag: str | None) -> Condition:
    """Return what S3 must still find at a key: the object with this ETag, or none."""
    return {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}


def put_over(s3: "S3Client", there_etag: str | None, *, Key: str, **put: Any) -> bool:  # noqa: N803 # boto3's own names
    """Put an object over the one with this ETag, or over none; False if another is there by now.

    Raises `StorageError`.
    """
    with storage_errors(f"writing {Key}"):
        try:
            s3.put_object(Key=Key, **put, **unchanged(there_etag))
        except ClientError as error:
            if code_of(error) in LOST_CONDITION:
                return False
            raise
    return True


def head(s3: "S3Client", bucket: str, key: str) -> StoredObject | None:
    """Return what lies at a key, or None; raises `StorageError`."""
    with storage_errors(f"looking at {key}"):
        try:
            answer = s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if code_of(error) in MISSING:
                return None
            raise
    metadata: Mapping[str, str] = answer["Metadata"]
    return StoredObject(metadata.get(RUN_ID), answer["ETag"], answer.get("VersionId"), ACCEPTED in metadata)


def crc32_of(checksum: str) -> int:
    """Read a CRC-32 as S3 spells it."""
    return int.from_bytes(base64.b64decode(checksum), "big")


def checksum_text(crc32: int) -> str:
    """Return a CRC-32 as S3 spells it: base64 of its four bytes, the highest first."""
    return base64.b64encode(crc32.to_bytes(4, "big")).decode()
