"""The bucket as a conversion uses it: what it asks S3 for, what it writes and on which condition, and what it says."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from sandbox.aws.stack import Stack
from sandbox.wire import faults
from sandbox.wire.faults import Exchange
from sandbox.wire.proxy import HttpAnswer
from spaaza_snapshots.base.aws_errors import AWS_NEXT_RUN
from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.model.manifest import Raw
from spaaza_snapshots.model.quality import CastErrors, Quality, Reject
from spaaza_snapshots.s3.objects import StoredObject, head
from spaaza_snapshots.s3.parquet_store import BLOCK_BYTES, ParquetStore
from tests.support import builders

MANIFEST = builders.manifest()
PARQUET_KEY, QUALITY_KEY = MANIFEST.snapshot_id.parquet_key, MANIFEST.snapshot_id.quality_key
QUALITY = Quality(
    run_id=MANIFEST.run_id,
    row_count=3,
    parquet_rows=2,
    rejected_rows=1,
    cast_errors=(CastErrors("id", 1),),
    rejects=(Reject(2, "not UTF-8"),),
    completed_at="2026-11-22T03:00:00.000Z",
)


@pytest.fixture
def store(stack: Stack) -> ParquetStore:
    return ParquetStore(boto3.client("s3"), stack.bucket)


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    target = tmp_path / "users.parquet"
    target.write_bytes(b"PAR1 not really PAR1")
    return target


def stored(stack: Stack, body: bytes) -> Raw:
    put = stack.s3.put_object(Bucket=stack.bucket, Key=MANIFEST.raw.key, Body=body)
    return replace(MANIFEST.raw, version_id=put["VersionId"], sha256=hashlib.sha256(body).hexdigest())


def heard(stack: Stack, operation: str) -> list[Exchange]:
    """Return what is asked of this operation from now on."""

    def noted(exchange: Exchange) -> HttpAnswer:
        asked.append(exchange)
        return exchange.forward()

    asked: list[Exchange] = []
    stack.wire.fail(operation, noted, times=10)
    return asked


def test_whether_a_version_is_there_costs_one_byte_of_it(stack: Stack, store: ParquetStore) -> None:
    raw = stored(stack, b"12345")
    stored(stack, b"a later version")
    asked = heard(stack, "GetObject")
    assert store.has(raw)
    (exchange,) = asked
    assert exchange.request.headers["Range"] == "bytes=0-0"
    assert parse_qs(urlsplit(exchange.request.target).query)["versionId"] == [raw.version_id]
    stack.s3.delete_object(Bucket=stack.bucket, Key=raw.key, VersionId=str(raw.version_id))
    assert not store.has(raw)


def test_without_versions_the_object_at_the_key_counts(stack: Stack, store: ParquetStore, tmp_path: Path) -> None:
    raw, target = replace(stored(stack, b"12345"), version_id=None), tmp_path / "raw"
    assert store.has(raw)
    assert store.download(raw, target)
    assert target.read_bytes() == b"12345"
    stack.s3.delete_object(Bucket=stack.bucket, Key=raw.key)
    assert not store.has(raw)
    assert not store.download(raw, target)


def test_the_bytes_of_a_version_are_downloaded_whole_and_only_those_of_the_manifest_count(
    stack: Stack, store: ParquetStore, tmp_path: Path
) -> None:
    body, target = bytes(range(256)) * (BLOCK_BYTES // 256) + b"end", tmp_path / "raw"
    raw = stored(stack, body)
    later = stored(stack, b"a later version")
    assert store.download(raw, target)
    assert target.read_bytes() == body
    assert not store.download(replace(later, sha256=raw.sha256), target)
    stack.s3.delete_object(Bucket=stack.bucket, Key=raw.key, VersionId=str(raw.version_id))
    assert not store.download(raw, target)


def asked_of(stack: Stack, key: str) -> dict[str, Any]:
    found = stack.s3.get_object(Bucket=stack.bucket, Key=key)
    return {"body": found["Body"].read(), "type": found["ContentType"], "metadata": found["Metadata"]}


def test_copy_and_findings_are_written_whole_with_their_type_their_run_and_their_checksum(
    stack: Stack, store: ParquetStore, parquet: Path
) -> None:
    asked = heard(stack, "PutObject")
    assert store.put_parquet(MANIFEST, parquet, None)
    assert store.put_quality(MANIFEST, QUALITY, None)
    run = {"run-id": MANIFEST.run_id}
    copy = {"body": parquet.read_bytes(), "type": "application/vnd.apache.parquet", "metadata": run}
    assert asked_of(stack, PARQUET_KEY) == copy
    assert asked_of(stack, QUALITY_KEY) == {"body": QUALITY.to_json(), "type": "application/json", "metadata": run}
    assert json.loads(QUALITY.to_json())["rejects"] == [{"record": 2, "reason": "not UTF-8"}]
    for exchange, body in zip(asked, (parquet.read_bytes(), QUALITY.to_json()), strict=True):
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        assert exchange.request.headers["x-amz-checksum-sha256"] == checksum
        assert exchange.request.headers["If-None-Match"] == "*"


def test_what_was_seen_is_replaced_and_what_was_not_is_left_alone(
    stack: Stack, store: ParquetStore, parquet: Path
) -> None:
    other = StoredObject("another", '"00000000000000000000000000000000"', None)
    puts: list[tuple[str, Callable[[StoredObject | None], bool]]] = [
        (PARQUET_KEY, partial(store.put_parquet, MANIFEST, parquet)),
        (QUALITY_KEY, partial(store.put_quality, MANIFEST, QUALITY)),
    ]
    for key, put in puts:
        stack.s3.put_object(Bucket=stack.bucket, Key=key, Body=b"of another run")
        assert not put(None)
        assert not put(other)
        assert stack.read(key) == b"of another run"
        assert put(head(stack.s3, stack.bucket, key))
        assert stack.read(key) != b"of another run"


def test_a_failure_of_s3_names_what_was_being_done(
    stack: Stack, store: ParquetStore, parquet: Path, tmp_path: Path
) -> None:
    raw = stored(stack, b"12345")
    stack.wire.fail("GetObject", faults.error(403, "AccessDenied"), times=10)
    stack.wire.fail("PutObject", faults.error(403, "AccessDenied"), times=10)
    acts: list[tuple[str, Callable[[], bool]]] = [
        (f"checking {raw.key}", partial(store.has, raw)),
        (f"reading {raw.key}", partial(store.download, raw, tmp_path / "raw")),
        (f"writing {PARQUET_KEY}", partial(store.put_parquet, MANIFEST, parquet, None)),
        (f"writing {QUALITY_KEY}", partial(store.put_quality, MANIFEST, QUALITY, None)),
    ]
    for doing, act in acts:
        with pytest.raises(StorageError) as caught:
            act()
        assert caught.value.args == (f"AWS failed while {doing}", "AccessDenied, HTTP 403", AWS_NEXT_RUN)
