"""The AWS and HTTP clients, made once per container and settings."""

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
import urllib3

from spaaza_snapshots.base.sdk import COMPLETE_SDK_CONFIG, SDK_CONFIG
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.spaaza.connections import http_pool

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
