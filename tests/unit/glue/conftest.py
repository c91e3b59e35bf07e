"""Glue on loopback, and the tables told to it."""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config

from sandbox.aws.moto import MotoAws
from sandbox.spaaza.users import HEADER
from sandbox.wire.wire import Wire
from spaaza_snapshots.glue.catalog import CatalogChange, GlueCatalog
from spaaza_snapshots.model.columns import columns_of

if TYPE_CHECKING:
    from types_boto3_glue import GlueClient
from tests.support.catalog import CHAINS, DATABASE, DAY, Ensure


@pytest.fixture
def wire(moto_aws: MotoAws) -> Iterator[Wire]:
    with Wire({"aws": moto_aws.endpoint_url}) as opened:
        yield opened


@pytest.fixture
def glue(moto_aws: MotoAws) -> "GlueClient":
    """A client that goes past the wire, for the eyes and hands of the test."""
    moto_aws.create_database(DATABASE)
    return moto_aws.client("glue")


@pytest.fixture
def ensure(wire: Wire, glue: "GlueClient") -> Iterator[Ensure]:
    client = boto3.client(
        "glue",
        endpoint_url=wire.url("aws"),
        region_name=MotoAws.region,
        aws_access_key_id="moto",
        aws_secret_access_key="moto",
        config=Config(retries={"total_max_attempts": 2, "mode": "standard"}),
    )

    def ensure_tables(
        *header: str, chains: tuple[int, ...] = CHAINS, day: date = DAY, database: str = DATABASE
    ) -> CatalogChange:
        return GlueCatalog(client, database, "snapshots", chains).ensure_tables(columns_of(header or HEADER), day)

    yield ensure_tables
    client.close()
