"""`make drift`: three days of one chain, with a new column on day two, another order on day three; what tables show."""

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sandbox.athena.saved_queries import saved_queries
from sandbox.athena.trino.refusal import NotPlayed, Refused
from sandbox.athena.warehouse import Schema, Warehouse, glue_schema
from sandbox.aws.lambda_runtime import Invocation, LambdaFunction
from sandbox.aws.stack import DATABASE, Stack, running_stack
from sandbox.spaaza.answers import Answer, gzip_answer
from sandbox.spaaza.users import FIRST_ID, HEADER, generated_csv, gzipped
from tools.demo import EXPORT_HANDLER, PARQUET_HANDLER, Functions

CHAIN = 1743
NEW_COLUMN, NEW_NAME = "Favourite colour", "favourite_colour"
WIDER = (*HEADER, NEW_COLUMN)
REORDERED = ("ID", *sorted(WIDER[1:]))
WITNESS = FIRST_ID + 1
"""A user of all three days, whose values are queried by name."""

SHOWN_ROWS = 10
USERS = ("users", "users_csv", "users_latest", "users_csv_committed")
OTHERS = {
    "snapshots": """
        SELECT dt, row_count, cardinality(header) AS header_columns,
            array_join(header_changes.added, ', ') AS added, array_join(header_changes.removed, ', ') AS removed,
            header_changes.reordered AS reordered
        FROM snapshots ORDER BY dt""",
    "users_quality": """
        SELECT dt, row_count, parquet_rows, rejected_rows, cardinality(cast_errors) AS columns_with_cast_errors
        FROM users_quality ORDER BY dt""",
}

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class DriftDay:
    """What Spaaza sends on one date."""

    date: date
    title: str
    header: Sequence[str]


def main() -> int:
    """Show the three days; the exit code is 0 only if the tables are right on all of them, and no query was refused."""
    options = _options()
    console = Console(highlight=False)
    with (
        running_stack() as stack,
        LambdaFunction(EXPORT_HANDLER, stack.environment()) as export,
        LambdaFunction(PARQUET_HANDLER, stack.environment(), memory_mb=1769) as parquet,
    ):
        days = _days(datetime.now(UTC).date())
        for day in days:
            _show_day(stack, Functions(export, parquet), day, options.users, console)
        with _warehouse(stack) as warehouse:
            answered = _show_queries(warehouse, days, options.sql, console)
            return 0 if _unharmed(warehouse, days, console) and answered else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=20_000, help="number of users on the first day, 100 or more")
    parser.add_argument("--sql", action="append", default=[], help="another query to run at the end, in Athena's SQL")
    options = parser.parse_args()
    if options.users < 100:
        parser.error("--users must be 100 or more")
    return options


def _days(today: date) -> tuple[DriftDay, DriftDay, DriftDay]:
    return (
        DriftDay(today - timedelta(days=2), "68 columns, as documented", HEADER),
        DriftDay(today - timedelta(days=1), "69 columns, one appended", WIDER),
        DriftDay(today, "69 columns, in another order, and some amounts with a comma", REORDERED),
    )


# --- What Spaaza sends -----------------------------------------------------------------------------------------------


def _export(day: DriftDay, users: int) -> Answer:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, day.header, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_users(day, users))
    return gzip_answer(b"".join(gzipped([text.getvalue().encode()])))


def _users(day: DriftDay, users: int) -> Iterator[Mapping[str, str]]:
    """Yield the users of a day: after the first, 2 % are new, 1 % are gone and 2 % have changed.

    On the third, one amount in a thousand has a comma, so it is not a valid number.
    """
    joined = users // 50
    blocks = generated_csv(users + joined, extra_columns=(NEW_COLUMN,))
    lines = (line for block in blocks for line in io.StringIO(block.decode(), newline=""))
    later = day.header is not HEADER
    for number, user in enumerate(csv.DictReader(lines)):
        is_there = number % 100 != 99 if later else number < users
        if not is_there:
            continue
        if later and number % 50 == 7:
            user["Last modified date"] = f"{day.date - timedelta(days=1)}T12:00:00Z"
        if day.header is REORDERED and number % 1000 == 3:
            user["Points Balance"] = "12,50"
        yield user


# --- A day -----------------------------------------------------------------------------------------------------------


def _show_day(stack: Stack, functions: Functions, day: DriftDay, users: int, console: Console) -> None:
    console.rule(f"{day.date}: {day.title}")
    stack.spaaza.serve(_export(day, users), CHAIN)
    before = _schema(stack)
    event = {"chain_id": CHAIN, "date": day.date.isoformat()}
    exported = functions.export.invoke(event)
    manifest = _payload(exported)
    _payload(functions.parquet.invoke(event))
    console.print(f"Header changes in the manifest: {escape(json.dumps(manifest['header_changes']))}")
    for table, columns in _schema(stack).items():
        gained = [name for name in columns if name not in before.get(table, {})]
        shown = f"{len(gained)} columns" if table not in before else ", ".join(gained) or "no column"
        console.print(f"  {table} gains {shown}")
    skipped = _metric(exported, "RawTableSkips")
    console.print(f"users_csv, which reads by position, {'cannot show' if skipped else 'shows'} this export.\n")
    with _warehouse(stack) as warehouse:
        _show_answers(warehouse, _schema(stack), console)


