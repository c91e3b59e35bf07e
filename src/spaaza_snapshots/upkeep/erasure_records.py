"""Writes the records of a chain's erasures, each over what was read of it: another erasure may be at work."""

import secrets
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.model import keys
from spaaza_snapshots.model.erasure import ErasedDay, ErasedVersion, Erasure, ErasureRecords
from spaaza_snapshots.model.manifest import utc_text
from spaaza_snapshots.s3.objects import ROUNDS, put_over
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.upkeep.erasure_plan import DayToErase, Plan
from spaaza_snapshots.upkeep.person import People
from spaaza_snapshots.upkeep.versions import AGAIN_HINT, NULL_VERSION, Version, VersionedBucket


def record_plan(bucket: VersionedBucket, plan: Plan, people: People, now: datetime) -> Erasure:
    """Write the record, unless an unfinished one of theirs has all of this already: this run continues that one."""
    versions = tuple(version for day in plan.days for version in _to_record(day))
    records = records_of(bucket, plan.chain_id)
    superset = (record for record in records.unfinished if set(record.versions).issuperset(versions))
    earlier = next((record for record in superset if is_of(record, people)), None)
    erasure = _new(plan, versions, people, now) if earlier is None else replace(earlier, deleted_at=None)
    if not _is_written(bucket, erasure, records):
        raise _overtaken(plan.chain_id)
    return erasure


def record_deletion(bucket: VersionedBucket, chain_id: int, own: Erasure | None, now: datetime) -> None:
    """Write into the run's own record that it has deleted, and into each that does not say so: a killed run could not.

    What that run deleted went before now; whoever continues it takes the time out again. So no proof waits for ever.
    """
    own_key = own.key if own else ""
    for _ in range(ROUNDS):
        records = records_of(bucket, chain_id)
        untold = [erasure for erasure in records.unfinished if erasure.deleted_at is None or erasure.key == own_key]
        told = [replace(erasure, deleted_at=utc_text(now)) for erasure in untold]
        written = {erasure.key: _is_written(bucket, erasure, records) for erasure in told}
        if written.get(own_key, True):  # whoever has just written one of others tells its time, or has finished it
            return
    raise _overtaken(chain_id)


def finish_records(
    bucket: VersionedBucket, chain_id: int, records: ErasureRecords, done: Sequence[Erasure], now: datetime
) -> None:
    """Finish those that are done, and delete what any was before it was finished, which has the hash of the people."""
    proven = [erasure.key for erasure in done if _is_written(bucket, erasure.finished(utc_text(now)), records)]
    finished = {*proven, *(erasure.key for erasure in records.records if erasure.finished_at is not None)}
    there = list(bucket.versions(keys.chain_prefix(keys.ERASURES_ROOT, chain_id)))
    bucket.delete(version for version in there if version.key in finished and not version.is_latest)


def records_of(bucket: VersionedBucket, chain_id: int) -> ErasureRecords:
    """Return what was recorded of a chain; raises `StorageError`."""
    return SnapshotStore(bucket.s3, bucket.name).erasures(chain_id)


def is_of(erasure: Erasure, people: People) -> bool:
    """Whether an unfinished erasure is of exactly these people; one of an earlier release does not say whose it is."""
    return erasure.people_salt is not None and people.hashed(erasure.people_salt) == erasure.people_hash


def erased_version(version: Version) -> ErasedVersion:
    """Return what a record keeps of a version."""
    return ErasedVersion(version.key, version.version_id)


def _new(plan: Plan, versions: tuple[ErasedVersion, ...], people: People, now: datetime) -> Erasure:
    erasure_id, salt = f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}", secrets.token_hex(16)
    new = Erasure(erasure_id, plan.chain_id, utc_text(now), None, tuple(map(_counted, plan.days)), versions)
    return replace(new, people_salt=salt, people_hash=people.hashed(salt))


def _to_record(day: DayToErase) -> Iterator[ErasedVersion]:
    """Yield what goes for good; without versioning, the new typed copy has the key and the id of the old one."""
    in_place = None if day.typed_anew is None else ErasedVersion(day.typed_anew.key, NULL_VERSION)
    versions = (erased_version(version) for version in day.versions if not version.is_marker)
    return (version for version in versions if version != in_place)


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


def _is_written(bucket: VersionedBucket, erasure: Erasure, over: ErasureRecords) -> bool:
    """Write a record over what was read of it; False if another erasure has written it since."""
    put = put_over(
        bucket.s3,
        over.etags.get(erasure.key),
        Bucket=bucket.name,
        Key=erasure.key,
        Body=erasure.to_json(),
        ContentType="application/json",
        hint=AGAIN_HINT,
    )
    # where an answer was lost, the SDK has written it twice, and only the second try was refused
    return put or erasure in records_of(bucket, erasure.chain_id).records


def _overtaken(chain_id: int) -> StorageError:
    hint = "Run the command again once that has ended."
    return StorageError("Another erasure has written the record of this one", f"chain {chain_id}", hint)
