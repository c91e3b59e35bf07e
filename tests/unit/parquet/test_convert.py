"""The typed copy against a slow reference, cell by cell, on users as they are and on CSV as it should not be."""

import csv
import gzip
import io
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from sandbox.spaaza.users import AWKWARD, HEADER, generated_csv, sample_csv
from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.errors import OutOfTime, StorageError
from spaaza_snapshots.model.columns import KNOWN, columns_of
from spaaza_snapshots.parquet.convert import convert
from spaaza_snapshots.parquet.export_rows import BLOCK_CHARS, LONGEST_RECORD
from tests.support import builders
from tests.support.converted import AFTER, BEFORE, HEAD, assert_as_expected, converted, machine
from tests.support.typed_reference import Row, expected, parquet_rows


def line(*values: str) -> bytes:
    text = io.StringIO(newline="")
    # before Python 3.13 only the characters of the line end itself are a reason to quote
    csv.writer(text, lineterminator="\r\n").writerow(values)
    return text.getvalue().removesuffix("\r\n").encode() + b"\n"


def errors_by_column(rows: list[Row]) -> Counter[str]:
    return Counter(error.partition("=")[0] for row in rows if row[-1] for error in str(row[-1]).split("\x1f"))


@pytest.mark.parametrize(
    "csv_bytes",
    [
        sample_csv(),
        b"".join(generated_csv(2_000)),
        b"".join(generated_csv(300, extra_columns=("Shoe size", "shoe size"))),
    ],
    ids=["the vendor's users", "generated users", "columns added tomorrow"],
)
def test_every_cell_is_that_of_the_csv(csv_bytes: bytes, tmp_path: Path) -> None:
    assert assert_as_expected(csv_bytes, tmp_path).rejects.count == 0


def test_awkward_text_stays_as_it_is(tmp_path: Path) -> None:
    texts = [*AWKWARD, "", " ", "NULL", "\\N", '""', "\r", "\n", "=1+1", "\ufeff", "a\x00b", "😀" * 1000]
    csv_bytes = line("First name", "Last name") + b"".join(line(text, text[::-1]) for text in texts)
    found = assert_as_expected(csv_bytes, tmp_path)
    assert Counter(row[0] for row in parquet_rows(found.parquet)[1]) == Counter(texts)


