"""Targets: an export as it streams by, the count of its records, and its rows for the typed copy."""

import csv
import hashlib
import io
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from sandbox.fuzz.target import Finding, pieces, same
from sandbox.fuzz.truth import Inflated, Record, Table, inflate, is_utf8, strictly, table_of
from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.errors import ExportInterrupted, NotAnExport, SnapshotError
from spaaza_snapshots.model.columns import KNOWN
from spaaza_snapshots.model.quality import KEPT_REJECTS, Reject
from spaaza_snapshots.parquet.export_rows import LONGEST_RECORD, ExportRows, Flaw
from spaaza_snapshots.parquet.row_text import row_text
from spaaza_snapshots.proof.checks import prove
from spaaza_snapshots.proof.csv_records import CsvRecords
from spaaza_snapshots.proof.gzip_csv import GzipCsvInspector, Inspection

SIZES: Final = 4
"""The first bytes of an input say how the others are cut."""

CLOCK: Final = Clock(lambda: 900_000)
PEER: Final = find_spec("pyarrow") is not None
"""Only the environment of the fuzzer has it."""

ASKED_ONCE_IN: Final = 8
"""It is slow to ask."""

LONGEST: Final = (LONGEST_RECORD, 400, 1_200)
BLOCK_SHARE: Final = 25
"""`LONG_LINE_SHARE` counts on blocks that are so much shorter than the longest record."""


def inspector(data: bytes, make: Callable[[], GzipCsvInspector] = GzipCsvInspector) -> None:
    """A gzip CSV: each figure is what `zlib` and `csv.reader` say, and the verdict follows from them."""
    body = data[SIZES:]
    inflated = inflate(body)
    if inflated is None:
        return
    table = table_of(inflated.content)
    wanted = _verdicts(inflated, table)
    try:
        seen = _inspected(make(), body, data[:SIZES])
        if inflated.ended:
            same("inspection", seen, _inspection(body, inflated, table))
        same("end of a member", seen.at_member_end, inflated.ended)
        if seen.row_count > len(table.rows):
            raise Finding(f"{seen.row_count} rows of at most {len(table.rows)}")
        prove(seen, len(body), None).refuse_if_broken()
        found: type[SnapshotError] | None = None
    except SnapshotError as error:
        found = type(error)
    if found not in wanted:
        raise Finding(f"verdict {found}, not one of {wanted}")


def _inspected(inspector: GzipCsvInspector, body: bytes, sizes: bytes) -> Inspection:
    for piece in pieces(body, sizes):
        inspector.feed(piece)
    return inspector.finish()


def _verdicts(inflated: Inflated, table: Table) -> tuple[type[SnapshotError] | None, ...]:
    """Return the verdicts that are right; of a stream that broke off, the two inflaters may show more or less."""
    if not inflated.members and inflated.error is NotAnExport:
        return (NotAnExport,)
    if not inflated.ended:
        has_shown_header = table.has_usable_header and len(table.rows) > 0
        return (ExportInterrupted,) if has_shown_header else (ExportInterrupted, NotAnExport)
    known = len(KNOWN.keys() & set(table.header))
    if not table.header or not table.has_usable_header or 2 * known < len(KNOWN):
        return (NotAnExport,)
    ends = {len(row.fields) for row in (*table.rows[:1], *table.rows[-1:])}
    return (ExportInterrupted,) if table.open_quote or ends - {len(table.header)} else (None,)


def _inspection(body: bytes, inflated: Inflated, table: Table) -> Inspection:
    rows = table.rows
    return Inspection(
        gzip_bytes=len(body),
        csv_bytes=len(inflated.content),
        sha256=hashlib.sha256(body).hexdigest(),
        crc32=zlib.crc32(body),
        gzip_members=inflated.members,
        at_member_end=True,
        header=table.header,
        row_count=len(rows),
        rows_with_line_breaks=sum(row.is_broken for row in rows),
        open_quote=table.open_quote,
        first_row_fields=len(rows[0].fields) if rows else None,
        last_row_fields=len(rows[-1].fields) if rows else None,
    )


