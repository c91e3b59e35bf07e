"""Whether an export has a record of certain people: the whole export is read, and nothing of it is kept.

A record is what `csv.reader` yields, as in the manifest's row count. In one that the typed copy takes, only the column
ID counts. In any other the number counts wherever it stands, since its cells may have shifted, or belong to two people.
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Final

from isal import igzip, isal_zlib

from spaaza_snapshots.errors import SnapshotError
from spaaza_snapshots.proof.csv_records import HEADER_LIMIT_BYTES

ID_COLUMN: Final = "ID"
BLOCK_BYTES: Final = 1024 * 1024


class Unreadable(SnapshotError):
    """An object that cannot be read to its end as an export, so nobody can say who is in it."""


@dataclass(frozen=True, slots=True)
class People:
    """The people to erase, by Spaaza's user ids, which are in no text of this object."""

    ids: tuple[int, ...] = field(repr=False)

    @property
    def pattern(self) -> str:
        """What finds one of the ids in a text as a whole number; without lookarounds, which DuckDB does not know."""
        return f"(^|[^0-9])0*({'|'.join(map(str, self.ids))})([^0-9]|$)"

    def hashed(self, salt: str) -> str:
        """Return what tells whether others are the same people: slow, because ids are short and could be tried out."""
        text = ",".join(map(str, sorted(set(self.ids))))
        return hashlib.scrypt(text.encode(), salt=salt.encode(), n=2**14, r=8, p=1).hex()

    def anywhere_in(self, compressed: IO[bytes]) -> frozenset[int]:
        """Read a gzip CSV to its end, and return the ids that are anywhere in it, even as part of a number.

        That is fast, and mostly enough. Raises `Unreadable`.
        """
        left = {number: str(number).encode() for number in self.ids}
        overlap = max(map(len, left.values())) - 1
        before = b""
        with _inflated(compressed) as csv_bytes:
            while block := csv_bytes.read(BLOCK_BYTES):
                text = before + block
                left = {number: digits for number, digits in left.items() if digits not in text}
                before = text[-overlap:] if overlap else b""
        return frozenset(self.ids) - left.keys()

    def with_a_record_in(self, compressed: IO[bytes], sought: frozenset[int] = frozenset()) -> frozenset[int]:
        """Read a gzip CSV until a record of one of them was found, and one of each that is sought; return whose.

        Raises `Unreadable`.
        """
        wanted, found = {str(number): number for number in self.ids}, set[int]()
        csv.field_size_limit(HEADER_LIMIT_BYTES)  # process-wide, and the same everywhere
        with _inflated(compressed) as csv_bytes:
            text = io.TextIOWrapper(csv_bytes, "utf-8-sig", errors="surrogateescape", newline="")
            for lines, row, header in _records(text, list(wanted)):
                found |= {wanted[number] for number in _numbers(lines, row, header) if number in wanted}
                if found and sought <= found:
                    break
        return frozenset(found)


def _numbers(lines: Sequence[str], row: Sequence[str], header: Sequence[str]) -> list[str]:
    """Return the whole numbers of a record that count as its ids, without leading zeros."""
    texts = [cell for name, cell in zip(header, row, strict=False) if name == ID_COLUMN]
    if not texts or len(row) != len(header) or not _is_sound(lines):
        texts = ["".join(lines)]
    return [number.lstrip("0") for text in texts for number in re.findall("[0-9]+", text)]


def _records(text: io.TextIOWrapper, numbers: Sequence[str]) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """Yield each record that has one of the numbers in it: its lines as received, its row, and the header.

    Looking for them in each line first takes a quarter of the time of matching each record.
    """
    lines: list[str] = []
    hits: list[bool] = []

    def noted() -> Iterator[str]:
        for line in text:
            lines.append(line)
            for number in numbers:
                if number in line:
                    hits.append(True)
            yield line

    rows = csv.reader(noted())
    header = next(filter(None, rows), [])
    lines.clear()
    hits.clear()
    for row in rows:
        if hits:
            yield lines, row, header
            hits.clear()
        lines.clear()


def _is_sound(lines: Sequence[str]) -> bool:
    """Whether the typed copy takes this record: valid UTF-8, and no text behind a closing quote."""
    try:
        "".join(lines).encode()
        list(csv.reader(lines, strict=True))
    except (UnicodeEncodeError, csv.Error):
        return False
    return True


@contextmanager
def _inflated(compressed: IO[bytes]) -> Iterator[IO[bytes]]:
    """Decompress while reading; what cannot be decompressed or split into records becomes `Unreadable`."""
    failed: type[Exception] | None = None
    try:
        with igzip.open(compressed) as csv_bytes:  # type: ignore[no-untyped-call] # its stub leaves them open
            yield csv_bytes
    except (EOFError, igzip.BadGzipFile, isal_zlib.error, csv.Error) as error:  # type: ignore[misc] # an instance in its stub
        failed = type(error)
    if failed is not None:  # raised here, so that no text of the export follows it
        raise Unreadable(
            "This cannot be read to its end as an export", failed.__name__, "See what `verify` says of it."
        )
