"""The clients of AWS and of HTTP, made once per container and settings."""

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
import urllib3
from botocore.config import Config

from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.spaaza.connections import http_pool

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_glue import GlueClient
    from types_boto3_s3 import S3Client
    from types_boto3_secretsmanager import SecretsManagerClient

SDK_CONFIG = Config(
    # Three tries of at most 11 s and the waits between them: one call that fails slowly stays within the reserve of the
    # function's time (clock.py). Whatever lasts longer is for the next hour's run.
    connect_timeout=3,
    read_timeout=8,
    retries={"mode": "standard", "total_max_attempts": 3},
    # Parts carry a CRC that S3 verifies, over TLS: hashing each of them once more would only cost CPU.
    s3={"payload_signing_enabled": False},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)

COMPLETE_SDK_CONFIG = SDK_CONFIG.merge(Config(read_timeout=60))
"""For CompleteMultipartUpload, which "can take several minutes": to give up on it is to give up a proven export.

Where the function's time ends meanwhile, the next run finds the record under `pending/` and settles what S3 has done:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
"""

PARQUET_SDK_CONFIG = SDK_CONFIG.merge(Config(connect_timeout=10, read_timeout=60))
"""For the conversion, whose calls do not live in the export's reserve: S3 may take its time with a large object."""


@dataclass(frozen=True, slots=True)
class Clients:
    """One client for each service that the settings call for."""

    s3: "S3Client"
    completing_s3: "S3Client"
    secrets_manager: "SecretsManagerClient"
    events: "EventBridgeClient | None"
    glue: "GlueClient | None"
    http: urllib3.PoolManager


@functools.lru_cache(maxsize=1)
def clients_for(settings: Settings) -> Clients:
    """Make the clients, or return those that the container made before for the same settings."""
    session = boto3.Session()
    return Clients(
        s3=session.client("s3", config=SDK_CONFIG),
        completing_s3=session.client("s3", config=COMPLETE_SDK_CONFIG),
        secrets_manager=session.client("secretsmanager", config=SDK_CONFIG),
        events=session.client("events", config=SDK_CONFIG) if settings.bus_name else None,
        glue=session.client("glue", config=SDK_CONFIG) if settings.glue_database else None,
        http=http_pool(),
    )
