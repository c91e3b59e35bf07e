"""What is held: kept from sight until somebody accepts it."""

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.objects import ROUNDS
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.snapshot.commit import Day, outrun, settle


def accept(store: SnapshotStore, snapshot_id: SnapshotId, clock: Clock) -> Day:
    """Commit what is held, unless a good export has taken its place, and return what stands then.

    The object itself is made to say that it was accepted: only what changes it can stop a run whose Complete is on its
    way over it.
    """
    for _ in range(ROUNDS):
        day = settle(store, snapshot_id)
        if day.held is None or day.raw is None:
            return day
        clock.require("accepting the snapshot")
        store.reupload_accepted(day.held, day.raw, clock)
    raise outrun(snapshot_id)
