"""What a typed copy must hold, worked out slowly and in plain sight: `csv.reader` and the standard library alone."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb

from sandbox.fuzz.cells import Cell, typed
from spaaza_snapshots.model.columns import Column, columns_of

Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Expected:
    """The rows of the Parquet file, in the order of the CSV; and the numbers of the records that cannot be read."""

    names: tuple[str, ...]
    rows: list[Row]
    rejected: list[int]
    row_count: int
    header: tuple[str, ...]


def expected(csv_bytes: bytes) -> Expected:
    """Work out the typed copy of a CSV."""
    head, *records = raw_records(csv_bytes.removeprefix(b"\xef\xbb\xbf"))
    header = tuple(next(csv.reader([head.decode()])))
    columns = columns_of(header)
    fields = [readable(record, len(header)) for record in records]
    return Expected(
        names=(*(column.athena_name for column in columns), "_cast_errors"),
        rows=[typed_row(columns, texts) for texts in fields if texts is not None],
        rejected=[number for number, texts in enumerate(fields, start=1) if texts is None],
        row_count=len(records),
        header=header,
    )


def raw_records(csv_bytes: bytes) -> Iterator[bytes]:
    """Cut a CSV into the bytes of its records, as a lenient `csv.reader` does; a blank line is none."""
    lines: list[str] = []

    def noted() -> Iterator[str]:
        for line in io.StringIO(csv_bytes.decode("latin-1"), newline=""):
            lines.append(line)
            yield line

    for fields in csv.reader(noted()):
        record = "".join(lines)
        lines.clear()
        if fields:
            yield record.encode("latin-1")


def readable(record: bytes, fields: int) -> list[str] | None:
    """Return the fields of a record, or None where a strict reader would not know them."""
    try:
        (found,) = csv.reader([record.decode()], strict=True)
    except (UnicodeDecodeError, csv.Error):
        return None
    return found if len(found) == fields else None


def typed_row(columns: Sequence[Column], texts: Sequence[str]) -> Row:
    """Return the typed values of one record, and what did not fit."""
    values = [typed(column.athena_type, text) for column, text in zip(columns, texts, strict=True)]
    wrong = [
        f"{column.athena_name}={text.replace(chr(31), ' ')}"
        for column, text, value in zip(columns, texts, values, strict=True)
        if text and value is None
    ]
    return (*values, "\x1f".join(wrong) or None)


def parquet_rows(parquet: Path) -> tuple[tuple[str, ...], list[Row]]:
    """Read a Parquet file back: its names and its rows."""
    with _database().cursor() as database:
        answer = database.execute(f"SELECT * FROM read_parquet('{parquet}', hive_partitioning=false)")
        names = tuple(column[0] for column in answer.description or ())
        return names, answer.fetchall()


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """Open one for all files: to open one takes longer than to read a file."""
    return duckdb.connect()
