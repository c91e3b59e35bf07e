"""`spaaza-snapshots verify`: prove stored snapshots against their manifests. Changes nothing in the bucket."""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from rich.markup import escape
from rich.progress import MofNCompleteColumn
from rich.table import Table

from spaaza_snapshots.base.sdk import PARQUET_SDK_CONFIG
from spaaza_snapshots.cli import days_asked, deployed
from spaaza_snapshots.cli.command import Answer, Command, ExitCode, progress
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.upkeep.days import READERS, State
from spaaza_snapshots.upkeep.findings import Verdict, Verified
from spaaza_snapshots.upkeep.verify import Limits, Verifier

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

COLOURS: Final = {
    Verdict.PROVEN: "green",
    Verdict.DAMAGED: "red",
    Verdict.EXPIRED: "dim",
    Verdict.NOT_PROVEN: "yellow",
}
MB: Final = 1_000_000


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    deployed.add_arguments(parser)
    days_asked.add_arguments(parser)
    parser.add_argument(
        "--quick", action="store_true", help="by S3's own checksum, size and version: reads no export and no typed copy"
    )
    parser.add_argument(
        "--versions",
        action="store_true",
        help="prove the manifests that were replaced too, as long as their export is kept",
    )


def _run(options: argparse.Namespace) -> Answer:
    """Prove the days asked for; without any, today's and yesterday's. Raises `InvalidRequest`, `StorageError`."""
    deployment = deployed.deployment_of(options)
    bucket, today = deployment.output("BucketName"), deployment.today()
    limits = Limits(*(deployment.first_kept(name, today) for name in ("RawDays", "ParquetDays")))
    with closing(deployment.session.client("s3", config=PARQUET_SDK_CONFIG)) as s3:
        days = _days(options, s3, bucket, today)
        verifier = Verifier(s3, bucket, limits, quick=options.quick)
        verified, stopped = _prove_all(verifier, days, quick=options.quick, versions=options.versions)
    return _answer(verified, len(days), stopped=stopped)


def _days(options: argparse.Namespace, s3: "S3Client", bucket: str, today: date) -> list[SnapshotId]:
    asked = days_asked.days_asked(options, s3, bucket)
    if asked is not None:
        return asked
    latest = today - timedelta(days=1) if options.chain is None else date.min
    return days_asked.stored_days(s3, bucket, options.chain, latest, date.max)


def _prove_all(
    verifier: Verifier, days: Sequence[SnapshotId], *, quick: bool, versions: bool
) -> tuple[list[Verified], bool]:
    """Prove days in their order until Ctrl-C; returns what was found, and whether it was stopped."""
    verified: list[Verified] = []
    read_bytes = 0
    with progress(MofNCompleteColumn()) as shown, ThreadPoolExecutor(READERS) as readers:
        task = shown.add_task("looking", total=len(days))

        def tell(more_bytes: int) -> None:
            nonlocal read_bytes
            read_bytes += more_bytes
            shown.update(task, description=f"{read_bytes / MB:,.0f} MB read, days")

        def prove(snapshot_id: SnapshotId) -> list[Verified]:
            found = [verifier.verify(snapshot_id, tell)]
            return [*found, *verifier.verify_replaced(snapshot_id, tell)] if versions else found

        # one at a time in this thread: Ctrl-C then ends even the reading of a large export
        results = readers.map(prove, days) if quick else map(prove, days)
        try:
            for found in results:
                verified += found
                shown.advance(task)
        except KeyboardInterrupt:
            readers.shutdown(cancel_futures=True)
            return verified, True
    return verified, False


def _answer(verified: Sequence[Verified], days: int, *, stopped: bool) -> Answer:
    counts = Counter(found.verdict for found in verified)
    data = {
        **{verdict.name.lower(): counts[verdict] for verdict in Verdict},
        "stopped": stopped,
        "days": [_data(found) for found in verified],
    }
    parts = [f"{counts[verdict]:,} {verdict}" for verdict in Verdict if counts[verdict]]
    summary = ", ".join(parts) or "Nothing is stored for these days"
    if stopped:
        summary = f"Stopped with {days:,} days asked for: {summary}"
    return Answer(data, [_table(verified), f"{summary}."], _exit_code(counts, stopped=stopped))


def _exit_code(counts: Counter[Verdict], *, stopped: bool) -> ExitCode:
    if counts[Verdict.DAMAGED]:
        return ExitCode.DAMAGED
    if stopped:
        return ExitCode.INTERRUPTED
    return ExitCode.FAILED if counts[Verdict.NOT_PROVEN] or not counts else ExitCode.GOOD


def _data(found: Verified) -> dict[str, Any]:
    return {
        "chain_id": found.snapshot_id.chain_id,
        "date": found.snapshot_id.snapshot_date.isoformat(),
        "verdict": found.verdict.value,
        "state": found.state,
        "run_id": found.run_id,
        "old_manifest": found.old_manifest,
        **asdict(found.findings),
    }


def _table(verified: Sequence[Verified]) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for found in verified:
        day, colour = found.snapshot_id, COLOURS[found.verdict]
        words = (str(day.chain_id), str(day.snapshot_date), f"[{colour}]{found.verdict}[/{colour}]")
        table.add_row(*words, escape("; ".join(_remarks(found))))
    return table


def _remarks(found: Verified) -> Iterator[str]:
    if found.old_manifest is not None:
        yield f"manifest version {found.old_manifest}"
    elif found.state in (State.HELD, State.UNFINISHED):
        yield found.state
    yield from map(str, found.findings.differences)
    yield from found.findings.not_proven
    yield from found.findings.notes


COMMAND = Command(
    "verify", "prove stored snapshots against their manifests; by default today's and yesterday's", _add_arguments, _run
)
