"""Whether a CSV is written by the book (RFC 4180), so that every reader finds the same records in it.

DuckDB's reader is strict, and yet it takes a record with one empty field too many, and drops the blanks around a
quoted field. So what is not by the book must never reach it.
"""

import io
import re
from typing import IO, Final

BLOCK_BYTES: Final = 1024 * 1024

LONGEST_RECORD_BYTES: Final = 2_000_000
"""No user is that long, but a lost quote can be. DuckDB's own limit is 2,097,152, which leaves room for quotes."""

_QUOTED: Final = re.compile(rb'"(?:[^"]++|"")*+"')
_MARK: Final = b"\x00"  # stands for a quoted field
_TEXT_BESIDE_MARK: Final = re.compile(rb"\x00(?:(?<=[^,\r\n]\x00)|(?=[^,\r\n]))")


def is_by_the_book(csv: IO[bytes], fields: int) -> bool:
    """Tell whether every record has so many fields, is UTF-8, and has quotes around whole fields alone.

    Begins behind a BOM, and reads to the first flaw or to the end. Memory: a few times `BLOCK_BYTES` +
    `LONGEST_RECORD_BYTES`.
    """
    rest = b""
    while block := csv.read(BLOCK_BYTES):
        block = rest + block
        end = _end_of_records(block)
        if not _is_flawless(block[:end], fields):
            return False
        rest = block[end:]
        if len(rest) > LONGEST_RECORD_BYTES:
            return False
    return _is_flawless(rest, fields)


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


def _is_flawless(records: bytes, fields: int) -> bool:
    """Judge whole records, of which the last may lack its line end."""
    try:
        records.decode()
    except UnicodeDecodeError:
        return False
    outline = _QUOTED.sub(_MARK, records) if b'"' in records else records
    if _MARK in records or b'"' in outline or _TEXT_BESIDE_MARK.search(outline):
        return False
    # \r\n becomes two line ends, which does no harm: the blank line between them is no record
    lines = io.BytesIO(outline.replace(b"\r", b"\n")).readlines()
    return all(line.count(b",") == fields - 1 for line in lines if line != b"\n")
