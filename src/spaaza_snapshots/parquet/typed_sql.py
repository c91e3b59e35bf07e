"""The SQL that turns the text of an export into typed columns: each value is exactly of its type, or NULL.

DuckDB's own casts are lenient: they read 12.7 as the integer 13, drop the offset of an instant, round decimals, and
take "yes" for true. So each text must first match its type; one that does not is kept, as text, in `_cast_errors`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from spaaza_snapshots.base.sql import literal
from spaaza_snapshots.model.columns import CAST_ERRORS, Column
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.parquet.row_text import DELIMITER, QUOTE

SEPARATOR: Final = "chr(31)"
"""Between the errors of one row; inside a value it becomes a space."""

CHECK: Final = "_0"
"""The check column in the text of rows."""

ROW_GROUP_BYTES: Final = 64 * 1024 * 1024
"""Bounds what is buffered, however long the rows are. It ends a group of users after some 84,000, before DuckDB's own
limit of 122,880 rows does."""

DICTIONARY_VALUES: Final = 8_192
"""A column with more values in a row group gets no dictionary. Dates and points have fewer. Under DuckDB's own limit,
which is higher, dictionaries of values that hardly repeat make the file 4 % larger, and cost a tenth of the writing."""

_DAY: Final = r"\d{4}-\d{2}-\d{2}"
_TIME: Final = r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,3}0*)?"  # the table keeps milliseconds, nothing finer
_NO_YEAR_ZERO: Final = " AND ?text >= '0001'"  # DuckDB accepts year 0


@dataclass(frozen=True, slots=True)
class _Gate:
    """SQL that casts a text if it matches the pattern, else gives NULL; in it, `?text` stands for the text."""

    pattern: str
    value: str
    also: str = ""

    def __call__(self, text: str) -> str:
        case = f"CASE WHEN regexp_full_match(?text, '{self.pattern}'){self.also} THEN {self.value} END"
        return case.replace("?text", text)


TYPED: Final[Mapping[str, Callable[[str], str]]] = {
    "bigint": _Gate(r"-?\d{1,18}", "TRY_CAST(?text AS BIGINT)"),
    "decimal(18,4)": _Gate(r"-?\d{1,14}(\.\d{1,4})?", "TRY_CAST(?text AS DECIMAL(18,4))"),
    "boolean": _Gate("true|false", "?text = 'true'"),
    "date": _Gate(_DAY, "TRY_CAST(?text AS DATE)", _NO_YEAR_ZERO),
    # its first 23 characters: after them are only zeros and the Z
    "timestamp": _Gate(f"{_DAY}T{_TIME}Z", "TRY_CAST(left(?text, 23) AS TIMESTAMP_MS)", _NO_YEAR_ZERO),
}
"""The SQL expression for each Athena type; a `string` is the text itself."""


def typed_copy(text: Path, manifest: Manifest, target: Path) -> str:
    """Return the statement that writes the rows of a text to the Parquet file `target`, named and typed.

    A row whose number of characters differs from its check is left out, so the number of rows written reveals it. The
    run id in the file makes the bytes of every run different, so that their ETags differ.
    """
    columns = manifest.columns
    texts = {column: f"_{column.position}" for column in columns}  # names that no column of ours has
    values = ", ".join(f"{_value(column, text)} AS {name_of(column)}" for column, text in texts.items())
    errors = ", ".join(_error(column, texts[column]) for column in typed_columns(columns)) or "NULL"
    names = ", ".join(name_of(column) for column in columns)
    return (
        f"COPY (SELECT {names}, nullif(concat_ws({SEPARATOR}, {errors}), '') AS {CAST_ERRORS}"  # noqa: S608 # all names and paths in here are quoted
        f" FROM (SELECT *, {values} FROM {_rows(text, list(texts.values()))}))"
        f" TO {literal(target)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE_BYTES {ROW_GROUP_BYTES},"
        f" DICTIONARY_SIZE_LIMIT {DICTIONARY_VALUES},"
        f" KV_METADATA {{run_id: {literal(manifest.run_id)}}})"
    )


def typed_columns(columns: Iterable[Column]) -> list[Column]:
    """Return the columns that are not strings."""
    return [column for column in columns if column.athena_type in TYPED]


def count_errors(parquet: Path) -> str:
    """Return the query for the cast errors in a Parquet file, as (column, count)."""
    return (
        f"SELECT split_part(error, '=', 1) AS name, count(*) FROM"  # noqa: S608 # as above
        f" (SELECT unnest(string_split({CAST_ERRORS}, {SEPARATOR})) AS error FROM read_parquet({literal(parquet)}))"
        f" GROUP BY name ORDER BY name"
    )


def count_nulls(parquet: Path) -> str:
    """Return the query for the NULLs in a Parquet file according to its footer, as (column, count)."""
    return (
        f"SELECT path_in_schema, sum(stats_null_count) FROM parquet_metadata({literal(parquet)})"  # noqa: S608 # as above
        f" GROUP BY path_in_schema"
    )


def name_of(column: Column) -> str:
    """Return the name of a column in the typed table, quoted."""
    return '"' + column.athena_name.replace('"', '""') + '"'


def _value(column: Column, text: str) -> str:
    return TYPED[column.athena_type](text) if column.athena_type in TYPED else text


def _error(column: Column, text: str) -> str:
    """Return `name=text`, or NULL if the text became a value or is empty."""
    error = f"{literal(column.athena_name + '=')} || replace({text}, {SEPARATOR}, ' ')"
    return f"CASE WHEN {text} <> '' AND {name_of(column)} IS NULL THEN {error} END"


def _rows(text: Path, cells: Sequence[str]) -> str:
    """Return the table of the rows that are read as they were written.

    Nothing is guessed: neither the dialect nor, as `parallel` is off, where a row starts. An empty cell is an empty
    text, never NULL.
    """
    columns = ", ".join(f"{cell}: 'VARCHAR'" for cell in cells)
    return (
        f"read_csv({literal(text)}, columns={{{CHECK}: 'BIGINT', {columns}}}, header=false, new_line='\\n',"  # as above
        f" force_not_null=[{', '.join(map(literal, cells))}], delim=chr({ord(DELIMITER)}), quote='{QUOTE}',"
        f" escape='{QUOTE}', compression='none', auto_detect=false, strict_mode=true, parallel=false,"
        f" hive_partitioning=false) WHERE {CHECK} = {_sum([f'length({cell})' for cell in cells])}"
    )


def _sum(terms: Sequence[str]) -> str:
    """Return a sum in groups: DuckDB refuses expressions more than a thousand levels deep."""
    return " + ".join(f"({' + '.join(group)})" for group in (terms[at : at + 200] for at in range(0, len(terms), 200)))
