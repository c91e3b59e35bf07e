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

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from spaaza_snapshots.base.sql import literal
from spaaza_snapshots.cli import deployed
from spaaza_snapshots.cli.command import Answer, Command, ExitCode, aside
from spaaza_snapshots.cli.early_end import Stopped
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


def run(options: argparse.Namespace) -> Answer:
    """Create all views, then run the query, if one is given; raises `InvalidRequest`, and `Stopped` if Athena fails."""
    queries = saved_queries(options.sql)
    views = [query for query in queries if query.is_view]
    asked = None if options.query is None else _named(options.query, queries)
    deployment = deployed.deployment_of(options)
    workgroup = Workgroup(deployment.output("WorkGroupName"), deployment.output("GlueDatabaseName"))
    with closing(deployment.session.client("athena")) as athena:
        for view in views:
            workgroup.execute(athena, view, ())
        created = [f"[green]created[/green] {view.name}" for view in views]
        if asked is None:
            return Answer({"created": [view.name for view in views]}, created)
        execution = workgroup.execute(athena, asked, options.parameter)
        names, *rows = [*islice(_rows(athena, execution["QueryExecutionId"]), 1 + SHOWN_ROWS + 1)] or [[]]
    data = {"columns": names, "rows": rows[:SHOWN_ROWS], "results": _location(execution)}
    return Answer(data, [*created, *_answer_view(names, rows, execution)])


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

    def execute(self, athena: Any, query: SavedQuery, parameters: Sequence[str]) -> Mapping[str, Any]:
        """Run a query to its end and return its QueryExecution; raises `Stopped` with Athena's reason."""
        request: dict[str, Any] = {
            "QueryString": query.sql,
            "QueryExecutionContext": {"Database": self.database},
            "WorkGroup": self.name,
        }
        if parameters:  # an empty list is refused
            request["ExecutionParameters"] = [literal(text) for text in parameters]
        query_id = athena.start_query_execution(**request)["QueryExecutionId"]
        with aside().status(f"{query.name} in {escape(self.name)}"):
            execution = _ended(athena, query_id)
        status = execution["Status"]
        if status["State"] != "SUCCEEDED":
            reason = status.get("StateChangeReason", status["State"])
            raise Stopped(f"Athena could not run {query.name}: {reason}", ExitCode.FAILED)
        return execution


def _ended(athena: Any, query_id: str) -> Mapping[str, Any]:
    while True:
        execution: Mapping[str, Any] = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
        if execution["Status"]["State"] not in _UNDER_WAY:
            return execution
        time.sleep(POLL_SECONDS)


def _answer_view(
    names: Sequence[str | None], rows: Sequence[Sequence[str | None]], execution: Mapping[str, Any]
) -> Iterator[RenderableType]:
    table = Table(*(escape(name or "") for name in names), box=None, pad_edge=False)
    for row in rows[:SHOWN_ROWS]:
        table.add_row(*("[dim]NULL[/dim]" if cell is None else escape(cell) for cell in row))
    yield table
    if len(rows) > SHOWN_ROWS:
        yield f"The first {SHOWN_ROWS} rows; all are in {escape(_location(execution) or '')}"
    scanned_bytes = execution.get("Statistics", {}).get("DataScannedInBytes", 0)
    yield f"[dim]{min(len(rows), SHOWN_ROWS)} rows, {scanned_bytes:,} bytes scanned[/dim]"


def _location(execution: Mapping[str, Any]) -> str | None:
    location: str | None = execution.get("ResultConfiguration", {}).get("OutputLocation")
    return location


def _rows(athena: Any, query_id: str) -> Iterator[list[str | None]]:
    """Yield the rows of a SELECT as Athena returns them: the first has the column names; NULL is None."""
    for page in athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id):
        for row in page["ResultSet"]["Rows"]:
            yield [cell.get("VarCharValue") for cell in row["Data"]]


COMMAND = Command("athena", "create the views in Athena, and run a saved query", add_arguments, run)
