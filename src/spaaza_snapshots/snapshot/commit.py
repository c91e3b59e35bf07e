"""How a day becomes, and stays, a snapshot.

    write ahead   the finished manifest goes to pending/{run_id}.json
    complete      the raw object appears, and says by its run-id which record is its own: the commit point
    promote       the record becomes manifest.json, if the object in place is still the record's own

Whoever finds an object whose record was not promoted does it. So a crash at any instant, and any number of runs at
once, end with a manifest that describes the object in place, at the latest after the next run.
"""

from dataclasses import dataclass
from datetime import date

from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.s3.objects import Condition, StoredObject, unchanged
from spaaza_snapshots.s3.snapshot_store import SnapshotStore

ROUNDS = 10
"""How often others may be quicker before something must be wrong: each round that is lost, some other run has won."""


@dataclass(frozen=True, slots=True)
class Day:
    """What stands for one chain and date.

    `record` is what lies under pending/ for the object in place. Beside a committed manifest it says that nobody has
    told of that snapshot yet.
    """

    raw: StoredObject | None
    committed: Manifest | None = None
    record: Manifest | None = None

    @property
    def held(self) -> Manifest | None:
        """The record that only `accept` may commit, or None."""
        if self.committed is not None or self.record is None or not self.record.is_held:
            return None
        return None if self.raw is None or self.raw.accepted else self.record

    @property
    def unchanged(self) -> Condition:
        """What S3 must still find when an upload completes over this day."""
        return unchanged(None if self.raw is None else self.raw.etag)


def look(store: SnapshotStore, chain_id: int, snapshot_date: date) -> Day:
    """Return what stands, changing nothing; raises `StorageError`."""
    for _ in range(ROUNDS):
        raw = store.raw(chain_id, snapshot_date)
        if raw is None or raw.run_id is None:
            return Day(raw)
        # The record first: it is removed only after its manifest was put, so whoever finds neither is not misled...
        record = store.pending(chain_id, snapshot_date, raw.run_id)
        stored = store.manifest(chain_id, snapshot_date)
        manifest = None if stored is None else stored.manifest
        committed = manifest if manifest is not None and raw.is_of(manifest.run_id) else None
        # ... unless the object is another run's by now.
        if record is not None or committed is not None or store.raw(chain_id, snapshot_date) == raw:
            return Day(raw, committed, record)
    raise outrun(chain_id, snapshot_date)


def settle(store: SnapshotStore, chain_id: int, snapshot_date: date) -> Day:
    """Return what stands, after promoting the record that a killed run may have left; raises `StorageError`."""
    for _ in range(ROUNDS):
        day = look(store, chain_id, snapshot_date)
        if day.record is None or day.committed is not None or day.held is not None:
            return day
        promote(store, day.record)
    raise outrun(chain_id, snapshot_date)


def promote(store: SnapshotStore, record: Manifest) -> Manifest | None:
    """Commit a record whose object is in place; None where another run's object is there by now.

    The record stays under pending/ until its snapshot was told of (`_conclude` in snapshot.py). Safe to repeat and to
    run many times at once. Raises `StorageError`.
    """
    for _ in range(ROUNDS):
        stored = store.manifest(record.chain_id, record.date)
        raw = store.raw(record.chain_id, record.date)
        if raw is None or not raw.is_of(record.run_id):
            store.remove_pending(record)  # it can never become true again
            return None
        manifest = record.of_object(raw.etag, raw.version_id)
        if store.put_manifest(manifest, over_etag=None if stored is None else stored.etag):
            return manifest
    raise outrun(record.chain_id, record.date)


def outrun(chain_id: int, snapshot_date: date) -> StorageError:
    """Return the error of a run that was overtaken in every round."""
    return StorageError(
        "Other runs of this snapshot were always quicker",
        f"chain {chain_id}, {snapshot_date}, {ROUNDS} rounds",
        "Look who invokes the function so often; the next run of the schedule settles what stands.",
    )
