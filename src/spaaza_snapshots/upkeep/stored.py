"""Reads objects by key, at any version; `versions.py` lists every version, and deletes."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spaaza_snapshots.base.aws_errors import MISSING_VERSION, answer_of, storage_errors
from spaaza_snapshots.s3.objects import RUN_ID
from spaaza_snapshots.s3.snapshot_store import CHUNK_BYTES, MANIFEST_LIMIT_BYTES
from spaaza_snapshots.upkeep.versions import VersionedBucket

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Facts:
    """What S3 says of an object without reading it.

    `checksum`: the CRC-32 of the whole object as S3 encodes it; None if S3 keeps none, or only one of the parts.
    """

    version_id: str | None
    etag: str
    size_bytes: int
    run_id: str | None
    checksum: str | None


class ObjectReader:
    """Reads one bucket; every method raises `StorageError` if S3 fails. A version id of None is the current version."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self.bucket = bucket

    def facts(self, key: str, version_id: str | None = None) -> Facts | None:
        """Return what S3 says of an object, or None if it is gone."""
        with storage_errors(f"checking {key}"):
            answer = self._found(self._s3.head_object, key, version_id, ChecksumMode="ENABLED")
        return None if answer is None else _facts(answer)

    @contextmanager
    def opened(
        self, key: str, version_id: str | None = None, **part: str
    ) -> "Iterator[tuple[Facts, Iterator[bytes]] | None]":
        """Open an object, or only its `Range`, for reading in chunks; yields None if it is gone."""
        with storage_errors(f"reading {key}"):
            answer = self._found(self._s3.get_object, key, version_id, **part)
            if answer is None:
                yield None
                return
            with closing(answer["Body"]) as body:
                yield _facts(answer), body.iter_chunks(CHUNK_BYTES)

    def read(self, key: str, version_id: str | None = None) -> bytes | None:
        """Return a small object, or None if it is gone; of one above 64 MiB nothing is read."""
        with self.opened(key, version_id) as found:
            if found is None:
                return None
            facts, chunks = found
            return b"".join(chunks) if facts.size_bytes <= MANIFEST_LIMIT_BYTES else b""

    def tail(self, key: str, version_id: str | None, size_bytes: int) -> bytes:
        """Return the last bytes of an object, or as many as it has."""
        with self.opened(key, version_id, Range=f"bytes=-{size_bytes}") as found:
            return b"" if found is None else b"".join(found[1])

    def replaced_versions(self, key: str) -> Iterator[str]:
        """Yield the version ids of a key that are no longer current, newest first."""
        for version in VersionedBucket(self._s3, self.bucket).versions(key):
            if version.key == key and not version.is_latest and not version.is_marker:
                yield version.version_id

    def _found(self, call: Any, key: str, version_id: str | None, **more: str) -> Any:
        version = {} if version_id is None else {"VersionId": version_id}
        return answer_of(call, MISSING_VERSION, Bucket=self.bucket, Key=key, **version, **more)


def _facts(answer: Any) -> Facts:
    checksum, kind = answer.get("ChecksumCRC32"), answer.get("ChecksumType", "FULL_OBJECT")
    return Facts(
        version_id=answer.get("VersionId"),
        etag=answer["ETag"],
        size_bytes=answer["ContentLength"],
        run_id=answer["Metadata"].get(RUN_ID),
        # a checksum of the parts' checksums ends in "-" and how many parts there are
        checksum=checksum if kind == "FULL_OBJECT" and "-" not in (checksum or "-") else None,
    )
