"""What the store asks of S3, to the letter, and what it says when S3 fails."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from isal import isal_zlib

from sandbox.aws.stack import Stack
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME
from spaaza_snapshots.errors import OutOfTime, StorageError
from spaaza_snapshots.model.erasure import Erasure
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.model.quality import Quality
from spaaza_snapshots.s3.multipart import PART_BYTES
from spaaza_snapshots.s3.objects import StoredObject, checksum_text
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.snapshot.wiring import clients_for
from tests.support.builders import HeldClock, manifest
from tests.support.flow import CHAIN, SNAPSHOT, TODAY
from tests.support.log_records import logged

DENIED = faults.error(403, "AccessDenied")
DRAFT = manifest(chain_id=CHAIN, snapshot_date=TODAY.isoformat(), run_id="ours")
BODY = b"held bytes"
CALLS: list[tuple[str, str, Callable[[SnapshotStore], object]]] = [
    ("PutObject", f"writing {DRAFT.pending_key}", lambda store: store.write_ahead(DRAFT)),
    ("PutObject", f"writing {DRAFT.key}", lambda store: store.put_manifest(DRAFT, None)),
    ("DeleteObject", f"removing {DRAFT.pending_key}", lambda store: store.remove_pending(DRAFT)),
    ("GetObject", f"reading {DRAFT.key}", lambda store: store.manifest(SNAPSHOT)),
    ("ListObjectsV2", f"listing {SNAPSHOT.pending_prefix}", lambda store: store.held_count(SNAPSHOT)),
    ("HeadObject", f"checking {SNAPSHOT.raw_key}", lambda store: store.raw(SNAPSHOT)),
]


@pytest.fixture
def store(stack: Stack) -> SnapshotStore:
    return SnapshotStore(clients_for(Settings.from_environment(stack.environment())).s3, stack.bucket)


def body_of(parts: int) -> bytes:
    """Bytes that an export's upload cuts into so many parts."""
    return bytes((parts - 1) * PART_BYTES) + BODY


def held(store: SnapshotStore, parts: int = 1) -> tuple[Manifest, StoredObject]:
    """Put a held object in place; return its draft and what is there."""
    with store.upload_raw(SNAPSHOT, "ours", HeldClock().clock()) as upload:
        upload.write(body_of(parts))
        there = upload.complete(checksum_text(isal_zlib.crc32(body_of(parts))), {})
    assert there is not None
    assert there == store.raw(SNAPSHOT)
    checksum = checksum_text(isal_zlib.crc32(body_of(parts)))
    raw = replace(DRAFT.raw, key=SNAPSHOT.raw_key, checksum=checksum, parts=parts)
    return replace(DRAFT, raw=raw), there


@pytest.mark.parametrize(("operation", "doing", "call"), CALLS, ids=[doing for _, doing, _ in CALLS])
def test_a_call_that_s3_refuses_is_named_with_its_key(
    stack: Stack, store: SnapshotStore, operation: str, doing: str, call: Callable[[SnapshotStore], object]
) -> None:
    stack.wire.fail(operation, DENIED, times=EVERY_TIME)
    with pytest.raises(StorageError) as caught:
        call(store)
    assert caught.value.what == f"AWS failed while {doing}"


def test_manifests_and_drafts_are_json_to_every_client(stack: Stack, store: SnapshotStore) -> None:
    store.write_ahead(DRAFT)
    assert store.put_manifest(DRAFT, None)
    for key in (DRAFT.pending_key, DRAFT.key):
        found = stack.s3.get_object(Bucket=stack.bucket, Key=key)
        assert (found["ContentType"], found["Body"].read()) == ("application/json", DRAFT.to_json())


def test_a_draft_that_is_not_there_is_none(store: SnapshotStore) -> None:
    assert store.pending(SNAPSHOT, "ours") is None
    store.write_ahead(DRAFT)
    assert store.pending(SNAPSHOT, "ours") == DRAFT
    store.remove_pending(DRAFT)
    assert store.pending(SNAPSHOT, "ours") is None


def test_a_damaged_manifest_is_kept_in_mind_by_its_key(
    stack: Stack, store: SnapshotStore, caplog: pytest.LogCaptureFixture
) -> None:
    stack.s3.put_object(Bucket=stack.bucket, Key=DRAFT.key, Body=b"{")
    found = store.manifest(SNAPSHOT)
    assert found is not None
    assert found.manifest is None
    assert store.damaged_keys == {DRAFT.key}
    (line,) = logged(caplog, "A manifest cannot be read")
    assert list(line) == ["error"]
    assert DRAFT.key in line["error"]