def _schema(stack: Stack) -> Schema:
    glue = stack.aws.client("glue")
    return glue_schema(glue, DATABASE) if glue.get_tables(DatabaseName=DATABASE)["TableList"] else {}


def _payload(invocation: Invocation) -> Mapping[str, Any]:
    if not isinstance(invocation.payload, Mapping):
        raise SystemExit(f"{invocation.error_type}: {invocation.error_message}")
    return invocation.payload


def _metric(invocation: Invocation, name: str) -> float:
    """Return the sum of a metric that the function's log holds for CloudWatch."""
    documents = (json.loads(line) for line in invocation.log_lines if '"_aws"' in line)
    return sum(sum(document.get(name, ())) for document in documents)


@contextmanager
def _warehouse(stack: Stack) -> Iterator[Warehouse]:
    """Fill the tables from the bucket, and create the views."""
    today = datetime.now(UTC).date().isoformat()
    with TemporaryDirectory() as folder, closing(Warehouse(_schema(stack), today)) as warehouse:
        warehouse.load(stack.s3, stack.bucket, Path(folder))
        for query in saved_queries():
            if query.is_view:
                warehouse.ask(query.sql)
        yield warehouse


# --- The queries -----------------------------------------------------------------------------------------------------


def _show_answers(warehouse: Warehouse, schema: Schema, console: Console) -> None:
    has_new_column = {name: NEW_NAME in schema.get(name, {}) for name in USERS}
    rows = [{"asked": name, **row} for name in USERS for row in _ask_users(warehouse, name, has_new_column[name])]
    console.print(_table(rows))
    for name, sql in OTHERS.items():
        console.print(f"\n{name}", style="bold")
        console.print(_table(warehouse.ask(sql)))
    console.print()


def _ask_users(warehouse: Warehouse, table: str, has_new_column: bool) -> Rows:  # noqa: FBT001 - told apart by its name
    colour = NEW_NAME if has_new_column else "'no such column'"
    filled = f"CAST(count(nullif({NEW_NAME}, '')) AS varchar)" if has_new_column else "'no such column'"
    values = {"points_balance": "points_balance", "created_date": "created_date", NEW_NAME: colour}
    witness = ", ".join(
        f"max(CASE WHEN CAST(id AS varchar) = '{WITNESS}' THEN CAST({value} AS varchar) END) AS {name}"
        for name, value in values.items()
    )
    return warehouse.ask(
        f"SELECT dt, count(*) AS users, {filled} AS colours_filled, {witness} FROM {table} GROUP BY dt ORDER BY dt"
    )


def _show_queries(warehouse: Warehouse, days: Sequence[DriftDay], more: Sequence[str], console: Console) -> bool:
    """Print the results of the saved queries on all days, and of the queries given; say if Athena would run all."""
    refused = False
    dates = [day.date.isoformat() for day in days]
    asked = {query.name: query.sql for query in saved_queries() if not query.is_view} | {sql: sql for sql in more}
    for name, sql in asked.items():
        console.rule(escape(name))
        try:
            rows = warehouse.ask(sql, *dates[: sql.count("?")])
        except (Refused, NotPlayed) as refusal:
            refused = True
            console.print(str(refusal), style="red", markup=False, soft_wrap=True)
            continue
        console.print(_table(rows[:SHOWN_ROWS]))
        if len(rows) > SHOWN_ROWS:
            console.print(f"... and {len(rows) - SHOWN_ROWS:,} more rows")
    return not refused


def _table(rows: Rows) -> Table:
    table = Table(*(rows[0] if rows else ["no rows"]), box=None, pad_edge=False)
    for row in rows:
        table.add_row(*("[dim]NULL[/dim]" if value is None else escape(str(value)) for value in row.values()))
    return table


def _unharmed(warehouse: Warehouse, days: Sequence[DriftDay], console: Console) -> bool:
    """Say whether `users` has all rows and the same values by name on each day, and the raw view the days it can."""
    dates = [day.date.isoformat() for day in days]
    witness = warehouse.ask(f"SELECT points_balance, created_date, opted_in FROM users WHERE id = {WITNESS}")
    whole = warehouse.ask("""
        SELECT s.dt FROM snapshots s JOIN (SELECT dt, count(*) AS users FROM users GROUP BY dt) u
        ON u.dt = s.dt AND u.users = s.row_count ORDER BY s.dt""")
    shown = warehouse.ask("SELECT DISTINCT dt FROM users_csv_committed ORDER BY dt")
    findings = {
        f"users has the same values of user {WITNESS} by name on all days": witness == witness[:1] * len(days),
        "users has as many rows as the manifest says, on all days": [row["dt"] for row in whole] == dates,
        "users_csv_committed leaves the reordered day out": [row["dt"] for row in shown] == dates[:2],
    }
    console.rule()
    for finding, holds in findings.items():
        console.print(f"{'[green]yes[/green]' if holds else '[red]NO[/red]'}  {finding}")
    return all(findings.values())


if __name__ == "__main__":
    sys.exit(main())