def records(data: bytes, make: Callable[[], CsvRecords] = CsvRecords) -> None:
    """A CSV in blocks: it is counted as `csv.reader` counts it, wherever it is cut."""
    body = data[SIZES:]
    table = table_of(body)
    counted = make()
    try:
        for piece in pieces(body, data[:SIZES]):
            counted.feed(piece)
        counted.close()
    except NotAnExport:
        same("usable header", table.has_usable_header, wanted=False)
        return
    same("usable header", table.has_usable_header, wanted=True)
    rows = table.rows
    same("header", counted.header, table.header)
    same("rows", counted.row_count, len(rows))
    same("rows with line breaks", counted.rows_with_line_breaks, sum(row.is_broken for row in rows))
    same("first row", counted.first_row_fields, len(rows[0].fields) if rows else None)
    same("last row", counted.last_row_fields, len(rows[-1].fields) if rows else None)
    same("open quote", counted.open_quote, table.open_quote)


@dataclass(frozen=True, slots=True)
class _Read:
    """What becomes of an export: its rows, and each record that cannot be read with the reason."""

    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    rejects: list[Reject]
    rejected: int


def rows(data: bytes, make: Callable[..., ExportRows] = ExportRows) -> None:
    """A CSV for the typed copy: every record is a row, cell by cell, or a reject with its reason."""
    sizes, body = data[:2].ljust(2, b"\0"), data[2:]
    longest = LONGEST[sizes[0] % len(LONGEST)]
    block_chars = 1 + sizes[1] % (min(longest, LONGEST_RECORD // 100) // BLOCK_SHARE - 1)
    table = table_of(body)
    same("rows and rejects", _read(make, body, block_chars, longest), _expected(table, longest))
    if PEER and zlib.crc32(body) % ASKED_ONCE_IN == 0:
        _same_as_peer([row for row in map(strictly, table.records) if row and is_utf8("".join(row))])


def _read(make: Callable[..., ExportRows], body: bytes, block_chars: int, longest: int) -> _Read:
    export = make(io.BytesIO(body), CLOCK, block_chars=block_chars, longest=longest)
    found = [tuple(row) for block in export.blocks() for row in block]
    return _Read(export.header, found, export.rejects.first, export.rejects.count)


def _expected(table: Table, longest: int) -> _Read:
    found = [_row(record, len(table.header), longest) for record in table.rows]
    rejects = [Reject(number, str(row)) for number, row in enumerate(found, start=1) if isinstance(row, Flaw)]
    rows = [row for row in found if not isinstance(row, Flaw)]
    return _Read(table.header, rows, rejects[:KEPT_REJECTS], len(rejects))


def _row(record: Record, width: int, longest: int) -> tuple[str, ...] | Flaw:
    if len(record.text) >= longest:
        return Flaw.TOO_LONG
    if not is_utf8(record.text):
        return Flaw.NOT_UTF8
    fields = strictly(record)
    if fields is None:
        return Flaw.STRAY_QUOTE
    if len(fields) != width:
        return Flaw.FIELD_COUNT
    return fields if len(row_text(fields).encode()) < longest else Flaw.TOO_LONG


def _same_as_peer(found: Sequence[tuple[str, ...]]) -> None:
    """Hold rows, written by the book, against what another reader of CSV makes of them."""
    from pyarrow import csv as arrow  # noqa: PLC0415 # tests have none

    table = [row for row in found if len(row) == len(found[0])]
    if not table:
        return
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows(table)
    names = [str(place) for place in range(len(table[0]))]
    read = arrow.read_csv(
        io.BytesIO(written.getvalue().encode()),
        read_options=arrow.ReadOptions(use_threads=False, column_names=names),
        parse_options=arrow.ParseOptions(newlines_in_values=True),
        convert_options=arrow.ConvertOptions(column_types=dict.fromkeys(names, "string"), strings_can_be_null=False),
    )
    same("the peer's rows", list(zip(*(read[name].to_pylist() for name in names), strict=True)), table)
    same("our rows", _read(ExportRows, written.getvalue().encode(), 100, LONGEST_RECORD).rows, list(table[1:]))
