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

import secrets
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from spaaza_snapshots.errors import InvalidRequest, StorageError
from spaaza_snapshots.model import keys
from spaaza_snapshots.model.erasure import ErasedDay, ErasedVersion, Erasure, ErasureRecords
from spaaza_snapshots.model.manifest import utc_text
from spaaza_snapshots.s3.objects import put_over
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.upkeep.days import ROOTS, chains_in
from spaaza_snapshots.upkeep.erasure_plan import DayToErase, Plan, Search
from spaaza_snapshots.upkeep.person import People
from spaaza_snapshots.upkeep.run_log import RUN_SECONDS
from spaaza_snapshots.upkeep.typed_copies import put_without
from spaaza_snapshots.upkeep.versions import AGAIN_HINT, NULL_VERSION, Upload, Version, VersionedBucket

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
    record = _record(bucket, plan, people, now()) if is_recorded else None
    bucket.abort(upload for upload in uploads if now() - upload.begun_at > RUN_LIMIT)
    for day in plan.days:
        bucket.delete(day.drafts)
        bucket.delete(day.exports)
        bucket.delete(day.exports_last)  # in one call: no older version is uncovered in between
        replaced = _replaced(bucket, day, people)
        bucket.delete(day.report)  # before the copy: users_latest shows the last day that has a report
        bucket.delete(replaced)
        done(day)
    _record_deletion(bucket, plan.chain_id, record, now())
    bucket.delete(bucket.versions(keys.QUERY_RESULTS_ROOT))
    return record


def prove(bucket: VersionedBucket, plan: Plan, search: Search, now: Callable[[], datetime]) -> ErasureProof:
    """List everything again, read what the search has not read, and if nothing is left finish the records.

    Versions never change, so what was read once needs no second look. Raises `StorageError`.
    """
    uploads = [upload.key for upload in _uploads(bucket, plan)]  # first: one that ends meanwhile is then an export
    trees = {root: _real(bucket, keys.chain_prefix(root, plan.chain_id)) for root in RECORDED_ROOTS}
    exports, typed = trees[keys.RAW_ROOT], trees[keys.PARQUET_ROOT]
    left = [version for version in (*exports, *typed) if version not in plan.clear and search.holds(version)]
    results = _real(bucket, keys.QUERY_RESULTS_ROOT)
    draft_keys = {draft.key for day in plan.days for draft in day.drafts}
    drafts = [version for version in trees[keys.PENDING_ROOT] if version.key in draft_keys]
    records = SnapshotStore(bucket.s3, bucket.name).erasures(plan.chain_id)
    there = {_erased(version) for tree in trees.values() for version in tree}
    gone = (record for record in records.unfinished if there.isdisjoint(record.versions))
    done = [record for record in gone if _is_of(record, search.people)]  # only they are proven to be gone
    proof = ErasureProof(
        tuple(dict.fromkeys(version.key for version in (*left, *results, *drafts))),
        len(exports),
        len(typed),
        tuple(record for record in records.unfinished if record not in done),
        tuple(dict.fromkeys(uploads)),
        tuple(_conversions(bucket, records.unfinished, now())),
    )
    _finish(bucket, plan.chain_id, records, done if proof.is_clean else (), now())
    return proof


def _replaced(bucket: VersionedBucket, day: DayToErase, people: People) -> list[Version]:
    """Put the typed copy without them, and return what is to go: not a version that this has replaced in place."""
    if day.typed_anew is None:
        return list(day.typed)
    new = ErasedVersion(day.typed_anew.key, put_without(bucket, day.typed_anew, people))
    return [version for version in day.typed if _erased(version) != new]


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


