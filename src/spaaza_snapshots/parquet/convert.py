"""From the vendor's gzip CSV to typed Parquet, both on local disk: no row added, none lost without being counted.

Every export takes the same path: `csv.reader` reads its rows, they are written as a text that cannot be misread, and
DuckDB types that text. Then independent counts must agree: see `convert`.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from operator import countOf, itemgetter
from pathlib import Path
from typing import Final

import duckdb
from isal import igzip

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.model.quality import CastErrors, Rejects
from spaaza_snapshots.parquet.export_rows import ExportRows
from spaaza_snapshots.parquet.row_text import rows_text
from spaaza_snapshots.parquet.typed_sql import count_errors, count_nulls, typed_columns, typed_copy

MB_PER_VCPU: Final = 1_769
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""

DUCKDB_SHARE: Final = 0.4
"""Of the function's memory: DuckDB exceeds its limit by up to a fifth, and Python with the SDK takes 100 MB."""

BY_DUCKDB: Final = "in DuckDB"

INTERRUPT_AGAIN_SECONDS: Final = 0.01

_TOO_SMALL: Final = "Raise the memory of the Parquet function, or the size of its /tmp, and send the event again."
_DEFECT: Final = "This is a bug in the conversion; the raw object and its manifest are sound."


@dataclass(frozen=True, slots=True)
class Machine:
    """What a conversion may use: the function's memory, its own work folder, and the function's time."""

    memory_mb: int
    folder: Path
    clock: Clock

    def duckdb_config(self) -> dict[str, str | bool | int | float | list[str]]:
        """Return DuckDB's settings; it must never download an extension."""
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
    """A Parquet file and the findings of its conversion."""

    parquet: Path
    rows: int
    rejects: Rejects
    one_by_one: int
    """Records read one by one because the strict reader refused their block."""
    cast_errors: tuple[CastErrors, ...]


def convert(source: Path, manifest: Manifest, machine: Machine) -> Converted:
    """Write the Parquet file of an export that matches its manifest; raises `StorageError`, `OutOfTime`."""
    text, target = machine.folder / "users.text", machine.folder / "users.parquet"
    with igzip.open(source) as csv_bytes:  # type: ignore[no-untyped-call] # its stub leaves the arguments open
        export = ExportRows(csv_bytes, machine.clock)
        if export.header != manifest.header:
            found = f"{len(export.header)} columns"
            raise StorageError("The raw object's header differs from its manifest", found, _DEFECT)
        rows, empty_cells = _write_text(text, export, manifest)
    _refuse_unless("rows and rejects of the snapshot", rows + export.rejects.count, manifest.row_count)
    with _database(machine) as database:
        ((copied,),) = database.execute(typed_copy(text, manifest, target)).fetchall()
        _refuse_unless("rows read as they were written", copied, rows)
        cast_errors = _proven_cast_errors(database, target, rows, empty_cells)
    return Converted(target, rows, export.rejects, export.one_by_one, cast_errors)


def _proven_cast_errors(
    database: duckdb.DuckDBPyConnection, parquet: Path, rows: int, empty_cells: Mapping[str, int]
) -> tuple[CastErrors, ...]:
    """Count the errors by column in the file itself, whose rows and empty cells must match what was written."""
    _refuse_unless("rows of the file", database.read_parquet(str(parquet)).count("*").fetchall(), [(rows,)])
    counts = dict(database.execute(count_errors(parquet)).fetchall())
    nulls = dict(database.execute(count_nulls(parquet)).fetchall())
    for name, empty in empty_cells.items():
        _refuse_unless(f"NULLs of {name}", nulls.get(name, 0), empty + counts.get(name, 0))
    return tuple(CastErrors(name, count) for name, count in counts.items())


def _refuse_unless(what: str, found: object, wanted: object) -> None:
    """Raise if two independently obtained figures differ."""
    if found != wanted:
        raise StorageError("The typed copy does not match the export", f"{what}: {found}, not {wanted}", _DEFECT)


def _write_text(text: Path, export: ExportRows, manifest: Manifest) -> tuple[int, Mapping[str, int]]:
    """Write the text of rows; return their number, and that of the empty cells in each typed column."""
    cell_of = {column.athena_name: itemgetter(column.position - 1) for column in typed_columns(manifest.columns)}
    rows, empty = 0, dict.fromkeys(cell_of, 0)
    with text.open("wb") as file:
        for block in export.blocks():
            file.write(rows_text(block))
            rows += len(block)
            for name, cell in cell_of.items():
                empty[name] += countOf(map(cell, block), "")
    return rows, empty


@contextmanager
def _database(machine: Machine) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory database; its errors become a `StorageError` without their text, which may contain records."""
    failed: type[Exception] | None = None
    with duckdb.connect(config=machine.duckdb_config()) as database:
        try:
            with _interrupted_in_time(database, machine.clock):
                yield database
        except duckdb.Error as error:
            failed = type(error)
    if failed:
        raise StorageError(
            "DuckDB could not write the Parquet file",
            f"{failed.__name__}, with {machine.memory_mb} MB of memory",
            _TOO_SMALL if issubclass(failed, (duckdb.OutOfMemoryException, duckdb.IOException)) else _DEFECT,
        )


@contextmanager
def _interrupted_in_time(database: duckdb.DuckDBPyConnection, clock: Clock) -> Iterator[None]:
    """Interrupt the statement when only the reserve is left; raises `OutOfTime`."""
    clock.require("converting", BY_DUCKDB)
    ended = threading.Event()
    watchdog = threading.Thread(target=_interrupt, args=(database, clock.seconds_left(), ended), daemon=True)
    watchdog.start()
    try:
        yield
    except duckdb.InterruptException:
        raise clock.out_of_time("converting", BY_DUCKDB) from None
    finally:
        ended.set()
        watchdog.join()  # otherwise it might interrupt a closed database


def _interrupt(database: duckdb.DuckDBPyConnection, wait_seconds: float, ended: threading.Event) -> None:
    """Interrupt again and again once that time is over: DuckDB forgets an interrupt between two statements."""
    while not ended.wait(wait_seconds):
        database.interrupt()
        wait_seconds = INTERRUPT_AGAIN_SECONDS
