"""Carries out an erasure that can be killed at any instant and repeated, and proves what it has done.

record        the plan without the people, but with a hash of them, under erasures/, before anything goes
uploads       abort what killed runs have left of exports
each day      drafts, then exports, then reports of typed copies that go for good, then typed copies: no conversion that
              has read the export can write over a copy that is replaced after the export has gone
record        again, with the time by which this run had deleted: whatever has read an export ends soon after
results       every query result, after what they were made from
proof         list everything again, and read what no search has read
record        again, with the time at which nothing was left, and without the hash that tells whose erasure it is
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from spaaza_snapshots.errors import InvalidRequest
from spaaza_snapshots.model import keys
from spaaza_snapshots.model.erasure import ErasedVersion, Erasure
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.upkeep.days import ROOTS, chains_in
from spaaza_snapshots.upkeep.erasure_plan import DayToErase, Plan, Search
from spaaza_snapshots.upkeep.erasure_records import (
    erased_version,
    finish_records,
    is_of,
    record_deletion,
    record_plan,
    records_of,
)
from spaaza_snapshots.upkeep.person import People
from spaaza_snapshots.upkeep.run_log import RUN_SECONDS
from spaaza_snapshots.upkeep.typed_copies import put_without
from spaaza_snapshots.upkeep.versions import Upload, Version, VersionedBucket

RUN_LIMIT: Final = timedelta(seconds=RUN_SECONDS)
"""An upload that began earlier has no run any more."""

RECORDED_ROOTS: Final = (keys.RAW_ROOT, keys.PARQUET_ROOT, keys.QUALITY_ROOT, keys.PENDING_ROOT)


@dataclass(frozen=True, slots=True)
class ErasureProof:
    """What was found after the erasure; `left`: keys that still hold the people, or that nobody can clear.

    `export_versions`, `typed_versions`: how many are left, each of them read and without the people. `open_records`:
    earlier erasures of which something is left, or which are not of exactly these people. `uploads`: keys of exports
    that are being received, of which nobody can say yet who is in them. `conversions`: keys of typed copies that a
    conversion may be writing, from an export that it read before that was deleted.
    """

    left: tuple[str, ...]
    export_versions: int
    typed_versions: int
    open_records: tuple[Erasure, ...]
    uploads: tuple[str, ...]
    conversions: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left, nor on its way."""
        return not (self.left or self.uploads or self.conversions)


def refuse_unknown_chain(bucket: VersionedBucket, chain_id: int) -> None:
    """Refuse a chain of which nothing was ever here, which a slip would else prove free of anyone.

    Raises `InvalidRequest`, `StorageError`.
    """
    chains = chains_in(bucket.s3, bucket.name, (*ROOTS, keys.ERASURES_ROOT))
    was_here = next(bucket.versions(keys.chain_prefix(keys.RAW_ROOT, chain_id)), None)
    if chain_id not in chains and was_here is None:
        there = ", ".join(map(str, chains)) or "none"
        raise InvalidRequest("There is nothing of this chain", str(chain_id), f"The bucket has chains: {there}.")


def erase(
    bucket: VersionedBucket, plan: Plan, people: People, now: Callable[[], datetime], done: Callable[[DayToErase], None]
) -> Erasure | None:
    """Delete what the plan says, and return its record; raises `StorageError`.

    None if no day has to go, and nothing is known that the proof would have to wait for. `done` is told each day that
    is finished.
    """
    uploads = list(_uploads(bucket, plan))
    is_recorded = plan.days or plan.today or plan.unclear or uploads
    record = record_plan(bucket, plan, people, now()) if is_recorded else None
    bucket.abort(upload for upload in uploads if now() - upload.begun_at > RUN_LIMIT)
    for day in plan.days:
        bucket.delete(day.drafts)
        bucket.delete(day.exports)
        bucket.delete(day.exports_last)  # in one call: no older version is uncovered in between
        replaced = _replaced(bucket, day, people)
        bucket.delete(day.report)  # before the copy: users_latest shows the last day that has a report
        bucket.delete(replaced)
        done(day)
    record_deletion(bucket, plan.chain_id, record, now())
    bucket.delete(bucket.versions(keys.QUERY_RESULTS_ROOT))
    return record


def prove(bucket: VersionedBucket, plan: Plan, search: Search, now: Callable[[], datetime]) -> ErasureProof:
    """List everything again, read what the search has not read, and if nothing is left finish the records.

    Versions never change, so what was read once needs no second look. Raises `StorageError`.
    """
    uploads = [upload.key for upload in _uploads(bucket, plan)]  # first: one that ends meanwhile is then an export
    trees = _trees(bucket, plan.chain_id)
    exports, typed = trees[keys.RAW_ROOT], trees[keys.PARQUET_ROOT]
    left = [version for version in (*exports, *typed) if version not in plan.clear and search.holds(version)]
    results = _real(bucket, keys.QUERY_RESULTS_ROOT)
    draft_keys = {draft.key for day in plan.days for draft in day.drafts}
    drafts = [version for version in trees[keys.PENDING_ROOT] if version.key in draft_keys]
    records = records_of(bucket, plan.chain_id)
    since = _trees(bucket, plan.chain_id) if records.unfinished else {}  # one may be of what came during the search
    there = {erased_version(version) for tree in since.values() for version in tree}
    gone = (record for record in records.unfinished if there.isdisjoint(record.versions))
    done = [record for record in gone if is_of(record, search.people)]  # only they are proven to be gone
    proof = ErasureProof(
        tuple(dict.fromkeys(version.key for version in (*left, *results, *drafts))),
        len(exports),
        len(typed),
        tuple(record for record in records.unfinished if record not in done),
        tuple(dict.fromkeys(uploads)),
        tuple(_conversions(bucket, records.unfinished, now())),
    )
    finish_records(bucket, plan.chain_id, records, done if proof.is_clean else (), now())
    return proof


def _replaced(bucket: VersionedBucket, day: DayToErase, people: People) -> list[Version]:
    """Put the typed copy without them, and return what is to go: not a version that this has replaced in place."""
    if day.typed_anew is None:
        return list(day.typed)
    new = ErasedVersion(day.typed_anew.key, put_without(bucket, day.typed_anew, people))
    return [version for version in day.typed if erased_version(version) != new]


def _uploads(bucket: VersionedBucket, plan: Plan) -> Iterator[Upload]:
    return bucket.uploads(keys.chain_prefix(keys.RAW_ROOT, plan.chain_id))


def _conversions(bucket: VersionedBucket, unfinished: Iterable[Erasure], now: datetime) -> Iterator[str]:
    """Yield the typed copies that were not there to be replaced, while a conversion that S3 would let write one lives.

    Where there is one, S3 refuses to write over what the conversion has not seen; a day without a manifest has none.
    """
    store = SnapshotStore(bucket.s3, bucket.name)
    for erasure in unfinished:
        waits = erasure.gone_at is None or now - erasure.gone_at <= RUN_LIMIT
        for day in erasure.days_without_copy if waits else ():
            if store.manifest(day) is not None and store.derived(day)[0] is None:
                yield day.parquet_key


def _trees(bucket: VersionedBucket, chain_id: int) -> Mapping[str, list[Version]]:
    return {root: _real(bucket, keys.chain_prefix(root, chain_id)) for root in RECORDED_ROOTS}


def _real(bucket: VersionedBucket, prefix: str) -> list[Version]:
    return [version for version in bucket.versions(prefix) if not version.is_marker]
