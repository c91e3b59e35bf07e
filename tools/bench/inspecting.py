"""An export to inspect, quoted in several ways, and what inspecting it is compared with: inflating it, `csv.reader`."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Literal

from isal import isal_zlib

from sandbox.spaaza.users import generated_csv
from spaaza_snapshots.proof.gzip_csv import GZIP_WBITS, GzipCsvInspector

CHUNK_BYTES = 64 * 1024


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
