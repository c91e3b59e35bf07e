"""Everything that a run depends on, so that a test can inject other parts."""

from collections.abc import Callable
from dataclasses import dataclass

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import Telemetry
from spaaza_snapshots.events.bus import EventBus
from spaaza_snapshots.glue.catalog import GlueCatalog
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.spaaza.credentials import Session
from spaaza_snapshots.spaaza.export_api import SpaazaExports


@dataclass(frozen=True, slots=True)
class Services:
    """What a run depends on; without a catalog or a bus, that step is skipped."""

    store: SnapshotStore
    exports: SpaazaExports
    read_session: Callable[[], Session]
    catalog: GlueCatalog | None
    bus: EventBus | None
    telemetry: Telemetry
    clock: Clock
