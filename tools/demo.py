"""`make run`: the whole product on this machine, from the events to answers in SQL, with nothing left behind.

Its output, on 200,000 users, is docs/pictures/run.svg, so it is kept to what fits on a screen or two.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Table

from sandbox.athena.trino.gate import Gate
from sandbox.aws.lambda_runtime import Invocation, LambdaFunction
from sandbox.aws.stack import Stack, running_stack
from sandbox.spaaza.answers import Answer, generated_users, sample_users
from sandbox.spaaza.users import BLOCK_ROWS, generated_csv, gzipped
from spaaza_snapshots.cli.manifest_view import result_view
from spaaza_snapshots.model.columns import KNOWN
from spaaza_snapshots.model.snapshot_id import SnapshotId

EVENTS = Path(__file__).parents[1] / "events"
EXPORT_HANDLER = "spaaza_snapshots.export_handler.lambda_handler"
PARQUET_HANDLER = "spaaza_snapshots.parquet_handler.lambda_handler"
SAMPLE_CHAIN, USERS_CHAIN = 1743, 1783

COUNT = "SELECT count(*) AS users FROM snapshot"
# Run on the typed copy, in Athena's SQL.
QUESTIONS = {
    "Who opted in, by country?": """
        SELECT if(country = '', 'none', country) AS country, count(*) AS users, count_if(opted_in) AS opted_in
        FROM snapshot GROUP BY 1 ORDER BY users DESC, country LIMIT 5""",
    "What do users have, by year of joining?": """
        SELECT CAST(year(created_date) AS varchar) AS joined, count(*) AS users, sum(points_balance) AS points,
            max(birthday) AS youngest
        FROM snapshot GROUP BY 1 ORDER BY joined LIMIT 5""",
}


class RunFailed(Exception):
    """The function did not return a manifest, or a count differs from the manifest's."""


@dataclass(frozen=True)
class Functions:
    """The two functions, each in its own Lambda runtime client."""

    export: LambdaFunction
    parquet: LambdaFunction


def main() -> int:
    """Run the demonstration on the terminal."""
    return run(options(), Console(highlight=False))


def run(options: argparse.Namespace, console: Console) -> int:
    """Run the demonstration; the exit code is 0 only if every count agrees."""
    chains = (SAMPLE_CHAIN, options.chain)
    try:
        console.print("Starting Spaaza, S3 and the other AWS services on 127.0.0.1 ...")
        with (
            running_stack(chains=chains) as stack,
            LambdaFunction(EXPORT_HANDLER, stack.environment(chains)) as export,
            LambdaFunction(PARQUET_HANDLER, stack.environment(chains), memory_mb=1769) as parquet,
        ):
            _demonstrate(stack, Functions(export, parquet), options, console)
    except KeyboardInterrupt:
        console.print("\nStopped; nothing is left running.")
        return 130
    except RunFailed as error:
        console.print(str(error), style="red", markup=False)
        return 1
    return 0


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=200_000, help="number of users in the second export")
    parser.add_argument("--chain", type=int, default=USERS_CHAIN, help=f"chain of these users; not {SAMPLE_CHAIN}")
    parser.add_argument("--date", default=datetime.now(UTC).date().isoformat(), help="snapshot date, YYYY-MM-DD")
    given = parser.parse_args(arguments)
    if given.chain == SAMPLE_CHAIN or given.chain < 1 or given.users < 0:
        parser.error(f"--chain must be above 0 and not {SAMPLE_CHAIN}, which has the sample; --users must be 0 or more")
    return given


def _demonstrate(stack: Stack, functions: Functions, options: argparse.Namespace, console: Console) -> None:
    console.print(Rule("The five users of Spaaza's page"))
    stack.spaaza.serve(sample_users(), SAMPLE_CHAIN)
    manifest = _export(functions, SAMPLE_CHAIN, options.date)
    passed = sum(check["passed"] for check in manifest["checks"])
    console.print(f"{manifest['status']}, {passed} of {len(manifest['checks'])} checks passed")
    _convert_and_query(stack, functions, manifest, {}, console)

    console.print(Rule(f"{options.users:,} generated users"))
    with _progress(console) as progress:
        stack.spaaza.serve(_watched_users(options.users, progress), options.chain)
        manifest = _export(functions, options.chain, options.date)
    facts, checks, _ = result_view(manifest)  # the 68 names of the header would fill the screen
    console.print(facts, checks, sep="\n")
    _convert_and_query(stack, functions, manifest, QUESTIONS, console)

    console.print(Rule("The bucket"))
    console.print(_bucket_table(stack))


