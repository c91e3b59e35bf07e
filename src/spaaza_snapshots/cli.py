"""`spaaza-snapshots`, for people: read a manifest, prove an export on disk, ask the deployed stack."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from spaaza_snapshots import athena_cli
from spaaza_snapshots.checks import proof
from spaaza_snapshots.errors import SnapshotError
from spaaza_snapshots.gzip_csv import GzipCsvInspector, Inspection

CHUNK_BYTES = 1024 * 1024
LONGEST_RUN_SECONDS = 900

# One try, and patience: the SDK's own retries would start the same run again while the first is under way.
PATIENT: Final = Config(read_timeout=LONGEST_RUN_SECONDS + 30, retries={"total_max_attempts": 1}, tcp_keepalive=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code, 1 where the answer is no."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False)
    try:
        return int(options.command(options, console))
    except (OSError, ValueError, SnapshotError, BotoCoreError, ClientError) as error:
        _print_error(type(error).__name__, str(error), console)
        return 1


def _print_error(name: str, text: str, console: Console) -> None:
    console.print(f"[red]{escape(name)}[/red] {escape(text)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="spaaza-snapshots", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    show = commands.add_parser("show", help="print a manifest readably")
    show.add_argument("manifest", help="manifest.json, or - for standard input")
    show.set_defaults(command=_show)

    inspect = commands.add_parser("inspect", help="prove an export on disk: is it whole, how many rows has it")
    inspect.add_argument("export", type=Path, help="users.csv.gz")
    inspect.set_defaults(command=_inspect)

    invoke = commands.add_parser("invoke", help="ask the deployed function for a snapshot and print its manifest")
    invoke.add_argument("--function", required=True, help="name or ARN of the export function")
    invoke.add_argument("--chain", type=int, help="chain id; without it, all that are configured")
    invoke.add_argument("--date", help="YYYY-MM-DD; without it, today")
    invoke.add_argument("--force", action="store_true", help="export again and replace")
    invoke.add_argument("--accept", action="store_true", help="commit what is held")
    invoke.set_defaults(command=_invoke)

    athena = commands.add_parser("athena", help="make the views in Athena, and ask a saved query")
    athena_cli.add_arguments(athena)
    athena.set_defaults(command=athena_cli.run)
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
    checks = proof(inspection, inspection.gzip_bytes, "the end of the object on disk")
    console.print(_inspection_table(inspection))
    console.print(_checks_table([asdict(check) for check in checks]))
    return 0 if all(check.passed for check in checks) else 1


def _invoke(options: argparse.Namespace, console: Console) -> int:
    payload = {"chain_id": options.chain, "date": options.date, "force": options.force, "accept": options.accept}
    given = json.dumps({name: value for name, value in payload.items() if value is not None and value is not False})
    waiting = escape(f"{options.function} {given}")
    with closing(boto3.client("lambda", config=PATIENT)) as client, console.status(waiting):
        answer = client.invoke(FunctionName=options.function, Payload=given)
        result = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        _print_error(result.get("errorType", answer["FunctionError"]), result.get("errorMessage", ""), console)
        return 1
    if "requested" in result:
        console.print_json(data=result)
    else:
        print_manifest(result, console)
    return 0


def print_manifest(manifest: Mapping[str, Any], console: Console) -> None:
    """Print a manifest, or what the function returned, for people."""
    facts = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    raw = manifest["raw"]
    for name, value in (
        ("snapshot", f"chain {manifest['chain_id']}, {manifest['snapshot_date']}, {manifest['environment']}"),
        ("status", manifest.get("status", "committed")),
        ("run", manifest["run_id"]),
        ("rows", f"{manifest['row_count']:,}, of them {manifest['rows_with_line_breaks']:,} with line breaks"),
        ("object", f"s3://{raw['bucket']}/{raw['key']}"),
        ("version", raw["version_id"]),
        ("size", f"{raw['gzip_bytes']:,} bytes of gzip in {raw['parts']} parts, {raw['csv_bytes']:,} inflated"),
        ("sha256", raw["sha256"]),
        (raw["checksum_algorithm"], f"{raw['checksum']} (verified by S3 over the whole object)"),
        ("taken", f"{manifest['started_at']} to {manifest['completed_at']}"),
        ("changes", json.dumps(manifest["header_changes"]) if manifest["header_changes"] else "none known"),
    ):
        facts.add_row(f"[bold]{name}[/bold]", escape(str(value)))
    console.print(facts)
    console.print(_checks_table(manifest["checks"]))
    console.print(f"[bold]header[/bold] {len(manifest['header'])} columns: {escape(', '.join(manifest['header']))}")


def _inspection_table(inspection: Inspection) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name in ("row_count", "rows_with_line_breaks", "gzip_bytes", "csv_bytes", "gzip_members", "sha256"):
        table.add_row(f"[bold]{name}[/bold]", str(getattr(inspection, name)))
    return table


def _checks_table(checks: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for check in checks:
        failed = "[red]failed[/red]" if check["required"] else "[yellow]note[/yellow]"
        mark = "[green]passed[/green]" if check["passed"] else failed
        table.add_row(mark, check["name"], escape(check["notes"]))
    return table
