"""One run: which snapshot it is for, how it was requested and when it started; and everything that it depends on."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import Telemetry
from spaaza_snapshots.events.bus import EventBus
from spaaza_snapshots.glue.catalog import GlueCatalog
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.snapshot.renewal import SessionRenewal
from spaaza_snapshots.spaaza.credentials import Session
from spaaza_snapshots.spaaza.export_api import SpaazaExports


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


@dataclass(frozen=True, slots=True)
class Services:
    """What a run depends on; without a catalog, a bus or a renewal, that step is skipped."""

    store: SnapshotStore
    exports: SpaazaExports
    read_session: Callable[[], Session]
    catalog: GlueCatalog | None
    bus: EventBus | None
    renewal: SessionRenewal | None
    telemetry: Telemetry
    clock: Clock

    def read_again(self, refused: Session) -> Session:
        """Read the session afresh after this one was refused; where it renews itself, wait for another one."""
        return self.read_session() if self.renewal is None else self.renewal.wait_for_another(refused)
