"""The SQL that turns the text of an export into typed columns: a value that is exactly of its type, or NULL.

DuckDB's own casts are generous: they take 12.7 for the integer 13, drop the offset of an instant, round decimals, and
know "yes" for true. So each text must first look like its type; what does not stays, as text, in `_cast_errors`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from spaaza_snapshots.columns import CAST_ERRORS, Column
from spaaza_snapshots.manifest import Manifest

SEPARATOR: Final = "chr(31)"
"""Between the errors of one row; one inside of a value becomes a blank."""

ROW_GROUP_BYTES: Final = 64 * 1024 * 1024
"""Bounds what is held before it is written, however long the rows are; with the usual ones rows set the end first."""

_DAY: Final = r"\d{4}-\d{2}-\d{2}"
_TIME: Final = r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?"
_NO_YEAR_ZERO: Final = " AND ?text >= '0001'"  # DuckDB knows one


def _gate(pattern: str, value: str, also: str = "") -> Callable[[str], str]:
    """Return what makes of a text its typed value where it looks like one, else NULL; `?text` stands for the text."""
    case = f"CASE WHEN regexp_full_match(?text, '{pattern}'){also} THEN {value} END"
    return lambda text: case.replace("?text", text)


TYPED: Final[Mapping[str, Callable[[str], str]]] = {
    "bigint": _gate(r"-?\d{1,18}", "TRY_CAST(?text AS BIGINT)"),
    "decimal(18,4)": _gate(r"-?\d{1,14}(\.\d{1,4})?", "TRY_CAST(?text AS DECIMAL(18,4))"),
    "boolean": _gate("true|false", "?text = 'true'"),
    "date": _gate(_DAY, "TRY_CAST(?text AS DATE)", _NO_YEAR_ZERO),
    # its first 23 characters: what is finer than a millisecond is cut off, where a cast would round it
    "timestamp": _gate(f"{_DAY}T{_TIME}Z", "TRY_CAST(left(?text, 23) AS TIMESTAMP_MS)", _NO_YEAR_ZERO),
}
"""By Athena type, the expression for a text; a `string` is the text itself."""


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A gzip CSV by the book, the line end behind each of its records, and whether the first of them is a header."""

    path: Path
    line_end: str
    header: bool


def typed_copy(source: CsvFile, manifest: Manifest, target: Path) -> str:
    """Return the statement that writes the CSV as the Parquet file `target`, by name and typed.

    The run id in the file lets no two runs write the same bytes, so an ETag tells them apart.
    """
    columns = manifest.columns
    texts = {column: f"_{column.position}" for column in columns}  # as no column of ours is called
    typed = [column for column in columns if column.athena_type in TYPED]
    values = ", ".join(f"{_value(column, text)} AS {name_of(column)}" for column, text in texts.items())
    errors = ", ".join(_error(column, texts[column]) for column in typed) or "NULL"
    names = ", ".join(name_of(column) for column in columns)
    return (
        f"COPY (SELECT {names}, nullif(concat_ws({SEPARATOR}, {errors}), '') AS {CAST_ERRORS}"  # noqa: S608 # all names and paths in here are quoted
        f" FROM (SELECT *, {values} FROM {_csv(source, list(texts.values()))}))"
        f" TO {literal(target)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE_BYTES {ROW_GROUP_BYTES},"
        f" KV_METADATA {{run_id: {literal(manifest.run_id)}}})"
    )


def count_errors(parquet: Path) -> str:
    """Return the query for (column, count) of the errors that a Parquet file keeps, by column."""
    return (
        f"SELECT split_part(error, '=', 1) AS name, count(*) FROM"  # noqa: S608 # as above
        f" (SELECT unnest(string_split({CAST_ERRORS}, {SEPARATOR})) AS error FROM read_parquet({literal(parquet)}))"
        f" GROUP BY name ORDER BY name"
    )


def name_of(column: Column) -> str:
    """Return the name of a column in the typed table, quoted."""
    return '"' + column.athena_name.replace('"', '""') + '"'


def literal(text: str | Path) -> str:
    """Return a text as SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def _value(column: Column, text: str) -> str:
    return TYPED[column.athena_type](text) if column.athena_type in TYPED else text


def _error(column: Column, text: str) -> str:
    """Return `name=text`, or NULL where the text became a value or is empty."""
    error = f"{literal(column.athena_name + '=')} || replace({text}, {SEPARATOR}, ' ')"
    return f"CASE WHEN {text} <> '' AND {name_of(column)} IS NULL THEN {error} END"


def _csv(source: CsvFile, texts: Sequence[str]) -> str:
    """Return the table of texts; an empty field is an empty text, never NULL, and nothing is guessed."""
    columns = ", ".join(f"{text}: 'VARCHAR'" for text in texts)
    line_end = source.line_end.encode("unicode_escape").decode()
    return (
        f"read_csv({literal(source.path)}, columns={{{columns}}}, header={source.header}, new_line='{line_end}',"
        f" force_not_null=[{', '.join(map(literal, texts))}], delim=',', quote='\"', escape='\"', compression='gzip',"
        f" auto_detect=false, strict_mode=true, hive_partitioning=false)"
    )
