"""Counts the records of a CSV fed in blocks, exactly as `csv.reader` would, at the speed of a byte search."""

import codecs
import csv
import io

from spaaza_snapshots.errors import ASK_SPAAZA, NotAnExport
from spaaza_snapshots.proof.csv_outline import BROKEN, BULK_FROM_QUOTES_PER_BYTE, QUOTED, outline_of

# Far above any header (68 columns take 1.5 kB), far below the memory of the smallest function.
HEADER_LIMIT_BYTES = 16 * 1024 * 1024

COLUMN_LIMIT = 100_000
"""What fits the smallest function, since each name is held several times: about 25 MB. A narrower header is not
refused, even if it is too wide for any table: the day's export is kept."""


class CsvRecords:
    """Counts what `csv.reader` would yield for the bytes fed, except blank lines; the first record is the header.

    Holds one block, and the header until it ends (at most `HEADER_LIMIT_BYTES`), never a whole record. Bytes that are
    not UTF-8 raise `NotAnExport` in the header; after it they are counted like any other.
    """

    def __init__(self, bulk_from_quotes_per_byte: float = BULK_FROM_QUOTES_PER_BYTE) -> None:
        self.header: tuple[str, ...] = ()
        self._bulk_from = bulk_from_quotes_per_byte
        self._tally = _Tally()
        self._header_bytes: bytearray | None = bytearray()  # all so far; None once the header has ended
        self._is_past_bom = False
        self._carry = b""  # the quotes that the next block starts with
        self._at_field_start = True  # whether the next block, with the carry, starts where a field may

    @property
    def row_count(self) -> int:
        """Return the number of records after the header that have ended."""
        return max(self._tally.records - 1, 0)

    @property
    def rows_with_line_breaks(self) -> int:
        """Return the number of rows with a line break inside a quoted field."""
        return self._tally.rows_with_line_breaks

    @property
    def first_row_fields(self) -> int | None:
        """Return the number of fields of the first row, or None without rows."""
        return self._tally.first_row_fields

    @property
    def last_row_fields(self) -> int | None:
        """Return the number of fields of the last row that has ended, or None without rows."""
        return self._tally.last_row_fields

    @property
    def open_quote(self) -> bool:
        """Return whether the bytes fed end inside a quoted field."""
        return self._at_field_start and len(self._carry) % 2 == 1

    def feed(self, block: bytes) -> None:
        """Count the next block, of any length; raises `NotAnExport` for an invalid header."""
        if self._header_bytes is None:
            self._count(block)
        else:
            self._count_in_header(self._header_bytes, block)

    def close(self) -> None:
        """Count the last record, even without a line end or with an open quote; nothing may be fed afterwards.

        Raises `NotAnExport` if that record is the header, and invalid.
        """
        if self._carry:
            self._tally.extend(QUOTED)
        self._tally.end_record()
        self._end_header()

    def _count_in_header(self, start: bytearray, block: bytes) -> None:
        start += block
        if not self._is_past_bom:
            if len(start) < len(codecs.BOM_UTF8) and codecs.BOM_UTF8.startswith(start):
                return
            self._is_past_bom = True
            start[:] = block = bytes(start).removeprefix(codecs.BOM_UTF8)
        self._count(block)
        if self._tally.records:
            self._end_header()
        elif len(start) > HEADER_LIMIT_BYTES:
            raise NotAnExport(
                "The export has no header", f"no record ends in its first {len(start):,} bytes", ASK_SPAAZA
            )

    def _end_header(self) -> None:
        if self._header_bytes is not None:
            if self._tally.header_fields > COLUMN_LIMIT:
                columns = f"{self._tally.header_fields:,} columns, at most {COLUMN_LIMIT:,} are allowed"
                raise NotAnExport("The header has too many columns", columns, ASK_SPAAZA)
            self.header = _first_record(bytes(self._header_bytes))
            self._header_bytes = None

    def _count(self, block: bytes) -> None:
        # \r\n becomes two line ends, which is harmless: the blank line between them is not a record.
        block = self._carry + block.replace(b"\r", b"\n")
        body = block.rstrip(b'"')
        # What quotes at the end mean depends on what follows. Two more or fewer make no difference to that.
        quotes = len(block) - len(body)
        self._carry = b'"' * (2 - quotes % 2) if quotes else b""
        if body:
            outline, ends_in_quotes = outline_of(body, opens=self._at_field_start, bulk_from=self._bulk_from)
            self._tally.add(outline)
            self._at_field_start = ends_in_quotes or body[-1] in b",\n"
            if ends_in_quotes:  # the next block starts as if the field opened there
                self._carry = b'"' + self._carry