def _export(functions: Functions, chain_id: int, snapshot_date: str) -> Mapping[str, Any]:
    event = json.loads((EVENTS / "one-chain.json").read_text(encoding="utf-8"))
    return _payload(functions.export.invoke({**event, "chain_id": chain_id, "date": snapshot_date}))


def _payload(invocation: Invocation) -> Mapping[str, Any]:
    if not isinstance(invocation.payload, Mapping):
        raise RunFailed(f"{invocation.error_type}: {invocation.error_message}")
    return invocation.payload


def _convert_and_query(
    stack: Stack, functions: Functions, manifest: Mapping[str, Any], questions: Mapping[str, str], console: Console
) -> None:
    """Convert a snapshot on its event as the bus does, ask questions of its typed copy, and compare all counts."""
    with console.status("Converting to Parquet ..."):
        (completed,) = (event for event in stack.listener.events() if event["detail-type"] == "Snapshot Completed")
        _payload(functions.parquet.invoke(completed))
    quality = _quality(stack, manifest)
    counted = _ask(stack, manifest, questions, console)
    misfits = ", ".join(f"{found['column']} {found['count']:,}" for found in quality["cast_errors"]) or "none"
    rejected, rows = quality["rejected_rows"], manifest["row_count"]
    console.print(f"\nValues that do not fit their column's type, and are NULL: {misfits}.")
    console.print(f"DuckDB counts {counted.raw:,} rows in the export, {counted.parquet:,} in its typed copy.")
    console.print(f"The manifest says {rows:,}; {rejected:,} could not be read.")
    if not counted.raw == counted.parquet + rejected == rows:
        raise RunFailed("The counts differ.")


def _quality(stack: Stack, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    key = SnapshotId(manifest["chain_id"], date.fromisoformat(manifest["snapshot_date"])).quality_key
    document: Mapping[str, Any] = json.loads(stack.read(key))
    return document


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("streaming"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("users"),
        TimeElapsedColumn(),
        console=console,
    )


def _watched_users(users: int, progress: Progress) -> Answer:
    """Return an export that moves a progress bar while it is sent."""
    task = progress.add_task("users", total=users)

    def blocks() -> Iterator[bytes]:
        for block in generated_csv(users):
            yield block
            progress.update(task, advance=BLOCK_ROWS)
        progress.update(task, completed=users)

    return replace(generated_users(0), body=lambda: gzipped(blocks()))


@dataclass(frozen=True)
class Counted:
    """What DuckDB counts in the two forms of one snapshot."""

    raw: int
    parquet: int


def _ask(stack: Stack, manifest: Mapping[str, Any], questions: Mapping[str, str], console: Console) -> Counted:
    """Print DuckDB's answers about the typed copy, and count the rows of both forms."""
    parquet_key = SnapshotId(manifest["chain_id"], date.fromisoformat(manifest["snapshot_date"])).parquet_key
    with TemporaryDirectory() as folder, duckdb.connect() as database:
        raw, parquet = str(Path(folder) / "users.csv.gz"), str(Path(folder) / "users.parquet")
        stack.s3.download_file(stack.bucket, manifest["raw"]["key"], raw)
        stack.s3.download_file(stack.bucket, parquet_key, parquet)
        columns = dict.fromkeys(manifest["header"], "VARCHAR")
        exported = database.read_csv(
            raw, header=True, dtype=columns, quotechar='"', escapechar='"', auto_detect=False, columns=columns
        )
        database.read_parquet(parquet).create_view("snapshot")
        gate = Gate({"snapshot": dict(KNOWN.values())})
        for question, sql in questions.items():
            answer = database.execute(gate.admit(sql).sql("duckdb"))
            console.print(f"\n[bold]{question}[/bold]")
            console.print(_answer_table([column[0] for column in answer.description or ()], answer.fetchall()))
        (typed,) = database.execute(COUNT).fetchall()[0]
        return Counted(raw=len(exported), parquet=int(typed))


def _answer_table(names: list[str], rows: list[tuple[Any, ...]]) -> Table:
    table = Table(*names, box=None)
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int | Decimal) else str(value or "") for value in row))
    return table


def _bucket_table(stack: Stack) -> Table:
    table = Table("key", "bytes", box=None, pad_edge=False)
    for found in stack.s3.list_objects_v2(Bucket=stack.bucket).get("Contents", ()):
        table.add_row(found["Key"], f"{found['Size']:,}")
    return table


if __name__ == "__main__":
    sys.exit(main())
