"""The bucket as the conversion to Parquet sees it: reads the raw object, and writes what is derived from it."""

import base64
import hashlib
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from spaaza_snapshots.base.aws_errors import MISSING_VERSION, answer_of, storage_errors
from spaaza_snapshots.model.manifest import Manifest, Raw
from spaaza_snapshots.model.quality import Quality
from spaaza_snapshots.s3.objects import StoredObject, metadata_of, put_over

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import GetObjectOutputTypeDef

BLOCK_BYTES: Final = 1024 * 1024


class ParquetStore:
    """One bucket; every method raises `StorageError` if S3 fails, `OSError` if the disk does."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def has(self, raw: Raw) -> bool:
        """Whether the version that a manifest names is still there."""
        with storage_errors(f"checking {raw.key}"):
            # one byte of it, which needs the right that `download` has and no other
            answer = self._get(raw, Range="bytes=0-0")
            if answer is not None:
                answer["Body"].close()
        return answer is not None

    def download(self, raw: Raw, target: Path) -> bool:
        """Write the bytes that a manifest describes to a file; False if they are no longer there."""
        sha256 = hashlib.sha256()
        with storage_errors(f"reading {raw.key}"):
            answer = self._get(raw)
            if answer is None:
                return False
            with closing(answer["Body"]) as body, target.open("wb") as file:
                for block in body.iter_chunks(BLOCK_BYTES):
                    sha256.update(block)
                    file.write(block)
        return sha256.hexdigest() == raw.sha256

    def put_parquet(self, manifest: Manifest, parquet: Path, over: StoredObject | None) -> bool:
        """Replace the typed copy that was seen, if any; False if it has changed since.

        In one request, which S3 limits to 5 GiB: the users of a country.
        """
        key = manifest.snapshot_id.parquet_key
        with parquet.open("rb") as file:
            return self._put(key, manifest.run_id, file, "application/vnd.apache.parquet", over)

    def put_quality(self, manifest: Manifest, quality: Quality, over: StoredObject | None) -> bool:
        """Replace the findings that were seen, if any; False if they have changed since."""
        key = manifest.snapshot_id.quality_key
        return self._put(key, manifest.run_id, BytesIO(quality.to_json()), "application/json", over)

    def _get(self, raw: Raw, **more: str) -> "GetObjectOutputTypeDef | None":
        """Ask for the version that a manifest names; None if it is no longer there."""
        if raw.version_id is not None:
            more["VersionId"] = raw.version_id
        # mypy cannot tell which argument a str is for
        return answer_of(self._s3.get_object, MISSING_VERSION, Bucket=self._bucket, Key=raw.key, **more)  # type: ignore[arg-type]

    def _put(self, key: str, run_id: str, body: IO[bytes], content_type: str, over: StoredObject | None) -> bool:
        sha256 = hashlib.file_digest(body, "sha256").digest()  # type: ignore[arg-type] # its stub asks for more
        body.seek(0)
        return put_over(
            self._s3,
            None if over is None else over.etag,
            Bucket=self._bucket,
            Key=key,
            Body=body,
            ContentType=content_type,
            Metadata=metadata_of(run_id),
            ChecksumSHA256=base64.b64encode(sha256).decode(),
        )
