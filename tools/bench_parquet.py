"""What the conversion to Parquet costs, measured here and now: `python -m tools.bench_parquet --users 1000000`.

The made users repeat themselves but for their IDs, so the Parquet object is smaller than one of as many real users.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.stack import Stack, running_stack
from sandbox.spaaza.answers import generated_users
from spaaza_snapshots.model.snapshot_id import SnapshotId

EXPORT = "spaaza_snapshots.export_handler.lambda_handler"
PARQUET = "spaaza_snapshots.parquet_handler.lambda_handler"
CHAIN = 1743
MB = 1_000_000


def main() -> int:
    """Print time, CPU, memory and size of the Parquet function for several numbers of users."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, nargs="+", default=(1_000_000, 5_000_000))
    parser.add_argument("--memory-mb", type=int, default=1769, help="as the template gives the Parquet function")
    options = parser.parse_args()
    console = Console(highlight=False)
    columns = ("users", "CSV MB", "gzip MB", "seconds", "CPU s", "VmHWM MB", "of MB", "Parquet MB")
    table = Table(*columns, title="Parquet function")
    for users in options.users:
        with console.status(f"{users:,} users"), running_stack() as stack:
            table.add_row(*_measure(stack, users, options.memory_mb))
    console.print(table)
    return 0


def _measure(stack: Stack, users: int, memory_mb: int) -> list[str]:
    manifest = _export(stack, users)
    with LambdaFunction(PARQUET, stack.environment(), memory_mb=memory_mb) as function:
        invocation = function.invoke({"chain_id": CHAIN, "date": manifest["snapshot_date"]})
        if not isinstance(invocation.payload, Mapping):
            raise SystemExit(f"{invocation.error_type}: {invocation.error_message}")
        cpu_seconds = _cpu_seconds(function.pid)
    key = SnapshotId(CHAIN, date.fromisoformat(manifest["snapshot_date"])).parquet_key
    parquet_bytes = stack.s3.head_object(Bucket=stack.bucket, Key=key)["ContentLength"]
    return [
        f"{users:,}",
        f"{manifest['raw']['csv_bytes'] / MB:,.0f}",
        f"{manifest['raw']['gzip_bytes'] / MB:,.0f}",
        f"{invocation.seconds:.1f}",
        f"{cpu_seconds:.1f}",
        f"{(invocation.peak_memory_bytes or 0) / MB:.0f}",
        f"{memory_mb:,}",
        f"{parquet_bytes / MB:.1f}",
    ]


def _export(stack: Stack, users: int) -> Mapping[str, Any]:
    """Run the export function, and return the manifest that it committed."""
    stack.spaaza.serve(generated_users(users))
    with LambdaFunction(EXPORT, stack.environment()) as function:
        invocation = function.invoke({"chain_id": CHAIN})
    if not isinstance(invocation.payload, Mapping):
        raise SystemExit(f"{invocation.error_type}: {invocation.error_message}")
    return invocation.payload


def _cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has taken, in user and system mode; its start is in it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
