"""Each check, shown false on real bytes, and the error that it means."""

import gzip
from datetime import date

import pytest

from sandbox.spaaza.users import HEADER
from spaaza_snapshots.errors import ExportInterrupted, NotAnExport, SnapshotError
from spaaza_snapshots.model.manifest import Check, header_changes
from spaaza_snapshots.proof.checks import Proof, advice, guard, prove
from spaaza_snapshots.proof.gzip_csv import GzipCsvInspector, Inspection
from tests.support.builders import documented_csv, manifest

WHOLE = documented_csv('1,"Jane, Doe"', "2,John", line_end="\r\n")
HALF_OF_THE_HEADER = HEADER[: len(HEADER) // 2]
CELLS = ("Jane", "Doe", "John")
END = "the last chunk came"
DAY = date(2026, 11, 22)


def inspected(gzip_bytes: bytes) -> Inspection:
    inspector = GzipCsvInspector()
    inspector.feed(gzip_bytes)
    return inspector.finish()


def proof_of(gzip_bytes: bytes, *, declared_end: str | None = END, lost_bytes: int = 0) -> Proof:
    inspection = inspected(gzip_bytes)
    return prove(inspection, inspection.gzip_bytes + lost_bytes, declared_end)


def failed(checks: tuple[Check, ...]) -> set[str]:
    return {check.name for check in checks if not check.passed}


@pytest.mark.parametrize(
    "csv_bytes",
    [
        WHOLE,
        WHOLE[:-2],
        documented_csv(),
        documented_csv()[:-1],
        documented_csv("1,Jane", header=HALF_OF_THE_HEADER),
        documented_csv("1,Jane", header=(*HEADER[::-1], "Shoe Size")),
        b"\xef\xbb\xbf" + WHOLE,
        documented_csv('1,"a\n\nb"') + b"\n",
    ],
    ids=repr,
)
def test_a_whole_export_passes_every_check_of_the_proof(csv_bytes: bytes) -> None:
    proof = proof_of(gzip.compress(csv_bytes, mtime=0))
    assert failed(proof.checks) == set()
    proof.refuse_if_broken()


BROKEN: list[tuple[str, bytes, type[SnapshotError]]] = [
    ("gzip_ends_at_trailer", gzip.compress(WHOLE, mtime=0)[:-1], ExportInterrupted),
    ("gzip_ends_at_trailer", gzip.compress(WHOLE, mtime=0)[:-8], ExportInterrupted),
    ("gzip_ends_at_trailer", gzip.compress(WHOLE, mtime=0) + gzip.compress(WHOLE, mtime=0)[:12], ExportInterrupted),
    ("gzip_ends_at_trailer", gzip.compress(WHOLE, mtime=0) + b"\x1f", ExportInterrupted),
    ("header_present", gzip.compress(b"", mtime=0), NotAnExport),
    ("header_present", gzip.compress(b"\r\n\r\n", mtime=0), NotAnExport),
    ("header_present", gzip.compress(b"\xef\xbb\xbf", mtime=0), NotAnExport),
    ("header_known", gzip.compress(b"ID,Jane\n1,John\n", mtime=0), NotAnExport),
    ("header_known", gzip.compress(documented_csv("1,John", header=HALF_OF_THE_HEADER[1:]), mtime=0), NotAnExport),
    ("header_known", gzip.compress(documented_csv("1,John", header=("ID",) * 68), mtime=0), NotAnExport),
    ("csv_ends_outside_quotes", gzip.compress(WHOLE + b'3,"', mtime=0), ExportInterrupted),
    ("csv_ends_outside_quotes", gzip.compress(documented_csv() + b'1,"Jane\n', mtime=0), ExportInterrupted),
    ("first_row_as_wide_as_header", gzip.compress(documented_csv("1"), mtime=0), ExportInterrupted),
    ("first_row_as_wide_as_header", gzip.compress(documented_csv("1,Jane,Doe", "2,John"), mtime=0), ExportInterrupted),
    ("last_row_as_wide_as_header", gzip.compress(WHOLE + b"3\n", mtime=0), ExportInterrupted),
    ("last_row_as_wide_as_header", gzip.compress(WHOLE + b"3", mtime=0), ExportInterrupted),
    ("last_row_as_wide_as_header", gzip.compress(documented_csv("2,John", "3,John,"), mtime=0), ExportInterrupted),
]


@pytest.mark.parametrize(("name", "gzip_bytes", "error"), BROKEN)
def test_a_broken_export_fails_the_check_that_is_about_it_and_is_refused(
    name: str, gzip_bytes: bytes, error: type[SnapshotError]
) -> None:
    proof = proof_of(gzip_bytes)
    assert name in failed(proof.checks)
    with pytest.raises(error) as caught:
        proof.refuse_if_broken()
    assert type(caught.value) is error


@pytest.mark.parametrize("gzip_bytes", [gzip.compress(WHOLE, mtime=0), *(gzip_bytes for _, gzip_bytes, _ in BROKEN)])
def test_neither_a_check_nor_its_error_shows_a_cell(gzip_bytes: bytes) -> None:
    proof = proof_of(gzip_bytes)
    texts = [check.notes for check in proof.checks]
    try:
        proof.refuse_if_broken()
    except SnapshotError as error:
        texts.append(str(error))
    assert [cell for cell in CELLS for text in texts if cell in text] == []


def test_bytes_that_came_and_were_not_inspected_break_the_proof() -> None:
    proof = proof_of(gzip.compress(WHOLE, mtime=0), lost_bytes=1)
    assert failed(proof.checks) == {"all_bytes_inspected"}
    with pytest.raises(ExportInterrupted):
        proof.refuse_if_broken()


def test_an_end_that_http_did_not_declare_is_noted_and_no_reason_to_refuse_a_whole_gzip() -> None:
    proof = proof_of(gzip.compress(WHOLE, mtime=0), declared_end=None)
    assert failed(proof.checks) == {"http_end_declared"}
    proof.refuse_if_broken()


def test_every_check_tells_its_figures() -> None:
    notes = {check.name: check.notes for check in proof_of(gzip.compress(WHOLE, mtime=0)).checks}
    assert str(len(gzip.compress(WHOLE, mtime=0))) in notes["all_bytes_inspected"]
    assert str(len(WHOLE)) in notes["gzip_ends_at_trailer"]
    assert "2" in notes["csv_ends_outside_quotes"]
    assert notes["http_end_declared"] == END


@pytest.mark.parametrize(
    ("row_count", "before", "max_drop_percent", "expected"),
    [
        (950, 1000, 5, True),
        (949, 1000, 5, False),
        (999, 1000, 0.1, True),
        (998, 1000, 0.1, False),
        (2, 3, 33.4, True),
        (2, 3, 33.3, False),
        (1000, 1000, 0, True),
        (999, 1000, 0, False),
        (2000, 1000, 0, True),
        (1, 1000, 100, True),
        (0, 1000, 100, False),
        (0, 1, 100, False),
        (0, 0, 0, True),
        (5, 0, 0, True),
    ],
)
def test_the_guard_fails_below_the_allowed_drop_and_at_zero_from_more(
    row_count: int, before: int, max_drop_percent: float, expected: bool
) -> None:
    check = guard(row_count, manifest(row_count=before), "rows_kept", max_drop_percent)
    assert (check.name, check.required, check.passed) == ("rows_kept", True, expected)


def test_the_guard_tells_both_counts_and_the_date_of_the_other() -> None:
    check = guard(123, manifest(row_count=4567, snapshot_date="2026-11-20"), "rows_kept", 5)
    assert [figure for figure in ("123", "4567", "2026-11-20") if figure not in check.notes] == []


@pytest.mark.parametrize("row_count", [0, 1000])
def test_the_first_snapshot_of_a_chain_may_be_of_any_size(row_count: int) -> None:
    assert guard(row_count, None, "rows_kept", 0).passed


def advice_of(header: tuple[str, ...] = ("ID", "Name"), taken_on: date = DAY) -> tuple[Check, ...]:
    before = manifest(header=("ID", "Name"), snapshot_date="2026-11-21")
    return advice(header, DAY, taken_on, header_changes(header, before))


def test_a_snapshot_like_the_one_before_needs_no_advice() -> None:
    assert failed(advice_of()) == set()
    assert failed(advice(("ID", "Name"), DAY, DAY, None)) == set()


def test_advice_stops_no_run() -> None:
    checks = advice_of(("ID", "ID", ""), date(2026, 11, 23))
    assert [check.name for check in checks if check.required] == []


def test_a_snapshot_taken_on_another_day_says_so() -> None:
    checks = advice_of(taken_on=date(2026, 11, 23))
    assert failed(checks) == {"taken_on_snapshot_date"}
    notes = {check.name: check.notes for check in checks}["taken_on_snapshot_date"]
    assert "2026-11-22" in notes
    assert "2026-11-23" in notes


@pytest.mark.parametrize("header", [("ID", "Name", "ID"), ("ID", "Name", ""), ("ID", "Name", " ")])
def test_a_repeated_or_empty_column_name_gets_advice(header: tuple[str, ...]) -> None:
    assert "column_names_unique" in failed(advice_of(header))


@pytest.mark.parametrize("header", [("ID", "Name", "Town"), ("ID",), ("Name", "ID")])
def test_a_header_that_changed_gets_advice(header: tuple[str, ...]) -> None:
    assert failed(advice_of(header)) == {"header_unchanged"}
