"""Which part of a run is given which client and setting."""

import functools
from datetime import datetime

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import Telemetry
from spaaza_snapshots.events.bus import EventBus
from spaaza_snapshots.glue.catalog import GlueCatalog
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.snapshot.clients import clients_for
from spaaza_snapshots.snapshot.renewal import SessionRenewal
from spaaza_snapshots.snapshot.request import SnapshotRequest
from spaaza_snapshots.snapshot.run import Run
from spaaza_snapshots.snapshot.services import Services
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.spaaza.credentials import read_session
from spaaza_snapshots.spaaza.export_api import SpaazaExports
from spaaza_snapshots.spaaza.login import SpaazaLogin


def services_for(settings: Settings, telemetry: Telemetry, clock: Clock) -> Services:
    """Return what a run works with."""
    clients = clients_for(settings)
    glue, events = clients.glue, clients.events
    return Services(
        store=SnapshotStore(clients.s3, settings.bucket, clients.completing_s3),
        exports=SpaazaExports(clients.http, settings.export_url, settings.read_timeout_seconds, clock),
        read_session=functools.partial(read_session, clients.secrets_manager, settings.secret_id),
        catalog=None
        if glue is None
        else GlueCatalog(glue, settings.glue_database, settings.bucket, settings.chain_ids),
        bus=None if events is None else EventBus(events, settings.bus_name, clock),
        renewal=_renewal(settings, clock),
        telemetry=telemetry,
        clock=clock,
    )


def _renewal(settings: Settings, clock: Clock) -> SessionRenewal | None:
    if not settings.session_rotation:
        return None
    clients = clients_for(settings)
    login = SpaazaLogin(clients.http, settings.api_url)
    return SessionRenewal(clients.secrets_manager, settings.secret_id, login, clock)


def run_for(request: SnapshotRequest, settings: Settings, started_at: datetime) -> Run:
    """Return the run that serves a request of one chain."""
    (chain_id,) = request.chain_ids
    return Run(
        snapshot_id=SnapshotId(chain_id, request.snapshot_date),
        taken_on=started_at.astimezone(settings.time_zone).date(),
        environment=settings.environment,
        max_row_drop_percent=settings.max_row_drop_percent,
        force=request.force,
        accept=request.accept,
        requested_at=request.requested_at,
        started_at=started_at,
    )
