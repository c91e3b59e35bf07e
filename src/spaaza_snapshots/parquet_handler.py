"""The Parquet function: `Snapshot Completed` in, the typed copy of that snapshot out.

    {"source": "spaaza.snapshots", "detail-type": "Snapshot Completed",
     "detail": {"chain_id": 1743, "date": "2026-11-22", …}, …}
    {"chain_id": 1743, "date": "2026-11-22"}      by hand

SNAPSHOT_BUCKET   required
EVENT_BUS_NAME    without it no event is sent
"""

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from reprlib import repr as short
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import Telemetry, logger
from spaaza_snapshots.errors import InvalidRequest
from spaaza_snapshots.events.bus import SNAPSHOT_COMPLETED, EventBus
from spaaza_snapshots.parquet.build import Result, Services, build_parquet
from spaaza_snapshots.s3.parquet_store import ParquetStore
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.snapshot.clients import PARQUET_SDK_CONFIG
from spaaza_snapshots.snapshot.request import SOURCE, is_chain_id, parse_date
from spaaza_snapshots.snapshot.settings import Reader

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Settings:
    """What the function is told by its environment; an empty bus means that there is none."""

    bucket: str
    bus_name: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read both variables; raises `BadSettings`."""
        reader = Reader(environment)
        bucket = reader.required("SNAPSHOT_BUCKET", str)
        bus_name = reader.optional("EVENT_BUS_NAME", "", str)
        reader.raise_problems()
        return cls(bucket or "", bus_name or "")


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> Result:
    """Serve one invocation; what it raises is what Lambda reports, and an hour later the event comes again."""
    telemetry = Telemetry(os.environ.get("POWERTOOLS_SERVICE_NAME", "spaaza-snapshots"))
    chain_id = None
    try:
        settings = Settings.from_environment(os.environ)
        chain_id, snapshot_date = parse_event(event)
        logger.append_keys(chain_id=chain_id, snapshot_date=snapshot_date.isoformat())
        return build_parquet(_services(settings, telemetry, context), chain_id, snapshot_date)
    except Exception as error:
        logger.error(str(error), extra={"error": type(error).__name__})
        telemetry.measure({"ParquetsFailed": 1}, chain_id)
        raise


def parse_event(event: Mapping[str, Any]) -> tuple[int, date]:
    """Return the chain and the date of either payload above; raises `InvalidRequest`.

    The run that the event tells of may be superseded by now, so it is not asked for: what is committed counts.
    """
    detail: Any = event
    if "detail-type" in event:
        if (event.get("source"), event["detail-type"]) != (SOURCE, SNAPSHOT_COMPLETED):
            raise _refusal("This kind of event is not served", f"{event.get('source')!r} {event['detail-type']!r}")
        detail = event.get("detail")
    if not isinstance(detail, Mapping) or not {"chain_id", "date"} <= detail.keys():
        raise _refusal("The event does not name chain_id and date")
    chain_id = detail["chain_id"]
    if not is_chain_id(chain_id):
        raise _refusal("A chain id is a JSON integer above 0", short(chain_id))
    return chain_id, parse_date(detail["date"])


def _refusal(what: str, detail: str = "") -> InvalidRequest:
    return InvalidRequest(what, detail, 'Send {"chain_id": 1743, "date": "2026-11-22"}, or a Snapshot Completed event.')


def _services(settings: Settings, telemetry: Telemetry, context: LambdaContext) -> Services:
    s3, events = _clients(settings)
    clock = Clock(context.get_remaining_time_in_millis)
    return Services(
        snapshots=SnapshotStore(s3, settings.bucket),
        store=ParquetStore(s3, settings.bucket),
        bus=None if events is None else EventBus(events, settings.bus_name, clock),
        telemetry=telemetry,
        clock=clock,
        memory_mb=int(context.memory_limit_in_mb),  # Lambda tells it as a string
    )


@functools.lru_cache(maxsize=1)
def _clients(settings: Settings) -> "tuple[S3Client, EventBridgeClient | None]":
    """Make the clients, or return those that the container made before for the same settings."""
    session = boto3.Session()
    events = session.client("events", config=PARQUET_SDK_CONFIG) if settings.bus_name else None
    return session.client("s3", config=PARQUET_SDK_CONFIG), events