def _record(bucket: VersionedBucket, plan: Plan, people: People, now: datetime) -> Erasure:
    """Write the record, unless an unfinished one of theirs has all of this already: this run continues that one."""
    versions = tuple(version for day in plan.days for version in _to_record(day))
    records = SnapshotStore(bucket.s3, bucket.name).erasures(plan.chain_id)
    superset = (record for record in records.unfinished if set(record.versions).issuperset(versions))
    earlier = next((record for record in superset if _is_of(record, people)), None)
    erasure = _new(plan, versions, people, now) if earlier is None else replace(earlier, deleted_at=None)
    _put(bucket, erasure, records)
    return erasure


def _new(plan: Plan, versions: tuple[ErasedVersion, ...], people: People, now: datetime) -> Erasure:
    erasure_id, salt = f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}", secrets.token_hex(16)
    new = Erasure(erasure_id, plan.chain_id, utc_text(now), None, tuple(map(_counted, plan.days)), versions)
    return replace(new, people_salt=salt, people_hash=people.hashed(salt))


def _is_of(erasure: Erasure, people: People) -> bool:
    """Whether an unfinished erasure is of exactly these people; one of an earlier release does not say whose it is."""
    return erasure.people_salt is not None and people.hashed(erasure.people_salt) == erasure.people_hash


def _to_record(day: DayToErase) -> Iterator[ErasedVersion]:
    """Yield what goes for good; without versioning, the new typed copy has the key and the id of the old one."""
    in_place = None if day.typed_anew is None else ErasedVersion(day.typed_anew.key, NULL_VERSION)
    versions = (_erased(version) for version in day.versions if not version.is_marker)
    return (version for version in versions if version != in_place)


def _record_deletion(bucket: VersionedBucket, chain_id: int, own: Erasure | None, now: datetime) -> None:
    """Write into the run's own record that it has deleted, and into each that does not say so: a killed run could not.

    What that run deleted went before now; whoever continues it takes the time out again. So no proof waits for ever.
    """
    records = SnapshotStore(bucket.s3, bucket.name).erasures(chain_id)
    for erasure in records.unfinished:
        if erasure.deleted_at is None or (own is not None and erasure.key == own.key):
            _put(bucket, replace(erasure, deleted_at=utc_text(now)), records)


def _counted(day: DayToErase) -> ErasedDay:
    return ErasedDay(
        date=day.snapshot_id.snapshot_date.isoformat(),
        whole=day.whole,
        typed_copy_stays=day.typed_anew is not None,
        export_versions=sum(not version.is_marker for version in (*day.exports, *day.exports_last)),
        typed_versions=sum(not version.is_marker for version in day.typed),
        draft_versions=sum(not version.is_marker for version in day.drafts),
        bytes=sum(version.bytes for version in day.versions),
    )


def _finish(
    bucket: VersionedBucket, chain_id: int, records: ErasureRecords, done: Sequence[Erasure], now: datetime
) -> None:
    """Finish those that are done, and delete what any was before it was finished, which has the hash of the people."""
    for erasure in done:
        _put(bucket, erasure.finished(utc_text(now)), records)
    finished = {erasure.key for erasure in records.records if erasure in done or erasure.finished_at is not None}
    there = list(bucket.versions(keys.chain_prefix(keys.ERASURES_ROOT, chain_id)))
    bucket.delete(version for version in there if version.key in finished and not version.is_latest)


def _erased(version: Version) -> ErasedVersion:
    return ErasedVersion(version.key, version.version_id)


def _put(bucket: VersionedBucket, erasure: Erasure, over: ErasureRecords) -> None:
    """Write a record over what was read of it, so that one which was finished since stays finished."""
    is_written = put_over(
        bucket.s3,
        over.etags.get(erasure.key),
        Bucket=bucket.name,
        Key=erasure.key,
        Body=erasure.to_json(),
        ContentType="application/json",
        hint=AGAIN_HINT,
    )
    if not is_written:
        hint = "Run the command again once that has ended."
        raise StorageError("Another erasure of this chain has just written the same record", erasure.key, hint)


def _real(bucket: VersionedBucket, prefix: str) -> list[Version]:
    return [version for version in bucket.versions(prefix) if not version.is_marker]
