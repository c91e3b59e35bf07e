"""From the vendor's gzip CSV to typed Parquet, both on this machine's disk: no row gained, none lost without a count.

DuckDB reads the CSV as it came where all of it is by the book. Where it is not, the records that can be read are
written anew for it, and the others are counted.
"""

import codecs
import csv
import gzip
import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

import duckdb
from isal import igzip

from spaaza_snapshots.clock import Clock
from spaaza_snapshots.csv_shape import line_end_by_the_book
from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.manifest import Manifest
from spaaza_snapshots.quality import CastErrors, Rejects
from spaaza_snapshots.salvage import LINE_END, salvage
from spaaza_snapshots.typed_sql import CsvFile, count_errors, typed_copy

MB_PER_VCPU: Final = 1_769
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""

DUCKDB_SHARE: Final = 0.4
"""Of the function's memory: DuckDB goes beyond its limit by a fifth, and Python with the SDK takes 100 MB."""

DOING: Final = "converting"
BY_DUCKDB: Final = "in DuckDB"

_DEFECT: Final = "This is a defect of the conversion; the raw object and its manifest are sound."


@dataclass(frozen=True, slots=True)
class Machine:
    """What a conversion may use: the function's memory, a folder of its own to work in, and the function's time."""

    memory_mb: int
    folder: Path
    clock: Clock

    def duckdb_config(self) -> dict[str, str | bool | int | float | list[str]]:
        """Return DuckDB's settings; it must never look for an extension on the network."""
        return {
            "threads": max(1, self.memory_mb // MB_PER_VCPU),
            "memory_limit": f"{int(self.memory_mb * DUCKDB_SHARE)}MB",
            "temp_directory": str(self.folder / "spilled"),
            "preserve_insertion_order": False,  # ROW_GROUP_SIZE_BYTES asks for it; one thread keeps the order anyway
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }


@dataclass(frozen=True, slots=True)
class Converted:
    """A Parquet file and what was found on the way to it."""

    parquet: Path
    rows: int
    rejects: Rejects
    cast_errors: tuple[CastErrors, ...]


def convert(source: Path, manifest: Manifest, machine: Machine) -> Converted:
    """Write the Parquet file of an export whose bytes are those of the manifest; raises `StorageError`, `OutOfTime`."""
    _refuse_other_header(source, manifest.header)
    target = machine.folder / "users.parquet"
    rows, rejects = _write_as_it_came(source, target, manifest, machine), Rejects()
    if rows != manifest.row_count:
        rows, rejects = _write_salvaged(source, target, manifest, machine)
    if rows is None or rows + rejects.count != manifest.row_count:
        raise StorageError(
            "The Parquet rows are not the rows of the snapshot",
            f"{rows} written and {rejects.count} rejected of {manifest.row_count:,}",
            _DEFECT,
        )
    return Converted(target, rows, rejects, _cast_errors(target, rows, machine))


def _refuse_other_header(source: Path, header: Sequence[str]) -> None:
    with _opened(source) as csv_bytes:
        # what lies behind the header need not be UTF-8, and is read with it
        text = io.TextIOWrapper(csv_bytes, "utf-8", errors="surrogateescape", newline="")
        found = next(filter(None, csv.reader(text)), [])
    if tuple(found) != tuple(header):
        raise StorageError("The header of the raw object is not the manifest's", f"{len(found)} columns", _DEFECT)


def _write_as_it_came(source: Path, target: Path, manifest: Manifest, machine: Machine) -> int | None:
    """Return the number of rows written, or None where DuckDB would read, or did read, other records than we do."""
    with _opened(source) as csv_bytes:
        line_end = line_end_by_the_book(csv_bytes, len(manifest.header))
    machine.clock.require(DOING, "read once")
    if line_end is None:
        return None
    return _write(CsvFile(source, line_end.decode(), header=True), target, manifest, machine)


def _write_salvaged(source: Path, target: Path, manifest: Manifest, machine: Machine) -> tuple[int | None, Rejects]:
    readable = machine.folder / "readable.csv.gz"
    with _opened(source) as damaged, gzip.open(readable, "wt", compresslevel=1, encoding="utf-8", newline="") as text:
        rejects = salvage(damaged, len(manifest.header), cast("IO[str]", text), machine.clock)
    return _write(CsvFile(readable, LINE_END, header=False), target, manifest, machine), rejects


def _write(source: CsvFile, target: Path, manifest: Manifest, machine: Machine) -> int | None:
    """Return the number of rows written; None where DuckDB finds the CSV unreadable."""
    with _database(machine) as database:
        try:
            copied = database.execute(typed_copy(source, manifest, target)).fetchone()
        except duckdb.InvalidInputException:  # its text shows the record, and goes nowhere
            return None
    return None if copied is None else int(copied[0])


def _cast_errors(parquet: Path, rows: int, machine: Machine) -> tuple[CastErrors, ...]:
    """Count the errors by column in the file itself, which must hold as many rows as were written to it."""
    with _database(machine) as database:
        found = database.read_parquet(str(parquet)).count("*").fetchall()
        counts = database.execute(count_errors(parquet)).fetchall()
    if found != [(rows,)]:
        raise StorageError("The Parquet file is not whole", f"{found} of {rows:,} rows", _DEFECT)
    return tuple(CastErrors(column, count) for column, count in counts)


@contextmanager
def _database(machine: Machine) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory; what it raises becomes a `StorageError` without its text, which may show records."""
    failed = ""
    with duckdb.connect(config=machine.duckdb_config()) as database:
        try:
            with _interrupted_in_time(database, machine.clock):
                yield database
        except duckdb.Error as error:
            failed = type(error).__name__
    if failed:
        raise StorageError(
            "DuckDB could not write the Parquet file",
            f"{failed}, with {machine.memory_mb} MB of memory",
            "Raise the memory of the Parquet function, or the size of its /tmp, and send the event again.",
        )


@contextmanager
def _interrupted_in_time(database: duckdb.DuckDBPyConnection, clock: Clock) -> Iterator[None]:
    """Interrupt the database's statement when only the reserve is left; raises `OutOfTime`."""
    clock.require(DOING, BY_DUCKDB)
    timer = threading.Timer(clock.seconds_left(), database.interrupt)
    timer.start()
    try:
        yield
    except duckdb.InterruptException:
        raise clock.out_of_time(DOING, BY_DUCKDB) from None
    finally:
        timer.cancel()
        timer.join()  # else it might interrupt a database that is closed


@contextmanager
def _opened(source: Path) -> Iterator[IO[bytes]]:
    """Open a gzip CSV behind its BOM, if it has one."""
    with igzip.open(source) as csv_bytes:  # type: ignore[no-untyped-call] # its stub leaves the arguments open
        if csv_bytes.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            csv_bytes.seek(0)
        yield csv_bytes
