"""`spaaza-snapshots athena`: create the views, and run a saved query, in the workgroup of a deployed stack."""

import argparse
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from spaaza_snapshots.base.sql import literal
from spaaza_snapshots.cli import deployed
from spaaza_snapshots.cli.command import Answer, Command, ExitCode, Stopped, aside
from spaaza_snapshots.cli.deployed import Deployment
from spaaza_snapshots.errors import InvalidRequest
from spaaza_snapshots.model.columns import KNOWN

if TYPE_CHECKING:
    from pyathena.connection import Connection
    from pyathena.cursor import Cursor

POLL_SECONDS: Final = 0.5
SHOWN_ROWS: Final = 100
LINE_CHARACTERS: Final = 110
_MARK: Final = re.compile(r"(?P<indent> *)/\* documented (?:names|columns of (?P<alias>\w+)) \*/")


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
    return SavedQuery(path.stem, " ".join(comment), _MARK.sub(_documented, sql))


def _documented(mark: re.Match[str]) -> str:
    """Return what a mark stands for: the documented columns of a table, or their header names."""
    indent, alias = mark["indent"], mark["alias"]
    lines = [""]
    for item in [f"{alias}.{name}" for name, _ in KNOWN.values()] if alias else map(literal, KNOWN):
        if len(lines[-1]) + len(item) > LINE_CHARACTERS:
            lines.append("")
        lines[-1] += f"{item}, "
    return indent + f"\n{indent}".join(line.rstrip() for line in lines).rstrip(",")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    deployed.add_arguments(parser)
    parser.add_argument("--sql", type=Path, default=Path("athena"), help="folder of the views and queries")
    parser.add_argument("--query", help="name of the query to run once the views are created")
    parser.add_argument(
        "--parameter", nargs="+", action="extend", default=[], help="a text for each ? in the query, in order"
    )


def _run(options: argparse.Namespace) -> Answer:
    """Create all views, then run the query, if one is given; raises `InvalidRequest`, and `Stopped` if Athena fails."""
    deployment = deployed.deployment_of(options)
    queries = saved_queries(options.sql)
    views = [query for query in queries if query.is_view]
    asked = None if options.query is None else _named(options.query, queries)
    if asked is None and not views:
        hint = "Name the folder of the views with --sql; it is athena in the folder of this project."
        raise InvalidRequest("There is no view to create", str(options.sql), hint)
    with closing(_connect(deployment)) as athena:
        for view in views:
            _execute(athena, view, ())
        created = [f"[green]created[/green] {view.name}" for view in views]
        if asked is None:
            return Answer({"created": [view.name for view in views]}, created)
        cursor = _execute(athena, asked, options.parameter)
        rows = cursor.fetchmany(SHOWN_ROWS + 1)
    names = [column[0] for column in cursor.description or ()]
    data = {"columns": names, "rows": rows[:SHOWN_ROWS], "results": cursor.output_location}
    return Answer(data, [*created, *_answer_view(names, rows, cursor)])


def _named(name: str, queries: Sequence[SavedQuery]) -> SavedQuery:
    readable = {query.name: query for query in queries if not query.is_view}
    if name not in readable:
        raise InvalidRequest("There is no such query", name, f"Available: {', '.join(readable) or 'none'}.")
    return readable[name]


def _connect(deployment: Deployment) -> "Connection[Cursor]":
    """Connect to the workgroup and the database of a stack; Ctrl-C ends the query that is running."""
    from pyathena import connect  # noqa: PLC0415 # takes longer to import than all else that the other commands need

    return connect(
        session=deployment.session,
        region_name=deployment.session.region_name,
        work_group=deployment.output("WorkGroupName"),
        schema_name=deployment.output("GlueDatabaseName"),
        poll_interval=POLL_SECONDS,
        kill_on_interrupt=True,
    )


def _execute(athena: "Connection[Cursor]", query: SavedQuery, parameters: Sequence[str]) -> "Cursor":
    """Run a query to its end; raises `Stopped` with Athena's reason."""
    from pyathena.error import DatabaseError  # noqa: PLC0415

    cursor = athena.cursor()
    try:
        with aside().status(f"{query.name} in {escape(str(athena.work_group))}"):
            cursor.execute(query.sql, [literal(text) for text in parameters], paramstyle="qmark")
    except DatabaseError as error:
        raise Stopped(f"Athena could not run {query.name}: {error}", ExitCode.FAILED) from error
    return cursor


def _answer_view(names: Sequence[str], rows: Sequence[Any], cursor: "Cursor") -> Iterator[RenderableType]:
    table = Table(*map(escape, names), box=None, pad_edge=False)
    for row in rows[:SHOWN_ROWS]:
        table.add_row(*("[dim]NULL[/dim]" if cell is None else escape(str(cell)) for cell in row))
    yield table
    if len(rows) > SHOWN_ROWS:
        yield f"The first {SHOWN_ROWS} rows; all are in {escape(cursor.output_location or '')}"
    yield f"[dim]{min(len(rows), SHOWN_ROWS)} rows, {cursor.data_scanned_in_bytes or 0:,} bytes scanned[/dim]"


COMMAND = Command("athena", "create the views in Athena, and run a saved query", _add_arguments, _run)
