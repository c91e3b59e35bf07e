"""The bucket as the commit sees it: reads, and writes that happen only if nobody else was quicker."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from spaaza_snapshots import keys
from spaaza_snapshots.aws_errors import LOST_CONDITION, MISSING, code_of, storage_errors
from spaaza_snapshots.clock import Clock
from spaaza_snapshots.manifest import Manifest
from spaaza_snapshots.multipart import MultipartUpload, StoredObject, head, unchanged

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest and the ETag of the object that holds it."""

    manifest: Manifest
    etag: str


class SnapshotStore:
    """One bucket; every method raises `StorageError` where S3 fails."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self.bucket = bucket

    def raw(self, chain_id: int, snapshot_date: date) -> StoredObject | None:
        """Return the raw object of a snapshot, or None."""
        return head(self._s3, self.bucket, keys.raw_key(chain_id, snapshot_date))

    def derived(self, chain_id: int, snapshot_date: date) -> tuple[StoredObject | None, StoredObject | None]:
        """Return the Parquet object of a snapshot and the findings of its conversion, which are written last."""
        parquet_key, quality_key = keys.parquet_key(chain_id, snapshot_date), keys.quality_key(chain_id, snapshot_date)
        return head(self._s3, self.bucket, parquet_key), head(self._s3, self.bucket, quality_key)

    def manifest(self, chain_id: int, snapshot_date: date) -> StoredManifest | None:
        """Return the committed manifest, or None."""
        return self._read(keys.manifest_key(chain_id, snapshot_date))

    def pending(self, chain_id: int, snapshot_date: date, run_id: str) -> Manifest | None:
        """Return what a run has written ahead, or None."""
        found = self._read(keys.pending_key(chain_id, snapshot_date, run_id))
        return None if found is None else found.manifest

    def held_count(self, chain_id: int, snapshot_date: date) -> int:
        """Count the runs of a snapshot whose export was held."""
        found = [self._read(key) for key in self._keys(keys.pending_prefix(chain_id, snapshot_date))]
        return sum(stored is not None and stored.manifest.is_held for stored in found)

    def latest(self, chain_id: int) -> Manifest | None:
        """Return the chain's manifest with the greatest snapshot date, or None."""
        return self._last_before(chain_id, date.max)

    def previous(self, chain_id: int, snapshot_date: date) -> Manifest | None:
        """Return the chain's manifest with the greatest snapshot date before this one, or None."""
        return self._last_before(chain_id, snapshot_date)

    def upload_raw(self, chain_id: int, snapshot_date: date, run_id: str, clock: Clock) -> MultipartUpload:
        """Return an upload of the raw object, not yet begun."""
        return MultipartUpload(self._s3, self.bucket, keys.raw_key(chain_id, snapshot_date), run_id, clock)

    def write_ahead(self, manifest: Manifest) -> None:
        """Write a finished manifest to its place under pending/."""
        with storage_errors(f"writing {manifest.pending_key}"):
            self._s3.put_object(
                Bucket=self.bucket,
                Key=manifest.pending_key,
                Body=manifest.to_json(),
                ContentType="application/json",
            )

    def remove_pending(self, manifest: Manifest) -> None:
        """Remove what a run has written ahead; not being there is success."""
        with storage_errors(f"removing {manifest.pending_key}"):
            self._s3.delete_object(Bucket=self.bucket, Key=manifest.pending_key)

    def put_manifest(self, manifest: Manifest, over_etag: str | None) -> bool:
        """Commit a manifest over the one with this ETag, or over none; False where another is there by now."""
        with storage_errors(f"writing {manifest.key}"):
            try:
                self._s3.put_object(
                    Bucket=self.bucket,
                    Key=manifest.key,
                    Body=manifest.to_json(),
                    ContentType="application/json",
                    **unchanged(over_etag),
                )
            except ClientError as error:
                if code_of(error) in LOST_CONDITION:
                    return False
                raise
        return True

    def _read(self, key: str) -> StoredManifest | None:
        with storage_errors(f"reading {key}"):
            try:
                answer = self._s3.get_object(Bucket=self.bucket, Key=key)
                body = answer["Body"].read()
            except ClientError as error:
                if code_of(error) in MISSING:
                    return None
                raise
        return StoredManifest(Manifest.from_json(body, key), answer["ETag"])

    def _keys(self, prefix: str) -> Iterator[str]:
        with storage_errors(f"listing {prefix}"):
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
                yield from (found["Key"] for found in page.get("Contents", ()))

    def _last_before(self, chain_id: int, snapshot_date: date) -> Manifest | None:
        dates = [keys.manifest_date(key) for key in self._keys(keys.manifests_prefix(chain_id))]
        earlier = [found for found in dates if found is not None and found < snapshot_date]
        found = self.manifest(chain_id, max(earlier)) if earlier else None
        return None if found is None else found.manifest
