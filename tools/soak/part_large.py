"""One export of many gigabytes, made while it is sent: memory, parts and rows."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from sandbox.aws.lambda_runtime import Invocation, LambdaFunction
from sandbox.aws.stack import Stack, running_stack
from spaaza_snapshots.s3.multipart import MAX_PARTS, PART_BYTES
from tools.bench.report import Section, Table
from tools.soak.bounds import Bound, bounds_table
from tools.soak.endless import Endless
from tools.soak.exports import HANDLER, Block, forgetting, taken, users_block
from tools.soak.options import Options
from tools.soak.process import Held, held_by

GB: Final = 1_000_000_000
MB: Final = 1_000_000
LOOKS: Final = 10
FULL_BUFFERS: Final = 0.1
"""Share of the export after which all buffers are full: what grows from there would grow for ever."""

PEAK_MB, GROWTH_MB = 100.0, 2.0


class Watched:
    """An export that looks at the function while it is sent, at equal distances."""

    def __init__(self, export: Endless, function: LambdaFunction) -> None:
        self.export = export
        self.looks: list[tuple[int, Held]] = []
        self._function = function

    def gzip(self) -> Iterator[bytes]:
        """Yield the export."""
        every = max(self.export.times // LOOKS, 1)
        for number, block in enumerate(self.export.gzip()):
            yield block
            if 0 < number <= self.export.times and number % every == 0:
                self.looks.append((number * len(self.export.block), held_by(self._function.pid)))


def large(options: Options) -> Section:
    """Send the export, and hold what the function held against what it may."""
    users = users_block()
    export = Endless(users.header, users.records, max(round(options.large_gb * GB / len(users.records)), LOOKS))
    with running_stack() as stack:
        ended, looks = send(stack, export)
    result: Mapping[str, Any] = ended.payload if isinstance(ended.payload, Mapping) else {}
    says = (
        f"{export.csv_bytes / GB:.1f} GB of CSV in {export.gzip_bytes / GB:.1f} GB of gzip, made while it was sent, "
        f"into an S3 that keeps no byte but checks every part: {ended.seconds:,.0f} seconds, "
        f"{export.csv_bytes / MB / max(ended.seconds, 0.001):,.0f} MB/s of CSV."
    )
    rows = [
        (f"{sent / GB:.1f}", f"{held.memory_bytes / MB:.1f}", f"{held.peak_bytes / MB:.1f}", f"{held.threads}")
        for sent, held in looks
    ]
    if ended.error_type:
        says += f" It ended with {ended.error_type}: {ended.error_message}"
    table = Table(("GB of CSV sent", "memory, MB", "peak, MB", "threads"), rows)
    return Section("large", says, [table, bounds_table(_bounds(users, export, result, looks))])


def send(stack: Stack, export: Endless) -> tuple[Invocation, list[tuple[int, Held]]]:
    """Have a fresh function take this export; return how that ended, and what it held on the way."""
    with forgetting(stack) as environment, LambdaFunction(HANDLER, environment) as function:
        watched = Watched(export, function)
        stack.spaaza.serve(replace(export.answer(), body=watched.gzip))
        return taken(function), watched.looks


def _bounds(users: Block, export: Endless, result: Mapping[str, Any], looks: list[tuple[int, Held]]) -> list[Bound]:
    raw = result.get("raw", {})
    peaks = [held.peak_bytes / MB for _, held in looks]
    full = [held.peak_bytes / MB for sent, held in looks if sent >= FULL_BUFFERS * export.csv_bytes * 0.9]
    return [
        Bound("users counted", result.get("row_count", 0), users.rows * export.times, exact=True),
        Bound("bytes of CSV counted", raw.get("csv_bytes", 0), export.csv_bytes, exact=True),
        Bound("bytes of gzip stored", raw.get("gzip_bytes", 0), export.gzip_bytes, exact=True),
        Bound(f"parts of {PART_BYTES:,} bytes", raw.get("parts", 0), MAX_PARTS),
        Bound("peak memory", peaks[-1], PEAK_MB, " MB"),
        Bound("growth of the peak after the first tenth", full[-1] - full[0], GROWTH_MB, " MB"),
    ]
