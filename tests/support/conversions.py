"""How the tests make a typed copy, past the handler."""

import json
from collections.abc import Mapping
from typing import Any

import boto3

from sandbox.aws.stack import BUS, Stack
from sandbox.spaaza.users import generated_csv
from spaaza_snapshots.base.telemetry import Telemetry
from spaaza_snapshots.events.bus import EventBus
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.parquet.build import ParquetResult, ParquetServices, build_parquet
from spaaza_snapshots.s3.parquet_store import ParquetStore
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from tests.support.builders import HeldClock
from tests.support.committed import CHAIN, DAY

USERS = b"".join(generated_csv(60))
OTHERS = b"".join(generated_csv(80, seed=2))


def services(stack: Stack) -> ParquetServices:
    s3, bus = boto3.client("s3"), boto3.client("events")
    clock = HeldClock().clock()
    return ParquetServices(
        snapshots=SnapshotStore(s3, stack.bucket),
        store=ParquetStore(s3, stack.bucket),
        bus=EventBus(bus, BUS, clock),
        telemetry=Telemetry("parquet"),
        clock=clock,
        memory_mb=512,
    )


def build(stack: Stack) -> ParquetResult:
    return build_parquet(services(stack), SnapshotId(CHAIN, DAY))


def metrics(text: str) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if '"_aws"' in line]
