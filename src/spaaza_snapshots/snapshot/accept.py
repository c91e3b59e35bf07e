"""Accepting a held export, which is not visible until then."""

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.objects import ROUNDS
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.snapshot.commit import Day, outrun, settle


def accept(store: SnapshotStore, snapshot_id: SnapshotId, clock: Clock) -> Day:
    """Commit the held export, unless a good one has replaced it, and return the new state.

    The object itself is marked as accepted: only a changed object can stop another run's Complete that is in flight.
    """
    for _ in range(ROUNDS):
        day = settle(store, snapshot_id)
        if day.held is None or day.raw is None:
            return day
        clock.require("accepting the snapshot")
        store.reupload_accepted(day.held, day.raw, clock)
    raise outrun(snapshot_id)
