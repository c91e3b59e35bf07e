"""One stored snapshot, to copy and to tamper with."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from spaaza_snapshots.model.snapshot_id import SnapshotId

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

KEYS: Final = {"manifest": "manifest_key", "quality": "quality_key", "parquet": "parquet_key", "raw": "raw_key"}


@dataclass(frozen=True)
class Place:
    """One stored snapshot, to tamper with."""

    s3: "S3Client"
    bucket: str
    snapshot_id: SnapshotId

    def key(self, of: str) -> str:
        """Return a key: of the manifest, quality, parquet or raw."""
        return str(getattr(self.snapshot_id, KEYS[of]))

    def read(self, of: str) -> bytes:
        """Return an object's bytes."""
        return self.s3.get_object(Bucket=self.bucket, Key=self.key(of))["Body"].read()

    def put(self, of: str, body: bytes, run_id: str | None = None) -> Mapping[str, Any]:
        """Replace an object; it keeps its metadata unless a run id is given."""
        metadata = self.s3.head_object(Bucket=self.bucket, Key=self.key(of))["Metadata"]
        if run_id is not None:
            metadata = {"run-id": run_id}
        put: Any = self.s3.put_object
        answer: Mapping[str, Any] = put(
            Bucket=self.bucket, Key=self.key(of), Body=body, Metadata=metadata, ChecksumAlgorithm="CRC32"
        )
        return answer

    def edit(self, of: str, **changes: object) -> None:
        """Change fields of a JSON object."""
        document = json.loads(self.read(of))
        self.put(of, json.dumps({**document, **changes}).encode() + b"\n")

    def edit_raw(self, **changes: object) -> None:
        """Change what the manifest says of the export."""
        self.edit("manifest", raw={**json.loads(self.read("manifest"))["raw"], **changes})

    def rot(self, change: Callable[[bytes], bytes]) -> None:
        """Change the export's bytes under the version that the manifest names."""
        put = self.put("raw", change(self.read("raw")))
        self.edit_raw(version_id=put["VersionId"], etag=put["ETag"], parts=1)

    def delete(self, of: str, *, version: bool) -> None:
        """Delete an object: behind a marker, or this version for good."""
        there = self.s3.head_object(Bucket=self.bucket, Key=self.key(of))
        extra: Any = {"VersionId": there["VersionId"]} if version else {}
        self.s3.delete_object(Bucket=self.bucket, Key=self.key(of), **extra)

    def copied(self, days_before: int) -> "Place":
        """Copy the snapshot to an earlier day, as if it had been taken then."""
        day = self.snapshot_id.snapshot_date - timedelta(days=days_before)
        copy = Place(self.s3, self.bucket, SnapshotId(self.snapshot_id.chain_id, day))
        manifest = json.loads(self.read("manifest"))
        put: Any = self.s3.put_object
        for of in ("raw", "parquet", "quality"):
            about = {"Metadata": {"run-id": manifest["run_id"]}, "ChecksumAlgorithm": "CRC32"}
            made = put(Bucket=self.bucket, Key=copy.key(of), Body=self.read(of), **about)
            if of == "raw":
                found = {"key": copy.key(of), "version_id": made["VersionId"], "etag": made["ETag"], "parts": 1}
                manifest |= {"snapshot_date": day.isoformat(), "raw": {**manifest["raw"], **found}}
        put(Bucket=self.bucket, Key=copy.key("manifest"), Body=json.dumps(manifest).encode() + b"\n")
        return copy