def test_typed_copy_and_findings_are_told_apart(stack: Stack, store: SnapshotStore) -> None:
    assert store.derived(SNAPSHOT) == (None, None)
    for key, run_id in ((SNAPSHOT.parquet_key, "one"), (SNAPSHOT.quality_key, "two")):
        stack.s3.put_object(Bucket=stack.bucket, Key=key, Body=b"", Metadata={"run-id": run_id})
    assert [found.run_id for found in store.derived(SNAPSHOT) if found is not None] == ["one", "two"]


def test_findings_are_read_where_there_are_any(stack: Stack, store: SnapshotStore) -> None:
    quality = Quality("run", 3, 2, 1, (), (), "2026-11-22T03:00:00.000Z")
    assert store.quality(SNAPSHOT) is None
    for body, found in ((quality.to_json(), quality), (b"{", None)):
        stack.s3.put_object(Bucket=stack.bucket, Key=SNAPSHOT.quality_key, Body=body)
        assert store.quality(SNAPSHOT) == found


def test_erasures_are_told_oldest_first_and_one_that_cannot_be_read_hides_no_other(
    stack: Stack, store: SnapshotStore, caplog: pytest.LogCaptureFixture
) -> None:
    done = Erasure("20261120T080000Z-1", CHAIN, "2026-11-20T08:00:00Z", "2026-11-20T09:00:00Z", (), ())
    begun = Erasure("20261121T080000Z-1", CHAIN, "2026-11-21T08:00:00Z", None, (), ())
    other = replace(begun, chain_id=1783)
    damaged = begun.key.replace("20261121", "20261119")
    for record in (begun, done, other):
        stack.s3.put_object(Bucket=stack.bucket, Key=record.key, Body=record.to_json())
    stack.s3.put_object(Bucket=stack.bucket, Key=damaged, Body=b"{")
    found = store.erasures(CHAIN)
    assert (found.records, found.unfinished, found.damaged) == ((done, begun), (begun,), (damaged,))
    (line,) = logged(caplog, "A record of an erasure cannot be read")
    assert list(line) == ["error"]
    assert damaged in line["error"]
    stack.wire.fail("GetObject", faults.error(404, "NoSuchKey"), key_contains=done.key)
    assert store.erasures(CHAIN).records == (begun,)  # as if it was removed just after it was listed


@pytest.mark.parametrize("parts", [1, 2])
def test_an_accepted_object_is_the_same_bytes_and_says_so(stack: Stack, store: SnapshotStore, parts: int) -> None:
    draft, there = held(store, parts)
    asked: dict[str, Any] = {}

    def hear(params: dict[str, Any], **_: object) -> None:
        asked.update(params)

    s3 = clients_for(Settings.from_environment(stack.environment())).s3
    s3.meta.events.register("provide-client-params.s3.PutObject", hear)
    assert store.reupload_accepted(draft, there, HeldClock().clock()) is True
    found = stack.s3.get_object(Bucket=stack.bucket, Key=SNAPSHOT.raw_key)
    assert (found["ContentType"], found["Metadata"]) == ("application/gzip", {"run-id": "ours", "accepted": "true"})
    assert found["Body"].read() == body_of(parts)
    accepted = store.raw(SNAPSHOT)
    assert accepted is not None
    assert (accepted.run_id, accepted.accepted) == ("ours", True)
    assert asked.get("ChecksumCRC32") == (draft.raw.checksum if parts == 1 else None)
    assert store.reupload_accepted(draft, there, HeldClock().clock()) is False  # it is another object now


@pytest.mark.parametrize("parts", [1, 2])
def test_an_object_that_is_replaced_during_its_acceptance_stays(stack: Stack, store: SnapshotStore, parts: int) -> None:
    draft, there = held(store, parts)

    def replace_it() -> None:
        stack.s3.put_object(Bucket=stack.bucket, Key=SNAPSHOT.raw_key, Body=b"another's")

    stack.wire.fail("PutObject" if parts == 1 else "CompleteMultipartUpload", faults.call(replace_it))
    assert store.reupload_accepted(draft, there, HeldClock().clock()) is False
    assert stack.read(SNAPSHOT.raw_key) == b"another's"


def test_a_held_object_that_cannot_be_read_is_named(stack: Stack, store: SnapshotStore) -> None:
    draft, there = held(store)
    stack.wire.fail("GetObject", DENIED, times=EVERY_TIME)
    with pytest.raises(StorageError) as caught:
        store.reupload_accepted(draft, there, HeldClock().clock())
    assert caught.value.what == f"AWS failed while accepting {SNAPSHOT.raw_key}"


def test_an_acceptance_without_time_says_what_it_was(stack: Stack, store: SnapshotStore) -> None:
    draft, there = held(store, parts=2)
    with pytest.raises(OutOfTime) as caught:
        store.reupload_accepted(draft, there, HeldClock(left_seconds=0).clock())
    assert caught.value.what == "Too little time was left while accepting the snapshot"
    assert stack.open_uploads() == []
