"""One run: which snapshot it is for, how it was requested, and when it started."""

from dataclasses import dataclass
from datetime import date, datetime

from spaaza_snapshots.model.snapshot_id import SnapshotId


@dataclass(frozen=True, slots=True)
class Run:
    """One invocation that makes, or finds, one snapshot.

    `taken_on` is today's date in the time zone of the snapshots. `requested_at` is the event's own time, None if it
    has none.
    """

    snapshot_id: SnapshotId
    taken_on: date
    environment: str
    max_row_drop_percent: float
    force: bool
    accept: bool
    requested_at: datetime | None
    started_at: datetime
