"""`spaaza-snapshots rebuild`: make typed copies again, as after a change of the converter."""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from spaaza_snapshots.base.sdk import PARQUET_SDK_CONFIG
from spaaza_snapshots.cli import days_asked, deployed
from spaaza_snapshots.cli.command import Answer, Command, ExitCode, aside
from spaaza_snapshots.cli.deployed import Deployment
from spaaza_snapshots.errors import InvalidRequest
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.upkeep.days import State, days_of
from spaaza_snapshots.upkeep.rebuild import Outcome, Rebuilder, Rebuilt

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PARALLEL: Final = 2
MOST_PARALLEL: Final = 8
"""Each run's log is asked for every two seconds, and CloudWatch Logs allows an account five such calls a second."""

RETRIED: Final = "Lambda tries a failed one twice more by itself; make logs FUNCTION=Parquet shows how that ends"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    deployed.add_arguments(parser)
    days_asked.add_arguments(parser)
    parser.add_argument(
        "--parallel",
        type=int,
        default=PARALLEL,
        choices=range(1, MOST_PARALLEL + 1),
        metavar="N",
        help=f"how many conversions run at once, at most {MOST_PARALLEL}; default: {PARALLEL}",
    )


def _run(options: argparse.Namespace) -> Answer:
    """Rebuild the days asked for; raises `InvalidRequest` if none are, `StorageError`, `ClientError`."""
    deployment = deployed.deployment_of(options)
    bucket, session = deployment.output("BucketName"), deployment.session
    with (
        closing(session.client("s3", config=PARQUET_SDK_CONFIG)) as s3,
        closing(session.client("lambda")) as functions,
        closing(session.client("logs")) as logs,
    ):
        days, skipped = _days(options, deployment, s3, bucket)
        store = SnapshotStore(s3, bucket)
        rebuilder = Rebuilder(functions, logs, deployment.output("ParquetFunctionName"), store, options.parallel)
        return _rebuilt(rebuilder, days, skipped)


def _days(
    options: argparse.Namespace, deployment: Deployment, s3: "S3Client", bucket: str
) -> tuple[list[SnapshotId], list[Rebuilt]]:
    """Return the days that can be rebuilt, and those asked for that cannot."""
    asked = days_asked.days_asked(options, s3, bucket)
    if asked is None:
        hint = "Give --date, --since and --until, or --all; --chain for one chain only."
        raise InvalidRequest("No days are named", "", hint)
    today = deployment.today()
    kept = deployment.first_kept("ParquetDays", today)
    days, skipped = [], []
    for day in days_of(SnapshotStore(s3, bucket), asked, deployment.first_kept("RawDays", today)):
        if day.state is not State.COMPLETE:
            skipped.append(Rebuilt(day.snapshot_id, Outcome.SKIPPED, detail=f"its snapshot is {day.state}"))
        elif day.snapshot_id.snapshot_date < kept:  # a new one would outlive the days that were promised
            skipped.append(Rebuilt(day.snapshot_id, Outcome.SKIPPED, detail="older than ParquetDays"))
        else:
            days.append(day.snapshot_id)
    return days, skipped


def _rebuilt(rebuilder: Rebuilder, days: Sequence[SnapshotId], skipped: list[Rebuilt]) -> Answer:
    results = [*skipped]
    stopped = False
    with aside().status("starting") as shown:
        try:
            for result in rebuilder.rebuild(days):
                results.append(result)
                shown.update(f"{len(results) - len(skipped):,} of {len(days):,} days")
        except KeyboardInterrupt:
            stopped = True
    counts = Counter(result.outcome for result in results)
    data = {
        "days": [_data(result) for result in results],
        "still_running": [_day(day) for day in rebuilder.running],
        "not_started": [_day(day) for day in rebuilder.waiting],
    }
    is_idle = counts[Outcome.SKIPPED] == len(results)
    code = ExitCode.FAILED if counts[Outcome.FAILED] or is_idle else ExitCode.GOOD
    body: list[RenderableType] = [_table(results), *_sentences(counts, rebuilder, stopped=stopped)]
    return Answer(data, body, ExitCode.INTERRUPTED if stopped else code)


def _sentences(counts: Counter[Outcome], rebuilder: Rebuilder, *, stopped: bool) -> Iterator[str]:
    summary = ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in Outcome if counts[outcome])
    yield f"{summary or 'Nothing was rebuilt'}."
    if counts[Outcome.FAILED]:
        yield f"{RETRIED}."
    if stopped:
        running = "; ".join(map(str, rebuilder.running)) or "nothing"
        yield f"Stopped. Still running in Lambda: {running}. Not started: {len(rebuilder.waiting):,} days."


def _day(day: SnapshotId) -> dict[str, Any]:
    return {"chain_id": day.chain_id, "date": day.snapshot_date.isoformat()}


def _data(result: Rebuilt) -> dict[str, Any]:
    figures = {"rows": result.rows, "rejected_rows": result.rejected_rows}
    return {**_day(result.snapshot_id), "outcome": result.outcome, **figures, "detail": result.detail}


def _table(results: Sequence[Rebuilt]) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for result in results:
        day = result.snapshot_id
        figures = "" if result.rows is None else f"{result.rows:,} rows, {result.rejected_rows:,} rejected"
        table.add_row(str(day.chain_id), str(day.snapshot_date), result.outcome, figures or escape(result.detail))
    return table


COMMAND = Command("rebuild", "make typed copies again, as after a change of the converter", _add_arguments, _run)