class _Tally:
    """Counts records and fields in outlines; a record may span any number of them."""

    def __init__(self) -> None:
        self.records = 0
        self.rows_with_line_breaks = 0
        self.header_fields = 0
        self.first_row_fields: int | None = None
        self.last_row_fields: int | None = None
        self._forget_record()

    def _forget_record(self) -> None:
        self._is_blank = True
        self._is_broken = False
        self._commas = 0

    def extend(self, outline: bytes) -> None:
        """Add the next piece, without a line end, to the open record."""
        self._is_blank = self._is_blank and not outline
        self._is_broken = self._is_broken or BROKEN in outline
        self._commas += outline.count(b",")

    def end_record(self) -> None:
        """End the open record, unless it is blank."""
        if not self._is_blank:
            self.records += 1
            if self.records == 1:
                self.header_fields = self._commas + 1
            if self.records > 1:
                self.rows_with_line_breaks += self._is_broken
                self.last_row_fields = self._commas + 1
            if self.records == 2:
                self.first_row_fields = self.last_row_fields
        self._forget_record()

    def add(self, outline: bytes) -> None:
        """Count the records that end in this outline, and start the one that does not."""
        outline = self._end_open_record(outline)
        while self.records < 2 and b"\n" in outline:  # the header and the first row are counted one by one
            outline = self._end_open_record(outline)
        # BytesIO finds line ends with memchr, five times as fast as bytes.split.
        rows = io.BytesIO(outline).readlines()
        rest = rows.pop() if rows and not outline.endswith(b"\n") else b""
        self._add_rows(rows)
        self.rows_with_line_breaks += _lines_with(BROKEN, outline, len(outline) - len(rest))
        self.extend(rest)

    def _end_open_record(self, outline: bytes) -> bytes:
        """Extend the open record to its end or the outline's; return what follows, without leading blank lines."""
        line, line_end, behind = outline.partition(b"\n")
        self.extend(line)
        if line_end:
            self.end_record()
        return behind.lstrip(b"\n")

    def _add_rows(self, rows: list[bytes]) -> None:
        if b"\n" in rows:
            rows = [row for row in rows if row != b"\n"]
        if rows:
            self.records += len(rows)
            self.last_row_fields = rows[-1].count(b",") + 1


def _lines_with(mark: bytes, lines: bytes, end: int) -> int:
    """Return how many lines up to `end` contain the mark, counting each line once."""
    count = 0
    found = lines.find(mark, 0, end)
    while found >= 0:
        count += 1
        found = lines.find(mark, lines.index(b"\n", found), end)
    return count


def _first_record(start: bytes) -> tuple[str, ...]:
    """Return the first record that is not blank, () without one; the bytes after it need not be UTF-8."""
    text = io.TextIOWrapper(io.BytesIO(start), encoding="utf-8", errors="surrogateescape", newline="")
    csv.field_size_limit(HEADER_LIMIT_BYTES)  # process-wide; the default of `csv` is 131,072 characters
    names = next(filter(None, csv.reader(text)), [])
    try:
        "".join(names).encode()
    except UnicodeEncodeError as error:
        place = error.start
    else:
        return tuple(names)
    # not while that error is handled: it carries the whole header, which may be a person's record
    raise NotAnExport("The header is not UTF-8", f"character {place:,} of its names", ASK_SPAAZA)
