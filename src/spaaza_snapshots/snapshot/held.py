"""A whole but doubtful export: kept from sight until somebody accepts it."""

from datetime import date

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.errors import SnapshotHeld
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.snapshot.commit import ROUNDS, Day, outrun, settle

NOT_YET = "if not, do nothing: the schedule exports a day again while it lasts, three times at most."


def accept(store: SnapshotStore, chain_id: int, snapshot_date: date, clock: Clock) -> Day:
    """Commit what is held, unless a good export has taken its place, and return what stands then.

    The object itself is made to say that it was accepted: only what changes it can stop a run whose Complete is on its
    way over it.
    """
    for _ in range(ROUNDS):
        day = settle(store, chain_id, snapshot_date)
        if day.held is None or day.raw is None:
            return day
        clock.require("accepting the snapshot")
        store.reupload_accepted(day.held, day.raw, clock)
    raise outrun(chain_id, snapshot_date)


def held(record: Manifest, otherwise: str = NOT_YET, *, again: bool = False) -> SnapshotHeld:
    """Return the error of a record that is held: why, what accepts it, and what to do otherwise."""
    payload = f'{{"chain_id": {record.chain_id}, "date": "{record.snapshot_date}", "accept": true}}'
    return doubtful(
        record,
        "it is kept, unseen",
        f"If Spaaza confirms these users, invoke the function with {payload}"
        f" (make snapshot CHAIN={record.chain_id} DATE={record.snapshot_date} ACCEPT=1); {otherwise}",
        again=again,
    )


def doubtful(record: Manifest, what_became_of_it: str, hint: str, **marks: bool) -> SnapshotHeld:
    """Return the error of a doubtful record: which guard failed, with its figures, and what was done about it."""
    notes = "; ".join(f"{check.name}: {check.notes}" for check in record.failed_checks)
    what = f"The snapshot of chain {record.chain_id} for {record.snapshot_date} is doubtful"
    return SnapshotHeld(what, f"{notes}; {what_became_of_it}", hint, **marks)
