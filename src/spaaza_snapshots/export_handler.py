"""The export function: an event in, a committed snapshot out.

    {"chain_ids": [1743, 1783], "scheduled_time": "2026-11-22T02:00:00Z"}

`snapshot/request.py` lists the events that it accepts, `snapshot/settings.py` its environment variables.
"""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import Telemetry, log_failure, logger
from spaaza_snapshots.snapshot.fan_out import fan_out, measure_missing
from spaaza_snapshots.snapshot.follow_up import SnapshotResult, report_failure
from spaaza_snapshots.snapshot.request import SnapshotRequest, parse_request
from spaaza_snapshots.snapshot.run import Run, Services
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.snapshot.snapshot import take_snapshot
from spaaza_snapshots.snapshot.wiring import run_for, services_for


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> SnapshotResult:
    """Handle one invocation; Lambda reports what it raises."""
    telemetry = Telemetry(os.environ.get("POWERTOOLS_SERVICE_NAME", "spaaza-snapshots"))
    clock = Clock(context.get_remaining_time_in_millis)
    try:
        settings = Settings.from_environment(os.environ)
        request = parse_request(event, settings, clock.now())
        services = services_for(settings, telemetry, clock)
        _log_with(request)
        if request.scheduled:
            if services.renewal is not None:
                services.renewal.ask_if_refused()
            measure_missing(services.store, settings.chain_ids, request.snapshot_date, telemetry)
        if len(request.chain_ids) > 1:
            return fan_out(request, services.bus)
        run = run_for(request, settings, clock.now())
    except Exception as error:
        log_failure(error)
        telemetry.measure({"SnapshotsFailed": 1})
        raise
    return take(run, services)


def take(run: Run, services: Services) -> SnapshotResult:
    """Take one chain's snapshot, and report it if that fails."""
    try:
        return take_snapshot(run, services)
    except Exception as error:
        log_failure(error)
        report_failure(run, services, error)
        raise


def _log_with(request: SnapshotRequest) -> None:
    """Add the chain, or chains, and the date to every log line."""
    chain_id = request.chain_ids[0] if len(request.chain_ids) == 1 else list(request.chain_ids)
    logger.append_keys(chain_id=chain_id, snapshot_date=request.snapshot_date.isoformat())
