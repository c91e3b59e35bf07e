"""What the typed copy promises of every export, whatever its bytes: no user lost, none made up, none another."""

import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.spaaza.users import generated_csv
from spaaza_snapshots.parquet.convert import Converted, Machine, convert
from spaaza_snapshots.proof.gzip_csv import FCOMMENT, FEXTRA, FHCRC, FNAME
from tests.support import builders
from tests.support.gzip_members import ALL_FIELDS, FTEXT, member
from tests.support.typed_reference import expected, parquet_rows

SCAN_CHUNK_BYTES = 8_000_000
"""DuckDB's own reader guesses where a row starts behind each of these."""

HEAD = b"ID,First name,Opted-in\n"


@pytest.fixture(autouse=True)
def _long_cells() -> Iterator[None]:
    """The reference reads the longest cells, too."""
    before = csv.field_size_limit(16_000_000)
    yield
    csv.field_size_limit(before)


def converted(gzip_bytes: bytes, header: tuple[str, ...], row_count: int, folder: Path) -> Converted:
    source = folder / "source.csv.gz"
    source.write_bytes(gzip_bytes)
    manifest = builders.manifest(header=header, row_count=row_count)
    return convert(source, manifest, Machine(512, folder, builders.HeldClock().clock()))


def assert_every_row(csv_bytes: bytes, folder: Path, gzip_bytes: bytes | None = None) -> Converted:
    """Convert a CSV, and compare with the reference, in order."""
    wanted = expected(csv_bytes)
    found = converted(gzip_bytes or gzip.compress(csv_bytes, 1), wanted.header, wanted.row_count, folder)
    assert parquet_rows(found.parquet) == (wanted.names, wanted.rows)
    assert [reject.record for reject in found.rejects.first] == wanted.rejected
    return found


def with_pasted_lines(head: bytes = b"") -> bytes:
    """Return users of the documented columns who have some lines of an export in a cell, beyond one scan chunk."""
    header, *users = csv.reader(io.StringIO(b"".join(generated_csv(2_000)).decode(), newline=""))
    pasted = "\n" + csv_text([["1", "x", *user[2:]] for user in users[1:6]])
    rows = csv_text([[user[0], pasted, *user[2:]] for user in users]).encode()
    return csv_text([header]).encode() + head + rows * (SCAN_CHUNK_BYTES * 5 // 4 // len(rows) + 1)


def csv_text(rows: list[list[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize("head", [b"", b"8,too few\n"], ids=["sound", "with a damaged record"])
def test_csv_lines_pasted_into_a_cell_are_text_wherever_a_reader_would_cut_the_file(
    head: bytes, tmp_path: Path
) -> None:
    csv_bytes = with_pasted_lines(head)
    assert len(csv_bytes) > SCAN_CHUNK_BYTES
    assert assert_every_row(csv_bytes, tmp_path).rejects.count == bool(head)


@pytest.mark.parametrize("flags", [FTEXT, FHCRC, FEXTRA, FNAME, FCOMMENT, FTEXT | ALL_FIELDS])
def test_every_gzip_member_that_the_export_accepts_is_converted(flags: int, tmp_path: Path) -> None:
    csv_bytes = b"".join(generated_csv(300))
    members = member(csv_bytes[:30_000], flags) + member(csv_bytes[30_000:], flags)
    assert gzip.decompress(members) == csv_bytes
    assert_every_row(csv_bytes, tmp_path, members)


def with_line_ends(*ends: bytes) -> bytes:
    """Return generated users whose lines end in turn with these."""
    lines = csv.reader(io.StringIO(b"".join(generated_csv(3_000)).decode(), newline=""))
    out = []
    for number, cells in enumerate(lines):
        line = io.StringIO(newline="")
        csv.writer(line, lineterminator="").writerow(cells)
        out.append(line.getvalue().encode() + ends[number % len(ends)])
    return b"".join(out)


def test_line_ends_make_no_difference_to_the_rows_nor_to_the_way_they_are_read(tmp_path: Path) -> None:
    answers = []
    for ends in ((b"\n",), (b"\r\n",), (b"\n", b"\r\n", b"\r\n")):
        csv_bytes = with_line_ends(*ends)
        found = assert_every_row(csv_bytes, tmp_path)
        answers.append((parquet_rows(found.parquet), found.one_by_one < found.rows // 100))
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][1]


def test_bare_quotes_that_double_in_the_text_cost_their_record_alone(tmp_path: Path) -> None:
    quotes = b"7,x" + b'"' * 1_200_000 + b",true\n"
    csv_bytes = HEAD + b"1,a,true\n" + quotes + b"3,c,true\n"
    found = converted(gzip.compress(csv_bytes, 1), ("ID", "First name", "Opted-in"), 3, tmp_path)
    assert [row[0] for row in parquet_rows(found.parquet)[1]] == [1, 3]
    assert [(reject.record, reject.reason) for reject in found.rejects.first] == [(2, "too long")]


@pytest.mark.parametrize("long_by", range(-3, 4))
@pytest.mark.parametrize("tail", [b'"', b'""', b'"\n', b'x"', b'",true\n8,"y'])
def test_a_quote_where_a_long_line_is_cut_swallows_no_other_record(long_by: int, tail: bytes, tmp_path: Path) -> None:
    longest = 2_000_000
    long_line = b"7,x" + b"y" * (longest - 4 + long_by) + tail + b",true\n"
    rows = b"".join(b"%d,z,true\n" % number for number in range(100, 1_300))
    csv_bytes = HEAD + b"1,a,true\n" + long_line + rows
    row_count = sum(1 for row in csv.reader(io.StringIO(csv_bytes.decode(), newline="")) if row) - 1
    found = converted(gzip.compress(csv_bytes, 1), ("ID", "First name", "Opted-in"), row_count, tmp_path)
    ids = {row[0] for row in parquet_rows(found.parquet)[1]}
    assert found.rows + found.rejects.count == row_count
    assert ids >= {1, *(range(100, 1_300) if b"8," not in tail else ())}


@pytest.mark.parametrize(
    "csv_bytes",
    [
        b"\n" + HEAD + b"1,Anna,true\n",
        b"\r\n\r\n" + HEAD.replace(b"\n", b"\r\n") + b"1,Anna,true\r\n",
        b"First name\n\nAnna\n\n",
        b"First name\n\n\n\nAnna\nBram\nCarl\n",
        HEAD + b"\n1,Anna,true\n\n\n2,Bram,false\n\n",
    ],
)
def test_blank_lines_are_no_users_wherever_they_stand(csv_bytes: bytes, tmp_path: Path) -> None:
    rows = [row for row in csv.reader(io.StringIO(csv_bytes.decode(), newline="")) if row]
    found = converted(gzip.compress(csv_bytes), tuple(rows[0]), len(rows) - 1, tmp_path)
    names, typed = parquet_rows(found.parquet)
    assert [row[names.index("first_name")] for row in typed] == [row[rows[0].index("First name")] for row in rows[1:]]


def test_a_header_cell_longer_than_pythons_own_limit_is_a_name_like_another(tmp_path: Path) -> None:
    long_name = "x" * 140_000
    csv.field_size_limit(131_072)  # as a new process has it
    found = converted(gzip.compress(b"ID," + long_name.encode() + b"\n1,Anna\n"), ("ID", long_name), 1, tmp_path)
    assert [row[:2] for row in parquet_rows(found.parquet)[1]] == [(1, "Anna")]
