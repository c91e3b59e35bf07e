"""The bucket as the commit sees it: the raw object and its manifest change only if no other run was faster."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from spaaza_snapshots.base.aws_errors import LOST_CONDITION, MISSING, answer_of, storage_errors
from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import logger
from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.model import keys
from spaaza_snapshots.model.erasure import Erasure, ErasureRecords
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.model.quality import Quality, quality_of
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.multipart import PART_BYTES, MultipartUpload
from spaaza_snapshots.s3.objects import RAW_TYPE, StoredObject, head, metadata_of, put_over, unchanged

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from types_boto3_s3 import S3Client

CHUNK_BYTES = 1024 * 1024

MANIFEST_LIMIT_BYTES = 64 * 1024 * 1024
"""More than the manifest of the widest export allowed: a larger object is not a manifest, and is not read."""

ACCEPTED_PART_BYTES = PART_BYTES + CHUNK_BYTES
"""Differs from an export's part size, so that an accepted copy has a different ETag."""


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """The manifest at a manifest's key, None if it cannot be read as one, and the ETag of the object."""

    manifest: Manifest | None
    etag: str


@dataclass(frozen=True, slots=True)
class Predecessor:
    """The last readable manifest before a date, and the dates in between whose manifests cannot be read."""

    manifest: Manifest | None
    damaged: tuple[date, ...] = ()


