"""What inspecting an export costs, compared with inflating it and with reading it with `csv.reader`, in one run.

The figures depend on the machine and its load; the ratios of one run are comparable. CPU time, best of the rounds.
"""

import argparse
import csv
import gzip
import io
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from isal import isal_zlib

from sandbox.spaaza.users import generated_csv
from spaaza_snapshots.proof.gzip_csv import GZIP_WBITS, GzipCsvInspector

CHUNK_BYTES = 64 * 1024
MB = 1_000_000


def main() -> None:
    """Print one line per way of quoting."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--users", type=int, default=60_000)
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    print(f"{'quoted':<12}{'raw':>8}{'gzip':>6}{'inflate':>11}{'inspector':>13}{'csv.reader':>18}")
    for name, content in quoted_ways(options.users):
        print(f"{name:<12}{measured(content, options.rounds)}", flush=True)


def quoted_ways(users: int) -> Iterator[tuple[str, bytes]]:
    """Yield the same users quoted as Spaaza does, in 40 % of the rows, everywhere, around all texts, and with CRLF."""
    sparse = b"".join(generated_csv(users))
    rows = list(csv.reader(io.StringIO(sparse.decode(), newline="")))
    yield "4 % of rows", sparse
    street = rows[0].index("Street Name")
    commas = [[*row[:street], "Herengracht, rear", *row[street + 1 :]] for row in rows]
    yield "40 % of rows", written(rows[0:1] + [commas[n] if n % 5 < 2 else row for n, row in enumerate(rows[1:], 1)])
    yield "all fields", written(rows, csv.QUOTE_ALL)
    yield (
        "all texts",
        written([[int(cell) if cell.isdecimal() else cell for cell in row] for row in rows], csv.QUOTE_NONNUMERIC),
    )
    yield "4 %, CRLF", sparse.replace(b"\n", b"\r\n")


def written(rows: Sequence[Sequence[str | int]], quoting: Literal[0, 1, 2] = csv.QUOTE_MINIMAL) -> bytes:
    """Return the rows as CSV."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=quoting).writerows(rows)
    return text.getvalue().encode()


def measured(content: bytes, rounds: int) -> str:
    """Return the speeds on this CSV, in MB of CSV per CPU second, and their ratios to inflating alone."""
    body = gzip.compress(content, 6)
    chunks = [body[start : start + CHUNK_BYTES] for start in range(0, len(body), CHUNK_BYTES)]
    if inspect(chunks) != read(chunks):
        raise SystemExit("The inspector and csv.reader count different numbers of rows.")
    seconds = best_seconds([inflate, inspect, read], chunks, rounds)
    speeds = [len(content) / MB / each for each in seconds]
    times = [each / seconds[0] for each in seconds]
    return (
        f"{len(content) / MB:5.0f} MB{len(content) / len(body):5.1f}x{speeds[0]:6.0f} MB/s"
        f"{speeds[1]:6.0f} ({times[1]:.2f}x){speeds[2]:9.0f} ({times[2]:.2f}x)"
    )


def best_seconds(ways: list[Callable[[list[bytes]], object]], chunks: list[bytes], rounds: int) -> list[float]:
    """Return the lowest CPU seconds of each way; they take turns, so that a slow moment affects all of them."""
    best = [float("inf")] * len(ways)
    for _ in range(rounds):
        for number, way in enumerate(ways):
            started = time.process_time()
            way(chunks)
            best[number] = min(best[number], time.process_time() - started)
    return best


def inflate(chunks: list[bytes]) -> None:
    """Inflate and discard: the least that any proof of a gzip stream costs."""
    member = isal_zlib.decompressobj(wbits=GZIP_WBITS)
    for chunk in chunks:
        member.decompress(chunk)


def inspect(chunks: list[bytes]) -> int:
    """Return the row count from the product's whole inspection."""
    inspector = GzipCsvInspector()
    for chunk in chunks:
        inspector.feed(chunk)
    return inspector.finish().row_count


def read(chunks: list[bytes]) -> int:
    """Return the row count from `csv.reader` after the same inflate."""
    content = isal_zlib.decompress(b"".join(chunks), wbits=GZIP_WBITS)
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")
    return sum(1 for record in csv.reader(text) if record) - 1


if __name__ == "__main__":
    main()
