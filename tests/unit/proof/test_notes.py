"""What a check says of its figures, word for word: a person decides by these, in the manifest and in an e-mail."""

import gzip
from datetime import date

import pytest

from spaaza_snapshots.errors import ASK_SPAAZA, ExportInterrupted, NotAnExport
from spaaza_snapshots.model.manifest import Check, HeaderChanges, header_changes
from spaaza_snapshots.proof.checks import advice, guard, previous_readable, prove
from spaaza_snapshots.proof.gzip_csv import GzipCsvInspector, Inspection
from tests.support.builders import documented_csv, manifest

DAY = date(2026, 11, 22)
DAMAGED = [date(2026, 11, day) for day in (21, 20, 19, 18)]
TRY_AGAIN = "It is retried from the start; nothing of it was kept."


def inspected(csv_bytes: bytes) -> Inspection:
    inspector = GzipCsvInspector()
    inspector.feed(gzip.compress(csv_bytes, mtime=0))
    return inspector.finish()


def notes_of(checks: tuple[Check, ...]) -> dict[str, str]:
    return {check.name: check.notes for check in checks}


def test_the_guard_tells_the_change_and_what_was_allowed() -> None:
    fell = guard(950, manifest(row_count=1000, snapshot_date="2026-11-20"), "rows_kept", 7.5)
    rose = guard(1100, manifest(row_count=1000, snapshot_date="2026-11-20"), "rows_kept", 7.5)
    assert fell.notes == "950 rows, 1000 on 2026-11-20: -5.00 %, -7.5 % allowed"
    assert rose.notes == "1100 rows, 1000 on 2026-11-20: +10.00 %, -7.5 % allowed"


def test_the_guard_of_a_first_snapshot_says_that_there_is_nothing_to_compare_with() -> None:
    assert guard(7, None, "rows_kept", 5) == Check(
        "rows_kept", required=True, passed=True, notes="7 rows, nothing to compare with"
    )


@pytest.mark.parametrize(("previous", "required"), [(None, True), (manifest(), False)])
def test_damaged_manifests_stop_a_run_only_if_nothing_else_is_there_to_compare_with(
    previous: object, required: bool
) -> None:
    there = None if previous is None else manifest()
    notes = "4 damaged, such as those of 2026-11-21, 2026-11-20, 2026-11-19"
    name = "previous_manifest_readable"
    assert previous_readable(DAMAGED, there) == Check(name, required=required, passed=False, notes=notes)
    assert previous_readable([], there) == Check(name, required=required, passed=True, notes="none is damaged")


@pytest.mark.parametrize(
    ("csv_bytes", "notes"),
    [(documented_csv(), "no rows"), (documented_csv("1,Jane"), "68 fields, 68 in the header")],
)
def test_a_row_is_told_by_its_width_and_a_missing_one_as_missing(csv_bytes: bytes, notes: str) -> None:
    told = notes_of(prove(inspected(csv_bytes), 1, None).checks)
    assert told["first_row_as_wide_as_header"] == told["last_row_as_wide_as_header"] == notes
    assert told["http_end_declared"] == "ended with the connection"


def test_a_header_of_one_column_is_a_header() -> None:
    checks = prove(inspected(b"ID\n"), 1, None).checks
    assert {check.name: check.passed for check in checks}["header_present"]
    assert notes_of(checks)["header_present"] == "1 columns"


def changed(header: tuple[str, ...]) -> HeaderChanges | None:
    return header_changes(header, manifest(header=("ID", "Name"), snapshot_date="2026-11-21"))


@pytest.mark.parametrize(
    ("header", "notes"),
    [
        (("ID", "Name", "Town"), "1 added, 0 removed since 2026-11-21"),
        (("Name", "ID"), "0 added, 0 removed, reordered since 2026-11-21"),
        (("ID",), "0 added, 1 removed since 2026-11-21"),
    ],
)
def test_a_changed_header_is_counted_and_dated(header: tuple[str, ...], notes: str) -> None:
    assert notes_of(advice(header, DAY, DAY, changed(header)))["header_unchanged"] == notes


def test_a_header_without_one_before_says_so_and_names_are_counted() -> None:
    told = notes_of(advice(("ID", "ID", "", " "), DAY, DAY, None))
    assert told["header_unchanged"] == "no snapshot before"
    assert told["column_names_unique"] == "1 names repeated, 2 empty"


def test_a_refusal_names_its_check_the_figures_and_what_to_do() -> None:
    cut, no_header = documented_csv("1"), b"ID,Jane\n1,John\n"
    with pytest.raises(ExportInterrupted) as incomplete:
        prove(inspected(cut), len(gzip.compress(cut, mtime=0)), None).refuse_if_broken()
    with pytest.raises(NotAnExport) as unknown:
        prove(inspected(no_header), len(gzip.compress(no_header, mtime=0)), None).refuse_if_broken()
    assert str(incomplete.value) == str(
        ExportInterrupted(
            "The export is incomplete", "first_row_as_wide_as_header: 67 fields, 68 in the header", TRY_AGAIN
        )
    )
    assert str(unknown.value) == str(
        NotAnExport("The export has no header", "header_known: 1 of the 68 documented names are there", ASK_SPAAZA)
    )


def test_what_is_no_gzip_and_what_follows_it_are_told_apart() -> None:
    with pytest.raises(NotAnExport) as other:
        GzipCsvInspector().feed(b"ID,Name\n")
    inspector = GzipCsvInspector()
    whole = gzip.compress(documented_csv("1,Jane"), mtime=0)
    with pytest.raises(ExportInterrupted) as behind:
        inspector.feed(whole + b"<html>")
        inspector.finish()
    assert str(other.value) == str(NotAnExport("The answer is not gzip", "it does not start with 1f 8b", ASK_SPAAZA))
    assert behind.value.what == "Other bytes follow the gzip stream"
    assert behind.value.detail == f"from byte {len(whole):,} on"
