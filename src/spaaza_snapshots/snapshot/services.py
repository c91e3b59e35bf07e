"""Everything that a run works with, so that a test can hand it other parts."""

from collections.abc import Callable
from dataclasses import dataclass

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import Telemetry
from spaaza_snapshots.events.bus import EventBus
from spaaza_snapshots.glue.catalog import GlueCatalog
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.snapshot.renewal import SessionRenewal
from spaaza_snapshots.spaaza.credentials import Session
from spaaza_snapshots.spaaza.export_api import SpaazaExports


@dataclass(frozen=True, slots=True)
class Services:
    """What a run works with; without a catalog, a bus or a renewal its step is left out."""

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
