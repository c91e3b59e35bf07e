"""A manifest for people to read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from spaaza_snapshots.base.typed_json import read_as
from spaaza_snapshots.model.manifest import Check, Manifest


def manifest_view(manifest: Manifest, status: str) -> Sequence[RenderableType]:
    """Return what there is to read in a manifest; `status` is the function's, or how the manifest was found."""
    raw, changes = manifest.raw, manifest.header_changes
    facts = facts_table(
        {
            "snapshot": f"{manifest.snapshot_id}, {manifest.environment}",
            "status": status,
            "run": manifest.run_id,
            "rows": f"{manifest.row_count:,}, {manifest.rows_with_line_breaks:,} of them with line breaks",
            "object": f"s3://{raw.bucket}/{raw.key}",
            "version": raw.version_id,
            "size": f"{raw.gzip_bytes:,} bytes of gzip in {raw.parts} parts, {raw.csv_bytes:,} uncompressed",
            "sha256": raw.sha256,
            raw.checksum_algorithm: f"{raw.checksum} (verified by S3 over the whole object)",
            "taken": f"{manifest.started_at} to {manifest.completed_at}",
            "changes": "none known" if changes is None else json.dumps(asdict(changes)),
        }
    )
    header = f"[bold]header[/bold] {len(manifest.header)} columns: {escape(', '.join(manifest.header))}"
    return facts, checks_table(manifest.checks), header


def result_view(result: Mapping[str, Any]) -> Sequence[RenderableType]:
    """Return what there is to read in a function's result, or in a manifest as JSON; raises `TypeError`."""
    return manifest_view(read_as(Manifest, result), str(result.get("status", "committed")))


def facts_table(facts: Mapping[str, object]) -> Table:
    """Return names and values, one a line."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(overflow="fold")  # a narrow terminal must not cut a key short
    for name, value in facts.items():
        table.add_row(f"[bold]{escape(name)}[/bold]", escape(str(value)))
    return table


def checks_table(checks: Sequence[Check]) -> Table:
    """Return a table of checks, each with whether it passed."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for check in checks:
        failed = "[red]failed[/red]" if check.required else "[yellow]note[/yellow]"
        table.add_row("[green]passed[/green]" if check.passed else failed, escape(check.name), escape(check.notes))
    return table
