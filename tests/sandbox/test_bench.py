"""The parts of `make bench` on a tiny export: what they make, measure and say, never how fast anything is."""

import csv
import gzip
from pathlib import Path

import pytest

from sandbox.spaaza.users import HEADER
from tools.bench import content as content_module
from tools.bench.__main__ import MEASURE
from tools.bench.clients.ours import kept_manifest
from tools.bench.content import Content, content
from tools.bench.options import PARTS, QUICK, Options, options
from tools.bench.part_inspector import inspector
from tools.bench.part_run import limits, ours
from tools.bench.part_sizing import sizing
from tools.bench.places import serving
from tools.bench.report import MET, MISSED, PAGE, Goal, Results, Section, Table, page_with
from tools.bench.rounds import Way, in_turn, measure, module

TINY_MB = 0.5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(autouse=True)
def in_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_module, "FOLDER", folder)


@pytest.fixture
def export() -> Content:
    return content(TINY_MB)


def rows_of(export: Content) -> list[list[str]]:
    with export.csv.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_users_have_every_documented_column_and_do_not_repeat(export: Content) -> None:
    header, *users = rows_of(export)
    assert tuple(header) == HEADER
    assert len(users) == export.rows
    assert len({user[HEADER.index("email (username)")] for user in users}) == export.rows
    assert len({tuple(user[1:]) for user in users}) == export.rows


def test_some_users_have_line_ends_in_a_field_so_that_counting_them_is_wrong(export: Content) -> None:
    assert export.csv.read_bytes().count(b"\n") - 1 > export.rows


def test_the_same_size_is_the_same_file_and_its_gzip_holds_it(
    export: Content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_module, "FOLDER", tmp_path)
    again = content(TINY_MB)
    assert again.csv != export.csv
    assert again.csv.read_bytes() == export.csv.read_bytes() == gzip.decompress(export.gzip.read_bytes())


def test_the_other_kinds_differ_by_their_line_ends_and_by_one_byte(export: Content) -> None:
    plain = export.csv.read_bytes()
    assert content(TINY_MB, "crlf").csv.read_bytes() == plain.replace(b"\n", b"\r\n")
    damaged = content(TINY_MB, "bad-byte").csv.read_bytes()
    assert sum(one != other for one, other in zip(plain, damaged, strict=True)) == 1
    with pytest.raises(UnicodeDecodeError):
        damaged.decode()


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_our_run_and_both_limits_go_from_the_source_to_the_s3_that_forgets(export: Content, *, tls: bool) -> None:
    with serving(export.gzip, tls=tls) as places:
        measured = in_turn([ours(places), *limits(export, places)], rounds=1)
    (run,), *others = measured.values()
    assert run.found == export.rows
    assert min(each.cpu_seconds for figures in [[run], *others] for each in figures) > 0


def test_a_typed_copy_leaves_out_the_row_with_the_bad_byte(tmp_path: Path) -> None:
    damaged, kept = content(TINY_MB, "bad-byte"), tmp_path / "manifest.json"
    with serving(damaged.gzip) as places:
        run = ours(places)
        measure(Way(run.name, [*run.command, str(kept)], run.environment))
        typed = measure(Way("typed", module("typed_ours", str(damaged.gzip), str(kept)), places.environment))
    assert kept_manifest(kept).row_count == damaged.rows
    assert typed.found[0] == damaged.rows - 1


def test_a_pipe_that_measures_nothing_itself_is_charged_for_all_its_processes(export: Content) -> None:
    piped = measure(Way("zcat", ["bash", "-c", f"zcat {export.gzip} | wc -l"], {"PATH": "/usr/bin:/bin"}, whole=True))
    assert piped.found > export.rows
    assert piped.cpu_seconds > 0


def test_a_client_that_fails_ends_the_benchmark_with_what_it_said() -> None:
    with pytest.raises(RuntimeError, match="sorry"):
        measure(Way("failing", ["sh", "-c", "echo sorry >&2; exit 3"], {"PATH": "/usr/bin:/bin"}))


def test_the_inspector_is_measured_at_each_density_and_counts_right_there() -> None:
    section = inspector(Options(rounds=1, inspected_users=200), Results())
    assert [row[-1] for row in section.tables[0].rows] == ["right"] * 5
    assert [goal.verdict in (MET, MISSED) for goal in section.goals] == [True] * 3


def test_a_goal_is_judged_by_its_median_and_the_verdict_is_in_the_last_column() -> None:
    assert Goal("ratio", 1.5, [1.4, 1.5, 9.0]).verdict == MET
    assert Goal("ratio", 1.5, [1.4, 1.6, 9.0]).verdict == MISSED
    says = Section("run", "One round.", [Table(("client", "CPU s"), [("ours", "2")])], [Goal("r", 2, [3.0])]).markdown()
    assert "| ours | 2 |" in says
    assert says.endswith("| r | 3.00 | 3.00-3.00 | ≤ 2 | missed |")


def test_the_page_has_a_place_for_every_part_and_for_the_machine() -> None:
    sections = dict.fromkeys([*MEASURE, "machine"], "measured now")
    assert tuple(MEASURE) == PARTS
    assert page_with(PAGE.read_text(encoding="utf-8"), sections).count("measured now") == len(sections)


def test_memory_sizes_are_computed_from_what_was_measured() -> None:
    figures = {
        "gzip_mb": 100.0,
        "users": 1_000_000.0,
        "run_cpu_seconds": 2.0,
        "typed_cpu_seconds_per_user": 10e-6,
        "disk_bytes_per_user": 1_000.0,
    }
    export, source, typed, limit = sizing(Options(), Results(figures)).tables
    assert [row[0] for row in export.rows][-1] == "export, 1,769 MB"
    assert export.rows[-1][1:3] == ("50", "2 s, 3 GB-s, 0.0000 USD")
    assert source.rows[-1][1:] == ("9 M", "43 M", "171 M")  # 855 seconds of 1, 5 and 20 MB/s, 100 bytes a user
    assert typed.rows[1][-1].endswith("too long")
    assert limit.rows[1][1:] == ("86 M", "11 M")


def test_memory_sizes_are_not_guessed_where_nothing_was_measured() -> None:
    assert sizing(Options(), Results()).markdown().startswith("Not computed")


def test_only_a_run_of_all_parts_at_full_length_writes_the_page() -> None:
    assert options([]).whole
    assert not options(["--quick"]).whole
    assert options(["--sizes", "10,100,1000,10000"]).whole
    for less in (["--parts", "run,typed"], ["--size", "1"], ["--rounds", "1"], ["--sizes", "10,10000"]):
        assert not options(less).whole
    assert options(["--quick"]).parts == QUICK.parts


def test_the_words_behind_make_are_kept_for_the_page() -> None:
    asked = options(["--size", "50", "--sizes", "10,100"])
    assert (asked.size_mb, asked.sizes_mb) == (50, (10, 100))
    assert asked.command == "make bench SIZE=50 SIZES=10,100"
    assert options(["--quick"]).command == "make bench QUICK=1"


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options(["--parts", "speed"])
    assert "unknown parts speed" in capsys.readouterr().err
