"""`make run`: the whole product on this machine, from the events to an answer in SQL, with nothing left afterwards."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Table

from sandbox.answers import Answer, generated_users, sample_users
from sandbox.lambda_runtime import LambdaFunction
from sandbox.stack import Stack, running_stack
from sandbox.users import BLOCK_ROWS, generated_csv, gzipped
from spaaza_snapshots.cli import print_manifest

EVENTS = Path(__file__).parents[1] / "events"
HANDLER = "spaaza_snapshots.export_handler.lambda_handler"
SAMPLE_CHAIN, USERS_CHAIN = 1743, 1783

QUESTIONS = {
    "How many users are there?": "SELECT count(*) AS users FROM snapshot",
    "Who opted in, by country?": """
        SELECT "Country" AS country, count(*) AS users, count(*) FILTER ("Opted-in" = 'true') AS opted_in
        FROM snapshot GROUP BY 1 ORDER BY users DESC, country LIMIT 5""",
    "When did they join?": """
        SELECT substr("Created date", 1, 4) AS year, count(*) AS users, sum("Points Balance"::DOUBLE)::BIGINT AS points
        FROM snapshot GROUP BY 1 ORDER BY 1 LIMIT 5""",
}


class RunFailed(Exception):
    """The function did not return a manifest, or an answer is not the one that the manifest promises."""


def main() -> int:
    """Run the demonstration; the exit code is 0 only if every count agrees."""
    options = _options()
    console = Console(highlight=False)
    try:
        console.print("Starting Spaaza, S3 and the other AWS services on 127.0.0.1 ...")
        chains = (SAMPLE_CHAIN, options.chain)
        with running_stack(chains=chains) as stack, LambdaFunction(HANDLER, stack.environment(chains)) as function:
            _demonstrate(stack, function, options, console)
    except KeyboardInterrupt:
        console.print("\nStopped; nothing is left running.")
        return 130
    except RunFailed as error:
        console.print(f"[red]{error}[/red]")
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=200_000, help="how many users the second export has")
    parser.add_argument("--chain", type=int, default=USERS_CHAIN, help=f"whose they are; not {SAMPLE_CHAIN}")
    parser.add_argument("--date", default=datetime.now(UTC).date().isoformat(), help="snapshot date, YYYY-MM-DD")
    options = parser.parse_args()
    if options.chain == SAMPLE_CHAIN or options.chain < 1 or options.users < 0:
        parser.error(
            f"--chain is a number above 0 other than {SAMPLE_CHAIN}, which has the sample; --users is 0 or more"
        )
    return options


def _demonstrate(stack: Stack, function: LambdaFunction, options: argparse.Namespace, console: Console) -> None:
    console.print(Rule("The five rows of Spaaza's page"))
    stack.spaaza.serve(sample_users(), SAMPLE_CHAIN)
    _snapshot(stack, function, SAMPLE_CHAIN, options.date, console)

    console.print(Rule(f"{options.users:,} generated users"))
    with _progress(console) as progress:
        stack.spaaza.serve(_watched_users(options.users, progress), options.chain)
        manifest = _invoke(function, options.chain, options.date)
    _report(stack, manifest, console)

    console.print(Rule("The bucket"))
    console.print(_bucket_table(stack))


def _snapshot(stack: Stack, function: LambdaFunction, chain_id: int, date: str, console: Console) -> None:
    _report(stack, _invoke(function, chain_id, date), console)


def _invoke(function: LambdaFunction, chain_id: int, date: str) -> Mapping[str, Any]:
    event = json.loads((EVENTS / "one-chain.json").read_text(encoding="utf-8"))
    invocation = function.invoke({**event, "chain_id": chain_id, "date": date})
    if not isinstance(invocation.payload, Mapping):
        raise RunFailed(f"{invocation.error_type}: {invocation.error_message}")
    return invocation.payload


def _report(stack: Stack, manifest: Mapping[str, Any], console: Console) -> None:
    print_manifest(manifest, console)
    counted = _ask(stack, manifest, console)
    console.print(f"DuckDB counts {counted:,} rows, row_count is {manifest['row_count']:,}.")
    if counted != manifest["row_count"]:
        raise RunFailed("The counts differ.")


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


def _ask(stack: Stack, manifest: Mapping[str, Any], console: Console) -> int:
    """Ask DuckDB the questions of the raw object, print its answers, and return its count."""
    with TemporaryDirectory() as folder, duckdb.connect() as database:
        path = Path(folder) / "users.csv.gz"
        stack.s3.download_file(stack.bucket, manifest["raw"]["key"], str(path))
        columns = dict.fromkeys(manifest["header"], "VARCHAR")
        users = database.read_csv(
            str(path), header=True, dtype=columns, quotechar='"', escapechar='"', auto_detect=False, columns=columns
        )
        users.create_view("snapshot")
        for question, sql in QUESTIONS.items():
            answer = database.execute(sql)
            names = [column[0] for column in answer.description or ()]
            console.print(_answer_table(question, names, answer.fetchall()))
        (count,) = database.execute(QUESTIONS["How many users are there?"]).fetchall()[0]
    return int(count)


def _answer_table(question: str, columns: list[str], rows: list[tuple[Any, ...]]) -> Table:
    table = Table(*columns, title=question, title_justify="left")
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value or "") for value in row))
    return table


def _bucket_table(stack: Stack) -> Table:
    table = Table("key", "bytes", box=None)
    for found in stack.s3.list_objects_v2(Bucket=stack.bucket).get("Contents", ()):
        table.add_row(found["Key"], f"{found['Size']:,}")
    return table


if __name__ == "__main__":
    sys.exit(main())
