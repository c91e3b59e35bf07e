"""Which part of a rotation is given which client and setting."""

import functools
from typing import TYPE_CHECKING

import boto3
import urllib3

from spaaza_snapshots.base.sdk import SDK_CONFIG
from spaaza_snapshots.rotation.login_secret import LoginSecret
from spaaza_snapshots.rotation.settings import RotationSettings
from spaaza_snapshots.rotation.steps import RotationServices
from spaaza_snapshots.rotation.versions import SessionVersions
from spaaza_snapshots.spaaza.connections import http_pool
from spaaza_snapshots.spaaza.login import SpaazaLogin

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient


def services_for(settings: RotationSettings, secret_id: str) -> RotationServices:
    """Return what a step works with; `secret_id` is the secret that the event names."""
    secrets_manager, http = clients_of(settings)
    return RotationServices(
        versions=SessionVersions(secrets_manager, secret_id),
        login_secret=LoginSecret(secrets_manager, settings.login_secret_id),
        spaaza=SpaazaLogin(http, settings.api_url),
    )


@functools.lru_cache(maxsize=1)
def clients_of(_settings: RotationSettings) -> "tuple[SecretsManagerClient, urllib3.PoolManager]":
    """Make the clients, or return those that the container made before for the same settings."""
    return boto3.Session().client("secretsmanager", config=SDK_CONFIG), http_pool()
