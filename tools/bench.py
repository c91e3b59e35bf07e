"""`make bench`: what a run costs on this machine; Spaaza and S3 share its processors, so the figures are noisy."""

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from sandbox.aws.lambda_runtime import Invocation, LambdaFunction
from sandbox.aws.stack import Stack, running_stack
from sandbox.spaaza.answers import generated_users

HANDLER = "spaaza_snapshots.export_handler.lambda_handler"
CHAIN = 1743
BYTES_PER_USER = 366
SIZES_MB = (10, 1_000, 4_000)
MB = 1_000_000


def main() -> int:
    """Print the export function's time and memory for several sizes of CSV."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES_MB, help="sizes in MB of CSV")
    options = parser.parse_args()
    console = Console(highlight=False)
    table = Table("CSV MB", "rows", "seconds", "CSV MB/s", "gzip MB/s", "parts", "VmHWM MB", title="Export function")
    with running_stack() as stack:
        for size_mb in options.sizes:
            with console.status(f"{size_mb:,} MB of CSV"):
                table.add_row(*_measure(stack, size_mb))
    console.print(table)
    return 0


def _measure(stack: Stack, size_mb: int) -> list[str]:
    stack.spaaza.serve(generated_users(size_mb * MB // BYTES_PER_USER))
    with LambdaFunction(HANDLER, stack.environment()) as function:
        invocation = function.invoke({"chain_id": CHAIN, "force": True})
    if not isinstance(invocation.payload, Mapping):
        raise SystemExit(f"{invocation.error_type}: {invocation.error_message}")
    return _row(invocation, invocation.payload)


def _row(invocation: Invocation, manifest: Mapping[str, Any]) -> list[str]:
    raw, seconds = manifest["raw"], invocation.seconds
    return [
        f"{raw['csv_bytes'] / MB:,.0f}",
        f"{manifest['row_count']:,}",
        f"{seconds:.1f}",
        f"{raw['csv_bytes'] / MB / seconds:,.0f}",
        f"{raw['gzip_bytes'] / MB / seconds:,.0f}",
        f"{raw['parts']:,}",
        f"{(invocation.peak_memory_bytes or 0) / MB:.1f}",
    ]


if __name__ == "__main__":
    sys.exit(main())
