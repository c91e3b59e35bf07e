"""The rows of an export, exactly as `csv.reader` reads them: the only path to the typed copy, whatever the CSV.

A strict `csv.reader` reads a block of lines at once. If it raises, the records of that block are read one by one, and
those that cannot be read are rejected. Strict and lenient differ only in what they raise, so the records are the ones
counted for the manifest, which are defined by the lenient `csv.reader`.
"""

import codecs
import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import partial
from typing import IO, Final

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.model.quality import Rejects
from spaaza_snapshots.parquet.row_text import row_text
from spaaza_snapshots.proof.csv_records import HEADER_LIMIT_BYTES

BLOCK_CHARS: Final = 64 * 1024
"""Measured: with four times as much, the cells no longer fit the CPU cache, which costs a third more."""

LONGEST_RECORD: Final = 2_000_000
"""In characters as received, and in bytes as written for DuckDB, whose own limit is 2,097,152 bytes a line. No user is
that long, but the record of an unclosed quote can be."""

LONG_LINE_SHARE: Final = 8
"""Of the longest record. If no line of a block is longer, no row is too long when written, which takes at most six
bytes for each character of the block."""

_LINE_ENDS: Final = ("\n", "\r")

Row = Sequence[str]


class Flaw(StrEnum):
    """Why a record cannot be read."""

    TOO_LONG = "too long"
    NOT_UTF8 = "not UTF-8"
    STRAY_QUOTE = "text behind a closing quote"
    FIELD_COUNT = "wrong number of fields"


class ExportRows:
    """Reads one export from its first byte: `header` at once, then `blocks`; unreadable records are in `rejects`.

    Memory: about 30 `BLOCK_CHARS`, or 4 `LONGEST_RECORD` if a record is long, no matter how long.
    """

    def __init__(
        self, csv_bytes: IO[bytes], clock: Clock, *, block_chars: int = BLOCK_CHARS, longest: int = LONGEST_RECORD
    ) -> None:
        csv.field_size_limit(HEADER_LIMIT_BYTES)  # process-wide, so the same everywhere; no record comes near it
        if csv_bytes.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            csv_bytes.seek(0)
        self._text = io.TextIOWrapper(csv_bytes, "utf-8", errors="surrogateescape", newline="")
        self._clock = clock
        self._block_chars = block_chars
        self._longest = longest
        self._ahead: deque[str] = deque()  # lines already read, whose records are to be read one by one
        self._records = 0
        self.rejects = Rejects()
        self.one_by_one = 0
        self.header = tuple(next(filter(None, csv.reader(self._lines(HEADER_LIMIT_BYTES))), []))

    def blocks(self) -> Iterator[list[Row]]:
        """Yield the readable rows, each as wide as the header and valid UTF-8; raises `OutOfTime`."""
        for lines in self._line_blocks():
            self._clock.require("converting", f"{self._records:,} records read")
            rows = self._rows_at_once(lines)
            if rows is None:
                rows = self._rows_one_by_one(lines)
            else:
                self._records += len(rows)
            if rows:
                yield rows

    def _lines(self, limit: int) -> Iterator[str]:
        return iter(partial(self._text.readline, limit), "")

    def _line_blocks(self) -> Iterator[list[str]]:
        lines: list[str] = []
        chars = 0
        for line in self._lines(self._longest):
            lines.append(line)
            chars += len(line)
            if chars >= self._block_chars:
                yield lines
                lines, chars = [], 0
        if lines:
            yield lines

    def _rows_at_once(self, lines: list[str]) -> list[Row] | None:
        """Return the rows of these lines, or None if they must be read one by one."""
        if len(lines[-1]) > self._longest // LONG_LINE_SHARE or not lines[-1].endswith(_LINE_ENDS):
            return None
        try:
            "".join(lines).encode()
            rows: list[Row] = list(filter(None, csv.reader(lines, strict=True)))
        except (UnicodeEncodeError, csv.Error):  # also for a record that continues after these lines
            return None
        return rows if {len(self.header)}.issuperset(map(len, rows)) else None

    def _rows_one_by_one(self, lines: list[str]) -> list[Row]:
        """Return the rows that start in these lines; the last one may continue after them."""
        self._ahead.extend(lines)
        rows: list[Row] = []
        while self._ahead:
            record = self._next_record()
            if record is None or any(line.strip("\r\n") for line in record):
                self._records += 1
                self.one_by_one += 1
                read = self._row(record)
                if isinstance(read, Flaw):
                    self.rejects.add(self._records, read)
                else:
                    rows.append(read)
        return rows

    def _next_record(self) -> list[str] | None:
        """Return the lines of the next record, or None if it is too long."""
        lines: list[str] = []
        chars, before, ended = 0, "", False
        while not ended and (line := self._next_line()):
            chars += len(line)
            if chars < self._longest:
                lines.append(line)
            else:
                self._clock.require("converting", f"record {self._records + 1:,} has {chars:,} characters so far")
            before = _state_behind(before + line)
            ended = line.endswith(_LINE_ENDS) and before != _IN_QUOTES
        return lines if chars < self._longest else None

    def _next_line(self) -> str:
        return self._ahead.popleft() if self._ahead else self._text.readline(self._longest)

    def _row(self, record: list[str] | None) -> Row | Flaw:
        if record is None:
            return Flaw.TOO_LONG
        try:
            "".join(record).encode()
            (row,) = csv.reader(record, strict=True)
        except UnicodeEncodeError:
            return Flaw.NOT_UTF8
        except csv.Error:
            return Flaw.STRAY_QUOTE
        if len(row) != len(self.header):
            return Flaw.FIELD_COUNT
        return row if len(row_text(row).encode()) < self._longest else Flaw.TOO_LONG


# Texts that put a new csv.reader into the state of one that has read part of a record.
_IN_QUOTES: Final = '"'
_IN_BARE_FIELD: Final = "x"
_AT_FIELD_START: Final = ""  # also after a quote that closes a field, or is the first of a doubled one


def _state_behind(text: str) -> str:
    """Return the text that stands for the state of `csv.reader` after this text, which need not end a line."""
    if _goes_on(text):
        return _IN_QUOTES
    return _AT_FIELD_START if text.endswith(_LINE_ENDS) or _goes_on(text + '"') else _IN_BARE_FIELD


def _goes_on(text: str) -> bool:
    """Whether `csv.reader` asks for another line after this one, because it is inside quotes."""
    reader = csv.reader([text, ""])
    next(reader)
    return reader.line_num > 1
