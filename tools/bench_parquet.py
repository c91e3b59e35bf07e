"""What the conversion to Parquet costs on this machine: `python -m tools.bench_parquet --users 1000000`.

The generated users repeat except for their IDs, so the Parquet object is smaller than for as many real users.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.stack import Stack, running_stack
from sandbox.spaaza.answers import EXPORT_HEADERS, Answer
from sandbox.spaaza.users import generated_csv, gzipped
from spaaza_snapshots.model.snapshot_id import SnapshotId

EXPORT = "spaaza_snapshots.export_handler.lambda_handler"
PARQUET = "spaaza_snapshots.parquet_handler.lambda_handler"
CHAIN = 1743
MB = 1_000_000
CRLF = b"\r\n"

LINE_ENDS: Mapping[str, Callable[[int, bytes], bytes]] = {
    "lf": lambda _number, block: block,
    "crlf": lambda _number, block: block.replace(b"\n", CRLF),
    "mixed": lambda number, block: block.replace(b"\n", CRLF) if number % 2 else block,
}
"""By name, how each block of an export with line feeds is changed."""


def main() -> int:
    """Print the Parquet function's time, CPU, memory and output by number of users and line ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, nargs="+", default=(1_000_000,))
    parser.add_argument("--line-ends", choices=LINE_ENDS, nargs="+", default=("lf", "crlf", "mixed"))
    parser.add_argument("--memory-mb", type=int, default=1769, help="the function's; default: as in the template")
    options = parser.parse_args()
    console = Console(highlight=False)
    columns = ("users", "ends", "rejected", "CSV MB", "gzip MB", "seconds", "CPU s", "peak MB", "out MB")
    table = Table(*columns, title=f"Parquet function of {options.memory_mb:,} MB")
    for users in options.users:
        for line_ends in options.line_ends:
            with console.status(f"{users:,} users, {line_ends}"), running_stack() as stack:
                table.add_row(*_measure(stack, users, line_ends, options.memory_mb))
    console.print(table)
    return 0


def _measure(stack: Stack, users: int, line_ends: str, memory_mb: int) -> list[str]:
    manifest = _export(stack, users, line_ends)
    with LambdaFunction(PARQUET, stack.environment(), memory_mb=memory_mb) as function:
        invocation = function.invoke({"chain_id": CHAIN, "date": manifest["snapshot_date"]})
        if not isinstance(invocation.payload, Mapping):
            raise SystemExit(f"{invocation.error_type}: {invocation.error_message}")
        cpu_seconds = _cpu_seconds(function.pid)
    snapshot_id = SnapshotId(CHAIN, date.fromisoformat(manifest["snapshot_date"]))
    parquet_bytes = stack.s3.head_object(Bucket=stack.bucket, Key=snapshot_id.parquet_key)["ContentLength"]
    quality = json.loads(stack.read(snapshot_id.quality_key))
    return [
        f"{quality['parquet_rows']:,}",
        line_ends,
        f"{quality['rejected_rows']:,}",
        f"{manifest['raw']['csv_bytes'] / MB:,.0f}",
        f"{manifest['raw']['gzip_bytes'] / MB:,.0f}",
        f"{invocation.seconds:.1f}",
        f"{cpu_seconds:.1f}",
        f"{(invocation.peak_memory_bytes or 0) / MB:.0f}",
        f"{parquet_bytes / MB:.1f}",
    ]


def _export(stack: Stack, users: int, line_ends: str) -> Mapping[str, Any]:
    """Run the export function and return the manifest that it commits."""
    altered = LINE_ENDS[line_ends]

    def body() -> Iterator[bytes]:
        return gzipped(altered(number, block) for number, block in enumerate(generated_csv(users)))

    stack.spaaza.serve(Answer(headers=EXPORT_HEADERS, body=body))
    with LambdaFunction(EXPORT, stack.environment()) as function:
        invocation = function.invoke({"chain_id": CHAIN})
    if not isinstance(invocation.payload, Mapping):
        raise SystemExit(f"{invocation.error_type}: {invocation.error_message}")
    return invocation.payload


def _cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, in user and system mode, including its start."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
