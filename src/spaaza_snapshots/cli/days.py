"""`spaaza-snapshots list`: the days of the chains, one a line."""

import argparse
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from typing import Any, Final

from rich.console import RenderableType
from rich.table import Column, Table

from spaaza_snapshots.base.sdk import SDK_CONFIG
from spaaza_snapshots.cli import deployed
from spaaza_snapshots.cli.command import Answer, Command, ExitCode
from spaaza_snapshots.cli.days_asked import a_date
from spaaza_snapshots.cli.marks import STYLES
from spaaza_snapshots.errors import InvalidRequest
from spaaza_snapshots.upkeep.chain_days import Bucket, Standing
from spaaza_snapshots.upkeep.days import State, StoredDay, chains_in, dates_of

DEFAULT_DAYS: Final = 30


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    deployed.add_arguments(parser)
    parser.add_argument("--chain", type=int, help="only this chain; default: every chain in the bucket")
    parser.add_argument(
        "--since", type=a_date, help=f"first date, YYYY-MM-DD; default: {DEFAULT_DAYS} days up to --until"
    )
    parser.add_argument("--until", type=a_date, help="last date, YYYY-MM-DD; default: today in the stack's time zone")


def _run(options: argparse.Namespace) -> Answer:
    """List the days, from a chain's first one on; raises `InvalidRequest`."""
    deployment = deployed.deployment_of(options)
    today = deployment.today()
    with closing(deployment.session.client("s3", config=SDK_CONFIG)) as s3:
        bucket = deployment.bucket(s3)
        chain_ids = _chains(options.chain, {*deployment.chain_ids, *chains_in(s3, bucket.name)})
        days = [day for chain_id in chain_ids for day in _days(bucket, chain_id, options, today)]
    needs_a_person = any(day.state in (State.HELD, State.DAMAGED) for day in days)
    data = [{"chain_id": day.snapshot_id.chain_id, **day_data(day)} for day in days]
    return Answer(data, list(_view(days)), ExitCode.DAMAGED if needs_a_person else ExitCode.GOOD)


def _chains(asked: int | None, there: set[int]) -> list[int]:
    if asked is None:
        return sorted(there)
    if asked not in there:
        raise InvalidRequest("There is no such chain", str(asked), f"There are {', '.join(map(str, sorted(there)))}.")
    return [asked]


def _days(bucket: Bucket, chain_id: int, options: argparse.Namespace, today: date) -> list[StoredDay]:
    """Look at the dates asked for, from the chain's first one on."""
    until = options.until or today
    since = options.since or until - timedelta(days=DEFAULT_DAYS - 1)
    if since > until:
        raise InvalidRequest("--since is after --until", f"{since}, {until}", "Give the earlier date to --since.")
    there = dates_of(bucket.s3, bucket.name, chain_id)
    first = max([since, *there[:1]])
    dates = [first + timedelta(days=number) for number in range((until - first).days + 1)] if there else []
    return bucket.days(chain_id, dates, there, today)


def day_data(day: StoredDay) -> dict[str, Any]:
    """Return what JSON has of a day."""
    manifest = day.manifest
    return {
        "date": day.snapshot_id.snapshot_date,
        "state": day.state,
        "rows": manifest.row_count if manifest else None,
        "gzip_bytes": manifest.raw.gzip_bytes if manifest else None,
        "typed": day.is_typed,
        "run_id": manifest.run_id if manifest else None,
        "started_at": manifest.started_at if manifest else None,
    }


def _view(days: list[StoredDay]) -> Iterator[RenderableType]:
    if not days:
        yield "There is nothing in these days."
        return
    rows, gzip_bytes = Column("rows", justify="right"), Column("gzip bytes", justify="right")
    table = Table("chain", "date", "state", rows, gzip_bytes, "typed", "run", "started", box=None, pad_edge=False)
    for day in days:
        cells = [str(day.snapshot_id.chain_id), str(day.snapshot_id.snapshot_date)]
        cells.append(f"[{STYLES[Standing(day.state.value)]}]{day.state}[/]")
        if manifest := day.manifest:
            cells += [f"{manifest.row_count:,}", f"{manifest.raw.gzip_bytes:,}", "yes" if day.is_typed else "no"]
            cells += [manifest.run_id, manifest.started_at]
        table.add_row(*cells)
    yield table


COMMAND = Command(
    "list",
    "list the days of the chains (exit code 3: one of them is held or damaged; missing ones do not count)",
    _add_arguments,
    _run,
)
