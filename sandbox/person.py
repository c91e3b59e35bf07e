"""A chain's week with one person in it, in every place where an export can hold a person."""

from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, date, datetime, time
from typing import Final

import boto3

from sandbox.aws.stack import BUS, Stack
from sandbox.spaaza.answers import csv_answer
from sandbox.spaaza.users import HEADER
from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import Telemetry
from spaaza_snapshots.errors import SnapshotHeld
from spaaza_snapshots.events.bus import EventBus
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.parquet.build import ParquetServices, build_parquet
from spaaza_snapshots.s3.parquet_store import ParquetStore
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.snapshot.request import parse_request
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.snapshot.snapshot import take_snapshot
from spaaza_snapshots.snapshot.wiring import run_for, services_for

CHAIN: Final = 1743
OTHER_CHAIN: Final = 1783
PERSON: Final = 734512904100
MARK: Final = "Wilhelmina"
OTHERS: Final = tuple(range(1_000, 1_040))

BEFORE, WITH, TWICE, HELD, UNREADABLE, REPLACED, AFTER = (date(2026, 11, day) for day in range(16, 23))
"""The person is not there; is; is, also after a forced run; is in a held export; is in a record that cannot be read; is
no longer after a forced run; is not there."""

_REST: Final = b"," * (len(HEADER) - 2)


def csv_of(ids: Sequence[int], *, broken: bool = False) -> bytes:
    """Return an export of these users; `broken`: the person's record is not UTF-8."""
    lines = [",".join(HEADER).encode()]
    for number in ids:
        name = MARK.encode() + (b"\xff" if broken else b"") if number == PERSON else b"Ann"
        lines.append(b"%d,%s%s" % (number, name, _REST))
    return b"\n".join([*lines, b""])


def take(stack: Stack, day: date, csv_bytes: bytes, *, chain_id: int = CHAIN, force: bool = False) -> None:
    """Take a day's snapshot at its noon; it may be held."""
    noon = datetime.combine(day, time(12), UTC)
    clock = Clock(remaining_ms=lambda: 900_000, now=lambda: noon)
    settings = Settings.from_environment(stack.environment())
    stack.spaaza.serve(csv_answer(csv_bytes))
    request = parse_request({"chain_id": chain_id, "force": force}, settings, noon)
    with suppress(SnapshotHeld):
        take_snapshot(run_for(request, settings, noon), services_for(settings, Telemetry("sandbox"), clock))


def type_copy(stack: Stack, day: date, *, chain_id: int = CHAIN) -> None:
    """Make a day's typed copy."""
    clock = Clock(remaining_ms=lambda: 900_000)
    with closing(boto3.client("s3")) as s3, closing(boto3.client("events")) as events:
        services = ParquetServices(
            snapshots=SnapshotStore(s3, stack.bucket),
            store=ParquetStore(s3, stack.bucket),
            bus=EventBus(events, BUS, clock),
            telemetry=Telemetry("sandbox"),
            clock=clock,
            memory_mb=512,
        )
        build_parquet(services, SnapshotId(chain_id, day))


def live_a_week(stack: Stack) -> None:
    """Fill the bucket; the SDK's variables must lead to the stack."""
    without, with_person = csv_of(OTHERS), csv_of((*OTHERS[:20], PERSON, *OTHERS[20:]))
    for day, exports in {
        BEFORE: [without],
        WITH: [with_person],
        TWICE: [with_person, with_person + b"2000,Ben" + _REST],
        HELD: [csv_of((PERSON, *OTHERS[:5]))],
        UNREADABLE: [csv_of((*OTHERS, PERSON, 1), broken=True)],
        REPLACED: [with_person, without],
        AFTER: [without],
    }.items():
        for number, export in enumerate(exports):
            take(stack, day, export, force=number > 0)
            if day is not HELD:
                type_copy(stack, day)
    take(stack, WITH, with_person, chain_id=OTHER_CHAIN)
    for text in (f"id,first_name\n{PERSON},{MARK}\n", "count\n1\n"):
        stack.s3.put_object(Bucket=stack.bucket, Key="athena-results/1.csv", Body=text.encode())
