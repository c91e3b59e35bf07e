"""The days of a chain as the bucket shows them: which have a snapshot, and how each of the others stands."""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from spaaza_snapshots.base.aws_errors import storage_errors
from spaaza_snapshots.model import keys
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.snapshot.commit import Day, look

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

READERS: Final = 8
"""How many days are looked at at once: each takes about six calls, and boto3 keeps ten connections."""

_CHAIN: Final = re.compile("chain_id=([0-9]+)/")
ROOTS: Final = (keys.MANIFESTS_ROOT, keys.RAW_ROOT, keys.PENDING_ROOT, keys.PARQUET_ROOT, keys.QUALITY_ROOT)


class State(StrEnum):
    """How a day stands."""

    COMPLETE = "complete"
    HELD = "held"
    """Its export is whole but doubtful: somebody has to accept it."""
    UNFINISHED = "unfinished"
    """Its export is whole and good, and the next run makes it the snapshot."""
    DAMAGED = "damaged"
    """Its manifest cannot be read, or is not that of the object which is there."""
    EXPIRED = "expired"
    """It was complete; its export has reached the end of its days."""
    ERASED = "erased"
    """Its exports held a person who was erased, so they are gone for good; its manifest and its typed copy may stay."""
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class StoredDay:
    """One day of one chain.

    `manifest`: the committed one; of a held or unfinished day, its draft; of a damaged, expired or erased one, what is
    still there and can be read. `is_typed`: the typed copy and its findings are those of this manifest's run.
    """

    snapshot_id: SnapshotId
    state: State
    manifest: Manifest | None = None
    is_typed: bool = False


def chains_in(s3: "S3Client", bucket: str, roots: Sequence[str] = ROOTS) -> list[int]:
    """Return every chain that has anything under these roots, configured or not; raises `StorageError`."""
    found = (_CHAIN.fullmatch(folder.removeprefix(root)) for root in roots for folder in _folders(s3, bucket, root))
    return sorted({int(match[1]) for match in found if match})


def dates_of(s3: "S3Client", bucket: str, chain_id: int, roots: Sequence[str] = ROOTS) -> list[date]:
    """Return every date of a chain that has anything under these roots; raises `StorageError`."""
    prefixes = [keys.chain_prefix(root, chain_id) for root in roots]
    found = {keys.date_of(folder) for prefix in prefixes for folder in _folders(s3, bucket, prefix)}
    return sorted(day for day in found if day is not None)


def oldest_kept(today: date, kept_days: int) -> date:
    """Return the first day of which S3 cannot have expired anything yet, in whatever time zone `today` is.

    S3 expires an object at the first midnight in UTC after so many days: west of UTC that is still the day before.
    """
    return today - timedelta(days=kept_days - 1)


def days_of(store: SnapshotStore, snapshot_ids: Sequence[SnapshotId], oldest_raw: date) -> list[StoredDay]:
    """Look at several days at once, in their order; raises `StorageError`."""
    with ThreadPoolExecutor(READERS) as readers:
        return list(readers.map(lambda snapshot_id: day_of(store, snapshot_id, oldest_raw), snapshot_ids))


def day_of(store: SnapshotStore, snapshot_id: SnapshotId, oldest_raw: date) -> StoredDay:
    """Look at one day; `oldest_raw`: an older export may have expired. Raises `StorageError`."""
    found = look(store, snapshot_id)
    if found.committed is None:
        return _without_snapshot(store, snapshot_id, found, oldest_raw)
    return StoredDay(snapshot_id, State.COMPLETE, found.committed, store.has_typed_copy(found.committed))


def _without_snapshot(store: SnapshotStore, snapshot_id: SnapshotId, found: Day, oldest_raw: date) -> StoredDay:
    if found.draft is not None:
        state = State.UNFINISHED if found.held is None else State.HELD
        return StoredDay(snapshot_id, state, found.draft)
    stored = store.manifest(snapshot_id)
    manifest = None if stored is None else stored.manifest
    is_typed = manifest is not None and store.has_typed_copy(manifest)
    if found.raw is None and _was_erased(store, snapshot_id):
        return StoredDay(snapshot_id, State.ERASED, manifest, is_typed)
    if stored is None:
        return StoredDay(snapshot_id, State.MISSING)
    has_expired = found.raw is None and manifest is not None and snapshot_id.snapshot_date < oldest_raw
    return StoredDay(snapshot_id, State.EXPIRED if has_expired else State.DAMAGED, manifest, is_typed)


def _was_erased(store: SnapshotStore, snapshot_id: SnapshotId) -> bool:
    return any(snapshot_id.snapshot_date in erasure.dates for erasure in store.erasures(snapshot_id.chain_id).records)


def _folders(s3: "S3Client", bucket: str, prefix: str) -> Iterator[str]:
    with storage_errors(f"listing {prefix}"):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/"):
            yield from (folder["Prefix"] for folder in page.get("CommonPrefixes", ()))
