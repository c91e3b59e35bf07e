"""Whether a CSV is written by the book (RFC 4180), so that every reader finds the same records in it.

DuckDB's reader is strict, and yet it takes a record with one empty field too many, and drops the blanks around a
quoted field. So what is not by the book must never reach it.
"""

import io
import re
from collections.abc import Iterator
from typing import IO, Final

BLOCK_BYTES: Final = 1024 * 1024

LONGEST_RECORD_BYTES: Final = 2_000_000
"""No user is that long, but a lost quote can be. DuckDB's own limit is 2,097,152, which leaves room for quotes."""

_QUOTED: Final = re.compile(rb'"(?:[^"]++|"")*+"')
_FLAW: Final = b'"'
_MARK: Final = b"\x00"  # stands for a quoted field
_TEXT_BESIDE_MARK: Final = re.compile(rb"\x00(?:(?<=[^,\r\n]\x00)|(?=[^,\r\n]))")


def line_end_by_the_book(csv: IO[bytes], fields: int) -> bytes | None:
    """Return what ends every record, \\n or \\r\\n; None where the CSV is not by the book.

    By the book every record has so many fields, is UTF-8, and has quotes around whole fields alone. Begins behind a
    BOM, and reads to the first flaw or to the end. Memory: a few times `BLOCK_BYTES` + `LONGEST_RECORD_BYTES`.
    """
    line_end = b""
    for records in _whole_records(csv):
        found = _line_end(records, fields)
        line_end = line_end or found or b""
        if found is None or found not in (b"", line_end):
            return None
    return line_end or b"\n"


def _whole_records(csv: IO[bytes]) -> Iterator[bytes]:
    """Yield blocks that end where a record does; what is too long for one comes out as a flaw."""
    rest = b""
    while block := csv.read(BLOCK_BYTES):
        block = rest + block
        end = _end_of_records(block)
        yield block[:end]
        rest = block[end:]
        if len(rest) > LONGEST_RECORD_BYTES:
            rest = _FLAW
            break
    yield rest


def _end_of_records(block: bytes) -> int:
    """Return where the last whole record ends: behind the last line break with an even number of quotes before it."""
    quotes = block.count(b'"')
    end = len(block)
    while end:
        line_end = block.rfind(b"\n", 0, end) + 1
        quotes -= block.count(b'"', line_end, end)
        if quotes % 2 == 0:
            return line_end
        end = line_end - 1
    return 0


def _line_end(records: bytes, fields: int) -> bytes | None:
    """Return what ends each of these records, nothing if none has an end, or None where one of them has a flaw."""
    try:
        records.decode()
    except UnicodeDecodeError:
        return None
    outline = _QUOTED.sub(_MARK, records) if b'"' in records else records
    if _MARK in records or b'"' in outline or _TEXT_BESIDE_MARK.search(outline):
        return None
    if any(line.count(b",") != fields - 1 for line in io.BytesIO(outline) if line not in (b"\n", b"\r\n")):
        return None
    newlines, returns = outline.count(b"\n"), outline.count(b"\r")
    if returns == 0:
        return b"\n" if newlines else b""
    return b"\r\n" if outline.count(b"\r\n") == returns == newlines else None
