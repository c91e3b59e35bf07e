"""`spaaza-snapshots show` and `inspect`: read a manifest, or prove an export, on this machine."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spaaza_snapshots.cli.command import Answer, Command, ExitCode, Stopped
from spaaza_snapshots.cli.manifest_view import checks_table, facts_table, result_view
from spaaza_snapshots.errors import ExportInterrupted, NotAnExport
from spaaza_snapshots.proof.checks import prove
from spaaza_snapshots.proof.gzip_csv import GzipCsvInspector

CHUNK_BYTES = 1024 * 1024
COUNTED = ("row_count", "rows_with_line_breaks", "gzip_bytes", "csv_bytes", "gzip_members", "sha256")


def _add_manifest(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("manifest", help="manifest.json, or - for standard input")


def _show(options: argparse.Namespace) -> Answer:
    text = sys.stdin.read() if options.manifest == "-" else Path(options.manifest).read_text(encoding="utf-8")
    try:
        document: Mapping[str, Any] = json.loads(text)
        return Answer(document, result_view(document))
    except (ValueError, TypeError, RecursionError) as error:
        raise Stopped(
            f"{options.manifest} is not a valid manifest ({type(error).__name__}).", ExitCode.DAMAGED
        ) from None


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("export", type=Path, help="users.csv.gz")


def _inspect(options: argparse.Namespace) -> Answer:
    inspector = GzipCsvInspector()
    try:
        with options.export.open("rb") as export:
            while chunk := export.read(CHUNK_BYTES):
                inspector.feed(chunk)
        inspection = inspector.finish()
        checks = prove(inspection, inspection.gzip_bytes, "the end of the object on disk").checks
    except (ExportInterrupted, NotAnExport) as error:
        raise Stopped(f"{type(error).__name__} {error}", ExitCode.DAMAGED) from None
    counted = {name: getattr(inspection, name) for name in COUNTED}
    return Answer(
        {**counted, "checks": checks},
        [facts_table(counted), checks_table(checks)],
        ExitCode.GOOD if all(check.passed for check in checks) else ExitCode.DAMAGED,
    )


SHOW = Command("show", "print a manifest in readable form", _add_manifest, _show)
INSPECT = Command(
    "inspect", "verify an export on disk: is it complete, how many rows does it have", _add_export, _inspect
)