class SnapshotStore:
    """One bucket; every method raises `StorageError` if S3 fails.

    `completing_s3`: the client that completes uploads, which may take longer than any other call.
    `damaged_keys`: the manifests and drafts found so far that cannot be read.
    """

    def __init__(self, s3: "S3Client", bucket: str, completing_s3: "S3Client | None" = None) -> None:
        self._s3 = s3
        self._completing_s3 = completing_s3 or s3
        self.bucket = bucket
        self.damaged_keys: set[str] = set()

    def raw(self, snapshot_id: SnapshotId) -> StoredObject | None:
        """Return the raw object of a snapshot, or None."""
        return head(self._s3, self.bucket, snapshot_id.raw_key)

    def derived(self, snapshot_id: SnapshotId) -> tuple[StoredObject | None, StoredObject | None]:
        """Return the Parquet object of a snapshot and the findings of its conversion; the findings are written last."""
        parquet = head(self._s3, self.bucket, snapshot_id.parquet_key)
        return parquet, head(self._s3, self.bucket, snapshot_id.quality_key)

    def has_typed_copy(self, manifest: Manifest) -> bool:
        """Whether the Parquet object and its findings are both there, and both of the manifest's own run."""
        derived = self.derived(manifest.snapshot_id)
        return all(there is not None and there.is_of(manifest.run_id) for there in derived)

    def quality(self, snapshot_id: SnapshotId) -> Quality | None:
        """Return the findings of a typed copy; None if there are none, or they cannot be read."""
        found = self._body(snapshot_id.quality_key)
        return None if found is None else quality_of(found[0])

    def manifest(self, snapshot_id: SnapshotId) -> StoredManifest | None:
        """Return what is at the key of the committed manifest, or None."""
        return self._read(snapshot_id.manifest_key)

    def pending(self, snapshot_id: SnapshotId, run_id: str) -> Manifest | None:
        """Return the draft of an attempt, or None."""
        found = self._read(snapshot_id.pending_key(run_id))
        return None if found is None else found.manifest

    def held_count(self, snapshot_id: SnapshotId) -> int:
        """Count the doubtful exports of a snapshot by their drafts: also those that never became its object."""
        found = [self._read(key) for key in self._keys(snapshot_id.pending_prefix)]
        drafts = [stored.manifest for stored in found if stored is not None]
        return sum(draft is not None and draft.is_doubtful for draft in drafts)

    def latest(self, chain_id: int) -> Manifest | None:
        """Return the chain's readable manifest with the greatest snapshot date, or None."""
        return self.previous(SnapshotId(chain_id, date.max)).manifest

    def previous(self, snapshot_id: SnapshotId) -> Predecessor:
        """Return the readable manifest of the chain's last snapshot before this one."""
        prefix = keys.chain_prefix(keys.MANIFESTS_ROOT, snapshot_id.chain_id)
        dates = [keys.manifest_date(key) for key in self._keys(prefix)]
        earlier = [found for found in dates if found is not None and found < snapshot_id.snapshot_date]
        damaged: list[date] = []
        for found in sorted(earlier, reverse=True):
            stored = self.manifest(SnapshotId(snapshot_id.chain_id, found))
            if stored is not None and stored.manifest is not None:
                return Predecessor(stored.manifest, tuple(damaged))
            damaged.append(found)
        return Predecessor(None, tuple(damaged))

    def erasures(self, chain_id: int) -> ErasureRecords:
        """Return the records of what was erased from a chain."""
        found, damaged, etags = [], [], {}
        for key in self._keys(keys.chain_prefix(keys.ERASURES_ROOT, chain_id)):
            there = self._body(key)
            if there is None:
                continue
            body, etags[key] = there
            try:
                found.append(Erasure.from_json(body, key))
            except StorageError as error:
                logger.warning("A record of an erasure cannot be read", extra={"error": str(error)})
                damaged.append(key)
        return ErasureRecords(tuple(found), tuple(damaged), etags)

    def upload_raw(self, snapshot_id: SnapshotId, run_id: str, clock: Clock) -> MultipartUpload:
        """Return an upload of the raw object, not yet started."""
        return MultipartUpload(self._s3, self._completing_s3, self.bucket, snapshot_id.raw_key, run_id, clock)

    def write_ahead(self, draft: Manifest) -> None:
        """Write a draft to its key under pending/."""
        with storage_errors(f"writing {draft.pending_key}"):
            self._s3.put_object(
                Bucket=self.bucket, Key=draft.pending_key, Body=draft.to_json(), ContentType="application/json"
            )

    def remove_pending(self, manifest: Manifest) -> None:
        """Remove the draft of a manifest; succeeds if there is none."""
        with storage_errors(f"removing {manifest.pending_key}"):
            self._s3.delete_object(Bucket=self.bucket, Key=manifest.pending_key)

    def put_manifest(self, manifest: Manifest, over_etag: str | None) -> bool:
        """Replace the manifest with this ETag, or create one if None; False if another manifest is there."""
        return put_over(
            self._s3,
            over_etag,
            Bucket=self.bucket,
            Key=manifest.key,
            Body=manifest.to_json(),
            ContentType="application/json",
        )

    def reupload_accepted(self, draft: Manifest, there: StoredObject, clock: Clock) -> bool:
        """Write a held object again, byte for byte, marked as accepted; False if it has changed since.

        A different part size gives it a different ETag, on any S3: a run about to replace the held object then fails.
        """
        key, accepted = draft.raw.key, metadata_of(draft.run_id, accepted=True)
        with storage_errors(f"accepting {key}"), self._opened(key, there.etag) as body:
            if body is None:
                return False
            if draft.raw.parts == 1:
                return put_over(
                    self._s3,
                    there.etag,
                    Bucket=self.bucket,
                    Key=key,
                    Body=body.read(),
                    ContentType=RAW_TYPE,
                    Metadata=accepted,
                    ChecksumCRC32=draft.raw.checksum,
                )
            with MultipartUpload(
                self._s3,
                self._completing_s3,
                self.bucket,
                key,
                draft.run_id,
                clock,
                accepted=True,
                part_bytes=ACCEPTED_PART_BYTES,
            ) as upload:
                for chunk in body.iter_chunks(CHUNK_BYTES):
                    clock.require("accepting the snapshot")
                    upload.write(chunk)
                return upload.complete(draft.raw.checksum, unchanged(there.etag)) is not None

    @contextmanager
    def _opened(self, key: str, etag: str) -> "Iterator[StreamingBody | None]":
        """Open the object with this ETag; None if it is no longer there."""
        answer = answer_of(self._s3.get_object, LOST_CONDITION, Bucket=self.bucket, Key=key, IfMatch=etag)
        if answer is None:
            yield None
            return
        with closing(answer["Body"]) as body:
            yield body

    def _read(self, key: str) -> StoredManifest | None:
        found = self._body(key)
        if found is None:
            return None
        body, etag = found
        try:
            return StoredManifest(Manifest.from_json(body, key), etag)
        except StorageError as error:
            logger.warning("A manifest cannot be read", extra={"error": str(error)})
            self.damaged_keys.add(key)
            return StoredManifest(None, etag)

    def _body(self, key: str) -> tuple[bytes, str] | None:
        """Return an object and its ETag, None if there is none; one that is too large for a record is empty."""
        with storage_errors(f"reading {key}"):
            answer = answer_of(self._s3.get_object, MISSING, Bucket=self.bucket, Key=key)
            if answer is None:
                return None
            with closing(answer["Body"]) as stream:
                body = stream.read() if answer["ContentLength"] <= MANIFEST_LIMIT_BYTES else b""
        return body, answer["ETag"]

    def _keys(self, prefix: str) -> Iterator[str]:
        with storage_errors(f"listing {prefix}"):
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
                yield from (found["Key"] for found in page.get("Contents", ()))
