"""The way round for a CSV that is not by the book: record by record, each either written anew, plainly, or left out.

What a record is, `csv.reader` decides, as it did when the rows of the manifest were counted: a quote opens a field only
at its start, and a line break outside of quotes, \\n, \\r\\n or a lone \\r, ends a record.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import partial
from typing import IO, Final

from spaaza_snapshots.clock import Clock
from spaaza_snapshots.csv_shape import LONGEST_RECORD_BYTES
from spaaza_snapshots.quality import Rejects

LINE_END: Final = "\n"
RECORDS_PER_LOOK: Final = 10_000
"""So often the clock is asked: well below a second's work."""

_OPENING: Final = re.compile(r'(?:^|,)"')
_REST_OF_QUOTED: Final = re.compile(r'(?:[^"]++|"")*+"')
_BYTES: Final = "latin-1"  # one character for each byte, and the same commas, quotes and line breaks as in UTF-8


class Flaw(StrEnum):
    """Why a record cannot be read."""

    TOO_LONG = "too long"
    NOT_UTF8 = "not UTF-8"
    STRAY_QUOTE = "text behind a closing quote"
    FIELD_COUNT = "wrong number of fields"


def salvage(damaged: IO[bytes], fields: int, readable: IO[str], clock: Clock) -> Rejects:
    """Write all records behind the header that can be read, every field quoted; return those that cannot.

    Begins behind a BOM. Memory: a few times `LONGEST_RECORD_BYTES`. Raises `OutOfTime`.
    """
    csv.field_size_limit(LONGEST_RECORD_BYTES)  # of this process; the default is 128 KiB
    writer = csv.writer(readable, quoting=csv.QUOTE_ALL, lineterminator=LINE_END)
    rejects = Rejects()
    records = _records(damaged)
    next(records, None)  # the header
    for number, record in enumerate(records, start=1):
        if number % RECORDS_PER_LOOK == 0:
            clock.require("converting", f"{number:,} records were read one by one")
        read = _fields(record, fields)
        if isinstance(read, Flaw):
            rejects.add(number, read)
        else:
            writer.writerow(read)
    return rejects


def _fields(record: str | None, count: int) -> Sequence[str] | Flaw:
    if record is None:
        return Flaw.TOO_LONG
    try:
        text = record.encode(_BYTES).decode()
        (fields,) = csv.reader([text], strict=True)
    except UnicodeDecodeError:
        return Flaw.NOT_UTF8
    except csv.Error:
        return Flaw.STRAY_QUOTE
    return fields if len(fields) == count else Flaw.FIELD_COUNT


def _records(csv_bytes: IO[bytes]) -> Iterator[str | None]:
    """Yield each record with its line end, its bytes as characters; None for one that is too long."""
    text = io.TextIOWrapper(csv_bytes, _BYTES, newline="")
    record, length, is_open = io.StringIO(newline=""), 0, False
    for line in iter(partial(text.readline, LONGEST_RECORD_BYTES), ""):
        is_open = _ends_in_quotes(line, is_open)
        length += len(line)
        if length <= LONGEST_RECORD_BYTES:
            record.write(line)
        if line[-1] in "\r\n" and not is_open:
            yield from _ended(record, length)
            record, length = io.StringIO(newline=""), 0
    yield from _ended(record, length)


def _ended(record: io.StringIO, length: int) -> Iterator[str | None]:
    """Yield a record that has ended, unless it is a blank line."""
    if length > LONGEST_RECORD_BYTES:
        yield None
    elif record.getvalue().strip("\r\n"):
        yield record.getvalue()


def _ends_in_quotes(line: str, is_open: bool) -> bool:  # noqa: FBT001 # the state that goes round and round
    """Tell whether a quoted field is open behind this line, when one is, or is not, before it."""
    if '"' not in line:
        return is_open
    at = 0
    while True:
        if is_open:
            rest = _REST_OF_QUOTED.match(line, at)
            if rest is None:
                return True
            at = rest.end()
        opening = _OPENING.search(line, at)
        if opening is None:
            return False
        at, is_open = opening.end(), True
