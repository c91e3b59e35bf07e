"""One run: what it was asked, when it began, and everything that it works with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import Telemetry
from spaaza_snapshots.events.bus import EventBus
from spaaza_snapshots.glue.catalog import GlueCatalog
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.spaaza.credentials import Session
from spaaza_snapshots.spaaza.export_api import SpaazaExports


@dataclass(frozen=True, slots=True)
class Services:
    """What a run works with; without a catalog or a bus its step is left out."""

    store: SnapshotStore
    exports: SpaazaExports
    read_session: Callable[[], Session]
    catalog: GlueCatalog | None
    bus: EventBus | None
    telemetry: Telemetry
    clock: Clock


@dataclass(frozen=True, slots=True)
class Run:
    """One invocation that makes, or finds, one snapshot."""

    chain_id: int
    snapshot_date: date
    taken_on: date
    environment: str
    max_row_drop_percent: float
    force: bool
    accept: bool
    requested_at: datetime | None
    started_at: datetime
    services: Services
