"""What a conversion refuses and in which words, and what it asks of DuckDB."""

import gzip
from itertools import count
from pathlib import Path

import duckdb
import pytest

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.errors import OutOfTime, StorageError
from spaaza_snapshots.model.quality import CastErrors
from spaaza_snapshots.parquet.convert import Converted, Machine, convert
from tests.support import builders
from tests.support.converted import HEAD, machine
from tests.support.typed_reference import parquet_rows

HEADER = ("ID", "First name", "Opted-in")
DEFECT = "This is a bug in the conversion; the raw object and its manifest are sound."
TOO_SMALL = "Raise the memory of the Parquet function, or the size of its /tmp, and send the event again."
MISMATCH = "The typed copy does not match the export"
USERS = HEAD + b"1,Anna,true\n2,Bram,\n"


def convert_as(csv_bytes: bytes, folder: Path, used: Machine, row_count: int = 2) -> Converted:
    source = folder / "source.csv.gz"
    source.write_bytes(gzip.compress(csv_bytes))
    return convert(source, builders.manifest(header=HEADER, row_count=row_count), used)


def refusal(
    csv_bytes: bytes, folder: Path, row_count: int = 2, *, memory_mb: int = 512, clock: Clock | None = None
) -> tuple[str, str, str]:
    with pytest.raises(StorageError) as caught:
        convert_as(csv_bytes, folder, machine(folder, memory_mb=memory_mb, clock=clock), row_count)
    what, detail, hint = caught.value.args
    return what, detail, hint


def changing(folder: Path, was: bytes, now: bytes) -> Clock:
    """Return a clock that, asked once the text of rows is written, changes it behind the conversion's back."""
    text, looks = folder / "users.text", count()

    def remaining_ms() -> int:
        if next(looks):  # at the first, its rows are still to be written
            text.write_bytes(text.read_bytes().replace(was, now))
        return 900_000

    return Clock(remaining_ms=remaining_ms)


def test_another_header_or_another_number_of_rows_is_refused_as_a_bug_with_the_figures(tmp_path: Path) -> None:
    other = USERS.replace(b"First name,Opted-in", b"Opted-in,First name")
    assert refusal(other, tmp_path) == ("The raw object's header differs from its manifest", "3 columns", DEFECT)
    damaged = USERS + b"3,few\n"
    told = "rows and rejects of the snapshot: 3, not 4"
    assert refusal(damaged, tmp_path, row_count=4) == (MISMATCH, told, DEFECT)


def test_a_text_of_rows_that_the_disk_changed_is_refused_as_a_bug_with_the_figures(tmp_path: Path) -> None:
    for was, now, told in (
        (b"Anna", b"Ann", "rows read as they were written: 1, not 2"),
        (b"9\x1f1\x1fAnna\x1ftrue", b"5\x1f1\x1fAnna\x1f", "NULLs of opted_in: 2, not 1"),
        (b"5\x1f2\x1fBram\x1f", b"9\x1f2\x1fBram\x1ftrue", "NULLs of opted_in: 0, not 1"),
        (b"9\x1f1\x1fAnna\x1ftrue", b"8\x1f\x1fAnna\x1ftrue", "NULLs of id: 1, not 0"),
        (b"5\x1f2\x1fBram\x1f", b"6\x1f2\x1fBram\x1fx", "NULLs of opted_in: 1, not 2"),
    ):
        assert refusal(USERS, tmp_path, clock=changing(tmp_path, was, now)) == (MISMATCH, told, DEFECT)


def test_too_little_memory_is_told_with_what_to_raise(tmp_path: Path) -> None:
    told = "OutOfMemoryException, with 8 MB of memory"
    assert refusal(USERS, tmp_path, memory_mb=8) == ("DuckDB could not write the Parquet file", told, TOO_SMALL)


def test_any_other_failure_of_duckdb_is_a_bug(tmp_path: Path) -> None:
    told = "InvalidInputException, with 512 MB of memory"
    clock = changing(tmp_path, b"Anna", b"\xff")
    assert refusal(USERS, tmp_path, clock=clock) == ("DuckDB could not write the Parquet file", told, DEFECT)


def test_a_file_that_cannot_be_written_is_told_with_what_to_raise(tmp_path: Path) -> None:
    (tmp_path / "users.parquet").mkdir()
    told = "IOException, with 512 MB of memory"
    assert refusal(USERS, tmp_path) == ("DuckDB could not write the Parquet file", told, TOO_SMALL)


def test_the_end_of_the_time_in_duckdb_is_told_as_such(tmp_path: Path) -> None:
    left_ms = iter([900_000])
    clock = Clock(remaining_ms=lambda: next(left_ms, 0))
    with pytest.raises(OutOfTime) as caught:
        convert_as(USERS, tmp_path, machine(tmp_path, clock=clock))
    assert caught.value.args[:2] == (
        "Too little time was left while converting",
        "in DuckDB; 0 s of the function's time left",
    )


def test_the_findings_count_rows_rejects_and_errors_by_column(tmp_path: Path) -> None:
    csv_bytes = HEAD + b"1,Anna,true\nx,Bram,maybe\ny,,\n4,few\n,Carl,false\n"
    found = convert_as(csv_bytes, tmp_path, machine(tmp_path), row_count=5)
    assert (found.parquet, found.rows, found.one_by_one) == (tmp_path / "users.parquet", 4, 5)
    assert found.rejects.reasons == {"wrong number of fields": 1}
    assert found.cast_errors == (CastErrors("id", 2), CastErrors("opted_in", 1))


def test_rows_keep_the_order_of_the_export_and_the_file_names_its_run(tmp_path: Path) -> None:
    manifest = builders.manifest(header=HEADER, row_count=3)
    found = convert_as(HEAD + b"3,c,\n1,a,\n2,b,\n", tmp_path, machine(tmp_path), row_count=3)
    assert [row[0] for row in parquet_rows(found.parquet)[1]] == [3, 1, 2]
    with duckdb.connect() as database:
        kept = database.execute("SELECT key, value FROM parquet_kv_metadata(?)", [str(found.parquet)]).fetchall()
    assert (b"run_id", manifest.run_id.encode()) in kept


@pytest.mark.parametrize(("memory_mb", "threads", "limit"), [(512, 1, 204), (3_537, 1, 1_414), (3_538, 2, 1_415)])
def test_duckdb_gets_a_share_of_the_memory_a_thread_for_each_cpu_and_no_network(
    memory_mb: int, threads: int, limit: int, tmp_path: Path
) -> None:
    assert machine(tmp_path, memory_mb=memory_mb).duckdb_config() == {
        "threads": threads,
        "memory_limit": f"{limit}MB",
        "temp_directory": str(tmp_path / "spilled"),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }


def test_a_thousand_columns_are_no_more_than_duckdb_can_add_up(tmp_path: Path) -> None:
    header = ("ID", *(f"Extra {number}" for number in range(1_100)))
    source = tmp_path / "source.csv.gz"
    source.write_bytes(gzip.compress(b"%s\n%s\n" % (",".join(header).encode(), b"7" + b",x" * 1_100)))
    assert convert(source, builders.manifest(header=header, row_count=1), machine(tmp_path, memory_mb=3_000)).rows == 1
