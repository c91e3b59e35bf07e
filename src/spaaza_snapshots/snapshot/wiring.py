"""Builds the services of a run from the settings, with clients that are made once per container and settings."""

import functools
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import boto3
import urllib3

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.sdk import COMPLETE_SDK_CONFIG, SDK_CONFIG
from spaaza_snapshots.base.telemetry import Telemetry
from spaaza_snapshots.events.bus import EventBus
from spaaza_snapshots.glue.catalog import GlueCatalog
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.snapshot.renewal import SessionRenewal
from spaaza_snapshots.snapshot.request import SnapshotRequest
from spaaza_snapshots.snapshot.run import Run, Services
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.spaaza.connections import http_pool
from spaaza_snapshots.spaaza.credentials import read_session
from spaaza_snapshots.spaaza.export_api import SpaazaExports
from spaaza_snapshots.spaaza.login import SpaazaLogin

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_glue import GlueClient
    from types_boto3_s3 import S3Client
    from types_boto3_secretsmanager import SecretsManagerClient


@dataclass(frozen=True, slots=True)
class Clients:
    """One client for each service that the settings require."""

    s3: "S3Client"
    completing_s3: "S3Client"
    secrets_manager: "SecretsManagerClient"
    events: "EventBridgeClient | None"
    glue: "GlueClient | None"
    http: urllib3.PoolManager


@functools.lru_cache(maxsize=1)
def clients_for(settings: Settings) -> Clients:
    """Return the clients, reusing those that this container made for the same settings."""
    session = boto3.Session()
    return Clients(
        s3=session.client("s3", config=SDK_CONFIG),
        completing_s3=session.client("s3", config=COMPLETE_SDK_CONFIG),
        secrets_manager=session.client("secretsmanager", config=SDK_CONFIG),
        events=session.client("events", config=SDK_CONFIG) if settings.bus_name else None,
        glue=session.client("glue", config=SDK_CONFIG) if settings.glue_database else None,
        http=http_pool(),
    )


def services_for(settings: Settings, telemetry: Telemetry, clock: Clock) -> Services:
    """Return what a run depends on."""
    clients = clients_for(settings)
    glue, events = clients.glue, clients.events
    secret = clients.secrets_manager, settings.secret_id
    renewal = SessionRenewal(*secret, SpaazaLogin(clients.http, settings.api_url), clock)
    return Services(
        store=SnapshotStore(clients.s3, settings.bucket, clients.completing_s3),
        exports=SpaazaExports(clients.http, settings.export_url, settings.read_timeout_seconds, clock),
        read_session=functools.partial(read_session, *secret),
        catalog=GlueCatalog(glue, settings.glue_database, settings.bucket, settings.chain_ids) if glue else None,
        bus=EventBus(events, settings.bus_name, clock) if events else None,
        renewal=renewal if settings.session_rotation else None,
        telemetry=telemetry,
        clock=clock,
    )


def run_for(request: SnapshotRequest, settings: Settings, started_at: datetime) -> Run:
    """Return the run for a request of one chain."""
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
