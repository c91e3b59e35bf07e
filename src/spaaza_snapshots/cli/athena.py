"""`spaaza-snapshots athena`: create the views, and run a saved query, in the workgroup of a deployed stack."""

import argparse
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from spaaza_snapshots.base.sql import literal
from spaaza_snapshots.cli import deployed
from spaaza_snapshots.errors import InvalidRequest
from spaaza_snapshots.model.columns import KNOWN

POLL_SECONDS: Final = 0.5
SHOWN_ROWS: Final = 100
LINE_CHARACTERS: Final = 110
_MARK: Final = re.compile(r"(?P<indent> *)/\* documented (?:names|columns of (?P<alias>\w+)) \*/")
_UNDER_WAY: Final = ("QUEUED", "RUNNING")


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """One statement from a folder of SQL; its leading comment is its description."""

    name: str
    description: str
    sql: str

    @property
    def is_view(self) -> bool:
        """Whether it creates a view; the others only read."""
        return self.sql.startswith("CREATE OR REPLACE VIEW")


def saved_queries(folder: Path) -> list[SavedQuery]:
    """Read the `.sql` files of a folder, views first, since queries may use them."""
    queries = [_read(path) for path in sorted(folder.glob("*.sql"))]
    return sorted(queries, key=lambda query: not query.is_view)


def _read(path: Path) -> SavedQuery:
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
    sql = "\n".join(line for line in lines if not line.startswith("--"))
    return SavedQuery(path.stem, " ".join(comment), _with_columns(sql))


def _with_columns(sql: str) -> str:
    """Return a query with its marks replaced by the documented columns of a table, or by their header names."""
    return _MARK.sub(_documented, sql)


def _documented(mark: re.Match[str]) -> str:
    indent, alias = mark["indent"], mark["alias"]
    items = [f"{alias}.{name}" for name, _ in KNOWN.values()] if alias else [literal(name) for name in KNOWN]
    lines: list[str] = [""]
    for item in items:
        if len(lines[-1]) + len(item) > LINE_CHARACTERS:
            lines.append("")
        lines[-1] += f"{item}, "
    return indent + f"\n{indent}".join(line.rstrip() for line in lines).rstrip(",")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `run`."""
    deployed.add_arguments(parser)
    parser.add_argument("--sql", type=Path, default=Path("athena"), help="folder of the views and queries")
    parser.add_argument("--query", help="name of the query to run once the views are created")
    parser.add_argument(
        "--parameter", nargs="+", action="extend", default=[], help="a text for each ? in the query, in order"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Create all views, then run the query, if one is given, and print its rows; raises `InvalidRequest`."""
    queries = saved_queries(options.sql)
    views = [query for query in queries if query.is_view]
    asked = None if options.query is None else _named(options.query, queries)
    session = deployed.session_of(options)
    workgroup = Workgroup(*deployed.outputs_of(options, session, "WorkGroupName", "GlueDatabaseName"))
    with closing(session.client("athena")) as athena:
        for view in views:
            workgroup.execute(athena, view, (), console)
            console.print(f"[green]created[/green] {view.name}")
        if asked is not None:
            execution = workgroup.execute(athena, asked, options.parameter, console)
            _print_answer(athena, execution, console)
    return 0


def _named(name: str, queries: Sequence[SavedQuery]) -> SavedQuery:
    readable = {query.name: query for query in queries if not query.is_view}
    if name not in readable:
        raise InvalidRequest("There is no such query", name, f"Available: {', '.join(readable) or 'none'}.")
    return readable[name]


@dataclass(frozen=True, slots=True)
class Workgroup:
    """Where queries run, and the database that they read."""

    name: str
    database: str

    def execute(self, athena: Any, query: SavedQuery, parameters: Sequence[str], console: Console) -> Mapping[str, Any]:
        """Run a query to its end and return its QueryExecution; raises `InvalidRequest` with Athena's reason."""
        request: dict[str, Any] = {
            "QueryString": query.sql,
            "QueryExecutionContext": {"Database": self.database},
            "WorkGroup": self.name,
        }
        if parameters:  # an empty list is refused
            request["ExecutionParameters"] = [literal(text) for text in parameters]
        query_id = athena.start_query_execution(**request)["QueryExecutionId"]
        with console.status(f"{query.name} in {escape(self.name)}"):
            execution = _ended(athena, query_id)
        status = execution["Status"]
        if status["State"] != "SUCCEEDED":
            raise InvalidRequest(
                f"Athena could not run {query.name}",
                status.get("StateChangeReason", status["State"]),
                query.description,
            )
        return execution


def _ended(athena: Any, query_id: str) -> Mapping[str, Any]:
    while True:
        execution: Mapping[str, Any] = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
        if execution["Status"]["State"] not in _UNDER_WAY:
            return execution
        time.sleep(POLL_SECONDS)


def _print_answer(athena: Any, execution: Mapping[str, Any], console: Console) -> None:
    names, *rows = [*islice(_rows(athena, execution["QueryExecutionId"]), 1 + SHOWN_ROWS + 1)] or [[]]
    table = Table(*(escape(name or "") for name in names), box=None, pad_edge=False)
    for row in rows[:SHOWN_ROWS]:
        table.add_row(*("[dim]NULL[/dim]" if cell is None else escape(cell) for cell in row))
    console.print(table)
    if len(rows) > SHOWN_ROWS:
        console.print(f"The first {SHOWN_ROWS} rows; all are in {execution['ResultConfiguration']['OutputLocation']}")
    scanned_bytes = execution.get("Statistics", {}).get("DataScannedInBytes", 0)
    console.print(f"{min(len(rows), SHOWN_ROWS)} rows, {scanned_bytes:,} bytes scanned", style="dim")


def _rows(athena: Any, query_id: str) -> Iterator[list[str | None]]:
    """Yield the rows of a SELECT as Athena returns them: the first has the column names; NULL is None."""
    for page in athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id):
        for row in page["ResultSet"]["Rows"]:
            yield [cell.get("VarCharValue") for cell in row["Data"]]
