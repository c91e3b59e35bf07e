"""What the standard library makes of the same bytes, with everything in memory: slow, and easy to believe."""

import codecs
import csv
import io
import zlib
from dataclasses import dataclass
from typing import Final

from spaaza_snapshots.errors import ExportInterrupted, NotAnExport, SnapshotError
from spaaza_snapshots.proof.csv_records import COLUMN_LIMIT, HEADER_LIMIT_BYTES

CONTENT_LIMIT_BYTES: Final = 4 * 1024 * 1024
"""Larger contents are not judged: a few bytes can inflate to them, and each would take seconds."""

GZIP: Final = 31
MAGIC: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the lenient `csv.reader` reads it: its text, with line ends, and its fields."""

    text: str
    fields: tuple[str, ...]

    @property
    def is_broken(self) -> bool:
        """Whether a field has a line break in it."""
        return any("\n" in field or "\r" in field for field in self.fields)


@dataclass(frozen=True, slots=True)
class Table:
    """A whole CSV: its records that are not blank, the first of them the header."""

    records: tuple[Record, ...]
    open_quote: bool

    @property
    def header(self) -> tuple[str, ...]:
        """The names, undecodable bytes as lone surrogates; () without a record."""
        return self.records[0].fields if self.records else ()

    @property
    def rows(self) -> tuple[Record, ...]:
        """The records after the header."""
        return self.records[1:]

    @property
    def has_usable_header(self) -> bool:
        """Whether the names are UTF-8, and not too many; also true without a record."""
        try:
            "".join(self.header).encode()
        except UnicodeEncodeError:
            return False
        return len(self.header) <= COLUMN_LIMIT


@dataclass(frozen=True, slots=True)
class Inflated:
    """What `zlib` makes of a stream: all content up to its end or to `error`; `ended` after a member's trailer."""

    content: bytes
    members: int
    ended: bool
    error: type[SnapshotError] | None


def table_of(content: bytes) -> Table:
    """Read a CSV."""
    text = content.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
    records = _records(text)
    # Only inside quotes does another line belong to the last record.
    return Table(records, open_quote=len(_records(text + "\nx")) == len(records))


def strictly(record: Record) -> tuple[str, ...] | None:
    """Return the fields of a record, or None if a strict `csv.reader` refuses it."""
    try:
        (fields,) = csv.reader(io.StringIO(record.text, newline=""), strict=True)
    except csv.Error:
        return None
    return tuple(fields)


def is_utf8(text: str) -> bool:
    """Whether a text came from UTF-8 alone."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def inflate(body: bytes) -> Inflated | None:
    """Inflate a stream, member by member; None if there is too much in it."""
    content, members, rest = b"", 0, body
    while rest:
        if not rest.startswith(MAGIC[: len(rest)]):
            return Inflated(content, members, ended=False, error=ExportInterrupted if members else NotAnExport)
        member = zlib.decompressobj(GZIP)
        try:
            content += member.decompress(rest, CONTENT_LIMIT_BYTES)
        except zlib.error:
            return Inflated(content + _before_damage(rest), members, ended=False, error=ExportInterrupted)
        if member.unconsumed_tail or len(content) > CONTENT_LIMIT_BYTES:
            return None
        if not member.eof:
            return Inflated(content, members, ended=False, error=None)
        members, rest = members + 1, member.unused_data
    return Inflated(content, members, ended=members > 0, error=None)


def _before_damage(stream: bytes) -> bytes:
    member, content = zlib.decompressobj(GZIP), b""
    for place in range(len(stream)):
        try:
            content += member.decompress(stream[place : place + 1])
        except zlib.error:
            break
    return content


def _records(text: str) -> tuple[Record, ...]:
    csv.field_size_limit(HEADER_LIMIT_BYTES)
    lines: list[str] = []
    source = io.StringIO(text, newline="")
    found: list[Record] = []
    for fields in csv.reader(lines.append(line) or line for line in source):  # type: ignore[func-returns-value] # it notes
        if fields:
            found.append(Record("".join(lines), tuple(fields)))
        lines.clear()
    return tuple(found)
