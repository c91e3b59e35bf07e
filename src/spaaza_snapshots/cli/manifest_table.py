"""Prints a manifest for people to read."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def print_manifest(manifest: Mapping[str, Any], console: Console) -> None:
    """Print a manifest, or the function's result."""
    facts = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    raw = manifest["raw"]
    for name, value in (
        ("snapshot", f"chain {manifest['chain_id']}, {manifest['snapshot_date']}, {manifest['environment']}"),
        ("status", manifest.get("status", "committed")),
        ("run", manifest["run_id"]),
        ("rows", f"{manifest['row_count']:,}, {manifest['rows_with_line_breaks']:,} of them with line breaks"),
        ("object", f"s3://{raw['bucket']}/{raw['key']}"),
        ("version", raw["version_id"]),
        ("size", f"{raw['gzip_bytes']:,} bytes of gzip in {raw['parts']} parts, {raw['csv_bytes']:,} uncompressed"),
        ("sha256", raw["sha256"]),
        (raw["checksum_algorithm"], f"{raw['checksum']} (verified by S3 over the whole object)"),
        ("taken", f"{manifest['started_at']} to {manifest['completed_at']}"),
        ("changes", json.dumps(manifest["header_changes"]) if manifest["header_changes"] else "none known"),
    ):
        facts.add_row(f"[bold]{name}[/bold]", escape(str(value)))
    console.print(facts)
    console.print(checks_table(manifest["checks"]))
    console.print(f"[bold]header[/bold] {len(manifest['header'])} columns: {escape(', '.join(manifest['header']))}")


def checks_table(checks: Sequence[Mapping[str, Any]]) -> Table:
    """Return a table of a manifest's checks, each with whether it passed."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for check in checks:
        failed = "[red]failed[/red]" if check["required"] else "[yellow]note[/yellow]"
        mark = "[green]passed[/green]" if check["passed"] else failed
        table.add_row(mark, check["name"], escape(check["notes"]))
    return table
