"""Exports that inflate a thousandfold: what they cost, and how they end."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sandbox.aws.lambda_runtime import Invocation, LambdaFunction
from sandbox.aws.stack import Stack, running_stack
from sandbox.spaaza.answers import Answer, gzip_answer
from tools.bench.report import Section, Table
from tools.soak.bounds import Bound, bounds_table
from tools.soak.endless import Endless
from tools.soak.exports import HANDLER, forgetting, taken, users_block
from tools.soak.options import Options
from tools.soak.part_large import MB

BLOCK_BYTES: Final = 1_000_000
BLOCKS: Final = 200
MEMBERS: Final = 500_000
WIDE_NAMES: Final = 8_000_000
PEAK_MB: Final = 130.0
"""About 25 MB more than usual: an end of the header is looked for in the first 16 MiB."""


@dataclass(frozen=True)
class Bomb:
    """What Spaaza answers, its length on the wire, and what that inflates to."""

    name: str
    answer: Answer
    gzip_bytes: int
    csv_bytes: int

    def row(self, ended: Invocation) -> tuple[str, ...]:
        """Return how it ended as a row of the page."""
        if ended.error_type:
            how = ended.error_message.partition(":")[0].strip() or ended.error_type
            outcome = f"`{ended.error_type}`: {how}"
        else:
            outcome = f"{ended.payload['status']}, {ended.payload['row_count']:,} rows"
        peak = (ended.peak_memory_bytes or 0) / MB
        sizes = (f"{self.gzip_bytes / MB:.1f}", f"{self.csv_bytes / MB:,.0f}")
        return self.name, *sizes, f"{ended.seconds:.1f}", f"{peak:.1f}", outcome


def bombs(_options: Options) -> Section:
    """Give each to a fresh function."""
    rows, peaks = [], []
    with running_stack() as stack:
        for bomb in every_bomb(BLOCKS, MEMBERS):
            ended = defuse(stack, bomb)
            rows.append(bomb.row(ended))
            peaks.append((ended.peak_memory_bytes or 0) / MB)
    columns = ("behind a sound header", "gzip MB", "inflated MB", "seconds", "peak MB", "the run ended")
    bound = Bound("highest peak", max(peaks), PEAK_MB, " MB")
    return Section("bombs", "", [Table(columns, rows), bounds_table([bound])])


def defuse(stack: Stack, bomb: Bomb) -> Invocation:
    """Have a fresh function take it."""
    with forgetting(stack) as environment, LambdaFunction(HANDLER, environment) as function:
        stack.spaaza.serve(bomb.answer)
        return taken(function)


def every_bomb(blocks: int, members: int) -> Iterator[Bomb]:
    """Yield them; each repeats a block of a megabyte, but for the last, which is of many members."""
    header = users_block().header
    for name, start, unit in (
        ("zeros", header, b"\0"),
        ("line ends", header, b"\n"),
        ("carriage returns", header, b"\r"),
        ("commas", header, b","),
        ("quotes", header, b'"'),
        ("quotes and line ends", header, b'"\n'),
        ("a field that is never closed", header + b'"', b"a"),
        ("records of one letter", header, b"a\n"),
        ("no header, a name without end", b"ID", b"a"),
        ("no header, names without end", b"ID", b",a"),
    ):
        export = Endless(start, unit * (BLOCK_BYTES // len(unit)), blocks)
        yield Bomb(name, export.answer(), export.gzip_bytes, export.csv_bytes)
    wide = Endless(b"ID" + b",a" * WIDE_NAMES + b"\n", b"1\n" * (BLOCK_BYTES // 2), blocks)
    yield Bomb(f"no header, {WIDE_NAMES:,} names", wide.answer(), wide.gzip_bytes, wide.csv_bytes)
    zeros = Endless(header, bytes(BLOCK_BYTES), blocks)
    twice = gzip.compress(b"".join(zeros.gzip()), mtime=0)
    yield Bomb("zeros, compressed twice", gzip_answer(twice), len(twice), zeros.gzip_bytes)
    small = gzip.compress(header, mtime=0) + gzip.compress(b"", mtime=0) * members
    yield Bomb(f"{members:,} empty members", gzip_answer(small), len(small), len(header))
