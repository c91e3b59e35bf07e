"""Which of the stored days a command is about, as its options say."""

import argparse
from datetime import date
from typing import TYPE_CHECKING

from spaaza_snapshots.errors import InvalidRequest
from spaaza_snapshots.events.payload import parse_date
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.upkeep.days import chains_in, dates_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that `days_asked` reads."""
    parser.add_argument("--chain", type=int, help="chain id; default: every chain in the bucket")
    parser.add_argument("--date", type=a_date, help="YYYY-MM-DD; one day")
    parser.add_argument("--since", type=a_date, help="YYYY-MM-DD; the first day of a range")
    parser.add_argument("--until", type=a_date, help="YYYY-MM-DD; the last day of a range")
    parser.add_argument("--all", action="store_true", help="every day in the bucket")


def a_date(text: str) -> date:
    """Read an option that is a date; raises what argparse makes a usage error of."""
    try:
        return parse_date(text)
    except InvalidRequest:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date, YYYY-MM-DD") from None


def days_asked(options: argparse.Namespace, s3: "S3Client", bucket: str) -> list[SnapshotId] | None:
    """Return the days by chain and date, or None if no option says which; raises `InvalidRequest`, `StorageError`.

    A single day of a single chain is returned whatever the bucket has; of others, those that have anything there.
    """
    span = _span(options)
    if span is None:
        return None
    if options.chain is not None and options.date is not None:
        return [SnapshotId(options.chain, options.date)]
    return stored_days(s3, bucket, options.chain, *span)


def stored_days(s3: "S3Client", bucket: str, chain: int | None, first: date, last: date) -> list[SnapshotId]:
    """Return the days of a chain, or of all, in a span that have anything in the bucket; raises `StorageError`."""
    chains = chains_in(s3, bucket) if chain is None else [chain]
    return [SnapshotId(each, day) for each in chains for day in dates_of(s3, bucket, each) if first <= day <= last]


def _span(options: argparse.Namespace) -> tuple[date, date] | None:
    """Return the first and the last day asked for."""
    is_range = options.since is not None or options.until is not None
    if (options.date is not None) + is_range + options.all > 1:
        hint = "Give one of them."
        raise InvalidRequest("These options name different days", "--date, --since and --until, --all", hint)
    if options.date is not None:
        return options.date, options.date
    if is_range or options.all:
        return options.since or date.min, options.until or date.max
    return None
