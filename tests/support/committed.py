"""Committed snapshots, put in a bucket without a run; and the Parquet function's own way through them."""

import gzip
import hashlib
import uuid
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from spaaza_snapshots.model.manifest import Manifest, header_changes
from spaaza_snapshots.model.snapshot_id import SnapshotId
from tests.support import builders
from tests.support.typed_reference import Row, expected, parquet_rows

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CHAIN = 1743
DAY = date(2026, 11, 22)


def commit(
    s3: "S3Client",
    bucket: str,
    csv_bytes: bytes,
    *,
    chain_id: int = CHAIN,
    day: date = DAY,
    previous: Manifest | None = None,
) -> Manifest:
    """Put a raw object and its manifest, whose figures come from `csv.reader`."""
    wanted, body = expected(csv_bytes), gzip.compress(csv_bytes, 1)
    run_id = str(uuid.uuid4())
    key = SnapshotId(chain_id, day).raw_key
    put = s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata={"run-id": run_id})
    manifest = builders.manifest(
        run_id=run_id,
        chain_id=chain_id,
        snapshot_date=day.isoformat(),
        header=wanted.header,
        row_count=wanted.row_count,
        header_changes=header_changes(wanted.header, previous),
        raw=replace(
            builders.raw(),
            key=key,
            etag=put["ETag"],
            version_id=put.get("VersionId"),
            gzip_bytes=len(body),
            csv_bytes=len(csv_bytes),
            sha256=hashlib.sha256(body).hexdigest(),
        ),
    )
    s3.put_object(Bucket=bucket, Key=manifest.key, Body=manifest.to_json())
    return manifest


def stored_parquet(
    s3: "S3Client", bucket: str, folder: Path, *, chain_id: int = CHAIN, day: date = DAY
) -> tuple[str, tuple[str, ...], list[Row]]:
    """Return the run id of the Parquet object, its names and its rows."""
    answer = s3.get_object(Bucket=bucket, Key=SnapshotId(chain_id, day).parquet_key)
    parquet = folder / f"{uuid.uuid4()}.parquet"
    parquet.write_bytes(answer["Body"].read())
    return answer["Metadata"]["run-id"], *parquet_rows(parquet)
