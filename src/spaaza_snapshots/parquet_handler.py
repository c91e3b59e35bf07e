"""The Parquet function: `Snapshot Completed` in, the typed copy of that snapshot out.

`parquet/event.py` lists the events that it accepts, `parquet/settings.py` its environment variables.
"""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import Telemetry, log_failure, logger
from spaaza_snapshots.parquet.build import ParquetResult, build_parquet
from spaaza_snapshots.parquet.event import parse_event
from spaaza_snapshots.parquet.settings import ParquetSettings
from spaaza_snapshots.parquet.wiring import services_for


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> ParquetResult:
    """Handle one invocation; Lambda reports what it raises, and the event is sent again an hour later."""
    telemetry = Telemetry(os.environ.get("POWERTOOLS_SERVICE_NAME", "spaaza-snapshots"))
    clock = Clock(context.get_remaining_time_in_millis)
    chain_id = None
    try:
        settings = ParquetSettings.from_environment(os.environ)
        request = parse_event(event)
        snapshot_id = request.snapshot_id
        chain_id = snapshot_id.chain_id
        logger.append_keys(chain_id=chain_id, snapshot_date=snapshot_id.snapshot_date.isoformat())
        memory_mb = int(context.memory_limit_in_mb)  # Lambda passes a string
        services = services_for(settings, telemetry, clock, memory_mb)
        return build_parquet(services, snapshot_id, rebuild=request.rebuild)
    except Exception as error:
        log_failure(error)
        telemetry.measure({"ParquetsFailed": 1}, chain_id)
        raise
