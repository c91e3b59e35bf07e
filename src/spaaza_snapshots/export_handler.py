"""The export function: an event in, a committed snapshot out.

    {"chain_ids": [1743, 1783], "scheduled_time": "2026-11-22T02:00:00Z"}

All that it accepts is in `request.py`, the environment that it expects in `settings.py`.
"""

import functools
import os
import uuid
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from spaaza_snapshots.bus import EventBus
from spaaza_snapshots.catalog import GlueCatalog
from spaaza_snapshots.clients import clients_for
from spaaza_snapshots.clock import Clock
from spaaza_snapshots.credentials import read_session
from spaaza_snapshots.errors import SnapshotError
from spaaza_snapshots.export_api import SpaazaExports
from spaaza_snapshots.fan_out import fan_out, tell_missing
from spaaza_snapshots.request import Request, parse_request
from spaaza_snapshots.run import Run, Services
from spaaza_snapshots.settings import Settings
from spaaza_snapshots.snapshot import Result, report_failure, take_snapshot
from spaaza_snapshots.store import SnapshotStore
from spaaza_snapshots.telemetry import Telemetry, logger


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> Result:
    """Serve one invocation; what it raises is what Lambda reports."""
    telemetry = Telemetry(os.environ.get("POWERTOOLS_SERVICE_NAME", "spaaza-snapshots"))
    clock = Clock(context.get_remaining_time_in_millis)
    try:
        settings = Settings.from_environment(os.environ)
        request = parse_request(event, settings, clock.now())
        services = _services(settings, telemetry, clock)
        if request.scheduled:
            tell_missing(services.store, settings.chain_ids, request.snapshot_date, telemetry)
        if len(request.chain_ids) > 1:
            return fan_out(request, services.bus)
        run = _run(request, settings, services)
    except SnapshotError as error:
        logger.error(str(error), extra={"error": type(error).__name__})
        telemetry.measure({"SnapshotsFailed": 1})
        raise
    return _take(run)


def _take(run: Run) -> Result:
    logger.append_keys(run_id=run.run_id, chain_id=run.chain_id, snapshot_date=run.snapshot_date.isoformat())
    try:
        return take_snapshot(run)
    except Exception as error:
        logger.error(str(error), extra={"error": type(error).__name__})
        report_failure(run, error)
        raise


def _services(settings: Settings, telemetry: Telemetry, clock: Clock) -> Services:
    clients = clients_for(settings)
    glue, events = clients.glue, clients.events
    return Services(
        store=SnapshotStore(clients.s3, settings.bucket),
        exports=SpaazaExports(clients.http, settings.export_url, settings.read_timeout_seconds, clock),
        read_session=functools.partial(read_session, clients.secrets_manager, settings.secret_id),
        catalog=None
        if glue is None
        else GlueCatalog(glue, settings.glue_database, settings.bucket, settings.chain_ids),
        bus=None if events is None else EventBus(events, settings.bus_name, clock),
        telemetry=telemetry,
        clock=clock,
    )


def _run(request: Request, settings: Settings, services: Services) -> Run:
    started_at = services.clock.now()
    return Run(
        run_id=str(uuid.uuid4()),
        chain_id=request.chain_ids[0],
        snapshot_date=request.snapshot_date,
        taken_on=started_at.astimezone(settings.time_zone).date(),
        environment=settings.environment,
        max_row_drop_percent=settings.max_row_drop_percent,
        force=request.force,
        accept=request.accept,
        requested_at=request.requested_at,
        started_at=started_at,
        services=services,
    )
