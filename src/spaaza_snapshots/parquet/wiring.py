"""Builds the services of a conversion from the settings."""

import functools
from typing import TYPE_CHECKING

import boto3

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.sdk import PARQUET_SDK_CONFIG
from spaaza_snapshots.base.telemetry import Telemetry
from spaaza_snapshots.events.bus import EventBus
from spaaza_snapshots.parquet.build import ParquetServices
from spaaza_snapshots.parquet.settings import ParquetSettings
from spaaza_snapshots.s3.parquet_store import ParquetStore
from spaaza_snapshots.s3.snapshot_store import SnapshotStore

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_s3 import S3Client


def services_for(settings: ParquetSettings, telemetry: Telemetry, clock: Clock, memory_mb: int) -> ParquetServices:
    """Return what a conversion depends on."""
    s3, events = clients_of(settings)
    return ParquetServices(
        snapshots=SnapshotStore(s3, settings.bucket),
        store=ParquetStore(s3, settings.bucket),
        bus=None if events is None else EventBus(events, settings.bus_name, clock),
        telemetry=telemetry,
        clock=clock,
        memory_mb=memory_mb,
    )


@functools.lru_cache(maxsize=1)
def clients_of(settings: ParquetSettings) -> "tuple[S3Client, EventBridgeClient | None]":
    """Return the clients, reusing those that this container made for the same settings."""
    session = boto3.Session()
    events = session.client("events", config=PARQUET_SDK_CONFIG) if settings.bus_name else None
    return session.client("s3", config=PARQUET_SDK_CONFIG), events
