"""The export function: an event in, a committed snapshot out.

    {"chain_ids": [1743, 1783], "scheduled_time": "2026-11-22T02:00:00Z"}

All that it accepts is in `request.py`, the environment that it expects in `settings.py`.
"""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import Telemetry, logger
from spaaza_snapshots.snapshot.fan_out import fan_out, tell_missing
from spaaza_snapshots.snapshot.request import parse_request
from spaaza_snapshots.snapshot.run import Run
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.snapshot.snapshot import Result, report_failure, take_snapshot
from spaaza_snapshots.snapshot.wiring import run_for, services_for


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> Result:
    """Serve one invocation; what it raises is what Lambda reports."""
    telemetry = Telemetry(os.environ.get("POWERTOOLS_SERVICE_NAME", "spaaza-snapshots"))
    clock = Clock(context.get_remaining_time_in_millis)
    try:
        settings = Settings.from_environment(os.environ)
        request = parse_request(event, settings, clock.now())
        services = services_for(settings, telemetry, clock)
        run = run_for(request, settings, services)
        chain_id = run.chain_id if len(request.chain_ids) == 1 else list(request.chain_ids)
        logger.append_keys(chain_id=chain_id, snapshot_date=run.snapshot_date.isoformat())
        if request.scheduled:
            tell_missing(services.store, settings.chain_ids, request.snapshot_date, telemetry)
        if len(request.chain_ids) > 1:
            return fan_out(request, services.bus)
    except Exception as error:
        logger.error(str(error), extra={"error": type(error).__name__})
        telemetry.measure({"SnapshotsFailed": 1})
        raise
    return take(run)


def take(run: Run) -> Result:
    """Take one chain's snapshot, and tell of it if that fails."""
    try:
        return take_snapshot(run)
    except Exception as error:
        logger.error(str(error), extra={"error": type(error).__name__})
        report_failure(run, error)
        raise
