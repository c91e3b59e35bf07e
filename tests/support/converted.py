"""A CSV converted, and held against the slow reference."""

import gzip
from collections import Counter
from pathlib import Path

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.parquet.convert import Converted, Machine, convert
from tests.support import builders
from tests.support.typed_reference import expected, parquet_rows

MEMORY_MB = 512


def machine(folder: Path, *, memory_mb: int = MEMORY_MB, clock: Clock | None = None) -> Machine:
    return Machine(memory_mb, folder, clock or builders.HeldClock().clock())


def converted(csv_bytes: bytes, folder: Path) -> Converted:
    """Convert a CSV whose manifest counts its rows as `csv.reader` does."""
    source = folder / "source.csv.gz"
    source.write_bytes(gzip.compress(csv_bytes, 1))
    wanted = expected(csv_bytes)
    return convert(source, builders.manifest(header=wanted.header, row_count=wanted.row_count), machine(folder))


def assert_as_expected(csv_bytes: bytes, folder: Path) -> Converted:
    found, wanted = converted(csv_bytes, folder), expected(csv_bytes)
    names, rows = parquet_rows(found.parquet)
    assert names == wanted.names
    assert Counter(rows) == Counter(wanted.rows)
    assert [reject.record for reject in found.rejects.first] == wanted.rejected
    assert found.rows + found.rejects.count == wanted.row_count
    return found


HEAD = b"ID,First name,Opted-in\n"
BEFORE, AFTER = b'1,"two\nlines",true\n', b"3,last,false\n"