NEARLY = (
    *(
        "",
        "0",
        "-0",
        "007",
        "-12",
        "+12",
        "12.7",
        "1e3",
        "0x1F",
        "1_000",
        " 1",
        "1 ",
        "٣",
        "9" * 18,
        "9" * 19,
        "n/a",
        "-",
    ),
    *("1.2345", "1.23456", ".5", "5.", "-0.5", "9" * 14 + ".9999", "9" * 15, "1,5", "NaN", "Infinity"),
    *("true", "false", "True", "t", "1", "yes", "TRUE", " true", "false\n"),
    *("2023-02-28", "2023-02-29", "2024-02-29", "2023-13-01", "0000-00-00", "0000-01-01", "0001-01-01", "9999-12-31"),
    *("1978/01/01", "1978-1-1", "19780101", "infinity", "2023-01-01 ", "1582-10-10"),
    *(
        "2023-01-01T00:00:00Z",
        "2023-01-01T23:59:59.999999Z",
        "1969-12-31T23:59:59.9996Z",
        "2023-01-01T23:59:59.999000Z",
        "2023-01-01T00:00:00.5Z",
        "2023-01-01T00:00:00.1230Z",
        "2023-01-01T00:00:00.Z",
        "2023-01-01T24:00:00Z",
    ),
    *("2023-01-01T00:00:60Z", "2023-01-01T00:00:00+02:00", "2023-01-01T00:00:00", "2023-01-01 00:00:00Z"),
    *("2023-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "a\x1fb", "overall=5"),
)
"""Texts that are of a type, and texts that only a generous cast would take for one."""


def test_only_what_is_exactly_of_its_type_is_typed_and_the_rest_is_kept(tmp_path: Path) -> None:
    typed = [name for name, (_, athena_type) in KNOWN.items() if athena_type != "string"]
    csv_bytes = line(*typed) + b"".join(line(*[text] * len(typed)) for text in NEARLY)
    found = assert_as_expected(csv_bytes, tmp_path)
    counts = {errors.column: errors.count for errors in found.cast_errors}
    assert counts == errors_by_column(expected(csv_bytes).rows)
    assert set(counts) == {KNOWN[name][0] for name in typed}


def test_a_header_in_another_order_gives_the_same_values_by_name(tmp_path: Path) -> None:
    answers = []
    for columns in (HEADER, HEADER[::-1]):
        names, rows = parquet_rows(converted(b"".join(generated_csv(100, columns=columns)), tmp_path).parquet)
        answers.append([dict(zip(names, row, strict=True)) for row in rows])
    assert answers[0] == answers[1]


def test_the_types_in_the_file_are_those_of_the_table(tmp_path: Path) -> None:
    csv_bytes = b"".join(generated_csv(10, extra_columns=("Shoe size",)))
    parquet = converted(csv_bytes, tmp_path).parquet
    with duckdb.connect() as database:
        described = database.execute(f"DESCRIBE SELECT * FROM read_parquet('{parquet}')").fetchall()
        stored = database.execute(
            "SELECT DISTINCT m.compression, m.type, s.converted_type FROM parquet_metadata($1) m"
            " JOIN parquet_schema($1) s ON s.name = m.path_in_schema WHERE s.name = 'created_date'",
            [str(parquet)],
        ).fetchall()
    types = {"string": "VARCHAR", "bigint": "BIGINT", "date": "DATE", "boolean": "BOOLEAN"}
    types |= {"decimal(18,4)": "DECIMAL(18,4)", "timestamp": "TIMESTAMP"}
    wanted = {column.athena_name: types[column.athena_type] for column in columns_of((*HEADER, "Shoe size"))}
    found = {name: sql_type.removesuffix("_MS") for name, sql_type, *_ in described}
    assert found == wanted | {"_cast_errors": "VARCHAR"}
    assert stored == [("ZSTD", "INT64", "TIMESTAMP_MILLIS")]


def test_what_duckdb_cannot_do_is_told_without_a_word_of_the_data(tmp_path: Path) -> None:
    source = tmp_path / "source.csv.gz"
    source.write_bytes(gzip.compress(b"ID,First name\n1,Secretname\n"))
    with pytest.raises(StorageError, match="OutOfMemoryException") as caught:
        convert(source, builders.manifest(header=("ID", "First name"), row_count=1), machine(tmp_path, memory_mb=8))
    assert "Secretname" not in builders.all_texts(caught.value)


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    for head in (HEAD, b'"I""D",First name,Opted-in\n', b'"I\nD",First name,Opted-in\n'):
        assert_as_expected(b"\xef\xbb\xbf" + head + BEFORE + AFTER, tmp_path)
        assert_as_expected(b"\xef\xbb\xbf" + head + BEFORE + b"7\n" + AFTER, tmp_path)


@pytest.mark.parametrize("csv_bytes", [HEAD, HEAD.strip(), b"ID\n", b"ID\n7\n\n8", b'First name\n""\n\nx\n'])
def test_few_rows_and_few_columns_are_rows_and_columns_too(csv_bytes: bytes, tmp_path: Path) -> None:
    assert assert_as_expected(csv_bytes, tmp_path).rejects.count == 0


def test_rows_that_are_not_those_of_the_manifest_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "source.csv.gz"
    source.write_bytes(gzip.compress(HEAD + BEFORE + AFTER))
    for header, row_count in ((("ID", "First name", "Opted-in"), 3), (("ID", "Last name", "Opted-in"), 2)):
        with pytest.raises(StorageError):
            convert(source, builders.manifest(header=header, row_count=row_count), machine(tmp_path))


FIRST_LINE, LINE = b'7,"' + b"x" * 97 + b"\n", b"x" * 99 + b"\n"
"""Of a record that does not end; so long that its lines add up to one character more than the longest record has."""


@pytest.mark.parametrize(
    ("looks", "csv_bytes", "told"),
    [
        (0, HEAD + BEFORE, "0 records read"),
        (1, HEAD + BEFORE, "in DuckDB"),
        (1, HEAD + b"7,x,true\n" * BLOCK_CHARS, "7,282 records read"),
        (1, HEAD + b"7\n" * BLOCK_CHARS, f"{BLOCK_CHARS // 2:,} records read"),
        (
            1,
            HEAD + FIRST_LINE + LINE * (LONGEST_RECORD // 50),
            f"record 1 has {LONGEST_RECORD + 1:,} characters so far",
        ),
    ],
)
def test_a_conversion_that_runs_out_of_time_says_so_where_it_is(
    looks: int, csv_bytes: bytes, told: str, tmp_path: Path
) -> None:
    left_ms = iter([900_000] * looks)
    source = tmp_path / "source.csv.gz"
    source.write_bytes(gzip.compress(csv_bytes, 1))
    manifest = builders.manifest(header=("ID", "First name", "Opted-in"), row_count=1)
    with pytest.raises(OutOfTime, match=told):
        convert(source, manifest, machine(tmp_path, clock=Clock(remaining_ms=lambda: next(left_ms, 0))))


@pytest.mark.slow
@pytest.mark.parametrize("left_seconds", [0.01, pytest.param(0.001, id="before DuckDB can be interrupted")])
def test_duckdb_is_interrupted_when_only_the_reserve_is_left(left_seconds: float, tmp_path: Path) -> None:
    clock = builders.HeldClock(left_seconds=left_seconds).clock()
    rows = 50_000  # more than any machine writes in that hundredth of a second
    source = tmp_path / "source.csv.gz"
    source.write_bytes(gzip.compress(HEAD + BEFORE * rows, 1))
    manifest = builders.manifest(header=("ID", "First name", "Opted-in"), row_count=rows)
    with pytest.raises(OutOfTime, match="in DuckDB"):
        convert(source, manifest, machine(tmp_path, clock=clock))
