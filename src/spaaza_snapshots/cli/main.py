"""`spaaza-snapshots`, for people: read a manifest, prove an export on disk, log in, ask the deployed stack."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from spaaza_snapshots.cli import athena as athena_cli
from spaaza_snapshots.cli import deployed
from spaaza_snapshots.cli import invoke as invoke_cli
from spaaza_snapshots.cli import login as login_cli
from spaaza_snapshots.cli.manifest_table import checks_table, print_manifest
from spaaza_snapshots.errors import SnapshotError
from spaaza_snapshots.proof.checks import prove
from spaaza_snapshots.proof.gzip_csv import GzipCsvInspector, Inspection

CHUNK_BYTES = 1024 * 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code, 1 where the answer is no. Errors go to standard error."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False, emoji=False)  # an ARN has :secret: in it
    try:
        return int(options.command(options, console))
    except (OSError, ValueError, SnapshotError, BotoCoreError, ClientError) as error:
        text = f"[red]{type(error).__name__}[/red] {escape(str(error))}"
        Console(stderr=True, highlight=False, emoji=False).print(text, soft_wrap=True)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="spaaza-snapshots", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    show = commands.add_parser("show", help="print a manifest readably")
    show.add_argument("manifest", help="manifest.json, or - for standard input")
    show.set_defaults(command=_show)

    inspect = commands.add_parser("inspect", help="prove an export on disk: is it whole, how many rows has it")
    inspect.add_argument("export", type=Path, help="users.csv.gz")
    inspect.set_defaults(command=_inspect)

    invoke = commands.add_parser("invoke", help="run the deployed function, follow it, and print its manifest")
    invoke_cli.add_arguments(invoke)
    invoke.set_defaults(command=invoke_cli.run)

    athena = commands.add_parser("athena", help="make the views in Athena, and ask a saved query")
    athena_cli.add_arguments(athena)
    athena.set_defaults(command=athena_cli.run)

    login = commands.add_parser("login", help="log in to Spaaza, and put the session into the stack's secret")
    login_cli.add_arguments(login)
    login.set_defaults(command=login_cli.log_in)

    logout = commands.add_parser("logout", help="end the session in the stack's secret")
    login_cli.add_arguments(logout)
    logout.set_defaults(command=login_cli.log_out)

    where = commands.add_parser("where", help="print the deployed stack and its region, as options of sam")
    deployed.add_arguments(where)
    where.set_defaults(command=deployed.print_place)
    return parser


def _show(options: argparse.Namespace, console: Console) -> int:
    text = sys.stdin.read() if options.manifest == "-" else Path(options.manifest).read_text(encoding="utf-8")
    print_manifest(json.loads(text), console)
    return 0


def _inspect(options: argparse.Namespace, console: Console) -> int:
    inspector = GzipCsvInspector()
    with options.export.open("rb") as export:
        while chunk := export.read(CHUNK_BYTES):
            inspector.feed(chunk)
    inspection = inspector.finish()
    checks = prove(inspection, inspection.gzip_bytes, "the end of the object on disk").checks
    console.print(_inspection_table(inspection))
    console.print(checks_table([asdict(check) for check in checks]))
    return 0 if all(check.passed for check in checks) else 1


def _inspection_table(inspection: Inspection) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name in ("row_count", "rows_with_line_breaks", "gzip_bytes", "csv_bytes", "gzip_members", "sha256"):
        table.add_row(f"[bold]{name}[/bold]", str(getattr(inspection, name)))
    return table
