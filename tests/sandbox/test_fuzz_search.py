"""`make fuzz` tells a search that found nothing from one that failed, and loses no input that is kept."""

import sys
from pathlib import Path

import pytest

from sandbox.fuzz.__main__ import summary, told
from sandbox.fuzz.keep import KEPT_INPUTS, merge_fault, replace
from sandbox.fuzz.search import Run, Search, read, run


def ended(script: str) -> Search:
    """Run what stands for a fuzzer: a process that prints, and ends in its own way."""
    says = "import os, signal, sys\ndef say(text): print(text, file=sys.stderr, flush=True)\n"
    return read(run([sys.executable, "-c", says + script]))


def test_a_search_that_ran_to_its_end_is_clean() -> None:
    search = ended("say('#7 DONE cov: 5 ft: 6 corp: 1/1b')\nsay('stat::number_of_executed_units: 9')")
    assert search == Search(9, 5, 6, 1, (), None)
    assert search.is_clean


def test_a_search_ends_with_its_own_code_even_if_that_comes_after_its_last_line() -> None:
    """Terminated in between, it would seem to have been killed."""
    assert ended("say('#7 DONE')\nos.close(2)\nimport time; time.sleep(0.3)").is_clean


def test_a_fuzzer_that_is_killed_is_not_a_clean_search() -> None:
    search = ended("say('#7 NEW cov: 5 ft: 6 corp: 1/1b')\nos.kill(os.getpid(), signal.SIGKILL)")
    assert search.executions == 7
    assert "was killed by SIGKILL and wrote no input" in str(search.fault)
    assert not search.is_clean


def test_a_fuzzer_that_ends_early_is_not_a_clean_search() -> None:
    search = ended("say('#7 NEW')\nsay('MemoryError')\nsys.exit(1)")
    assert "ended with code 1 and wrote no input" in str(search.fault)
    assert "MemoryError" in str(search.fault)


def test_a_slow_input_does_not_explain_the_end_of_the_fuzzer() -> None:
    """libFuzzer goes on after one."""
    slow = "say('#7 NEW')\nsay('Test unit written to /f/slow-unit-1')\n"
    assert ended(slow).fault is None
    assert "SIGKILL" in str(ended(slow + "os.kill(os.getpid(), signal.SIGKILL)").fault)


def test_an_input_that_breaks_a_promise_explains_the_end_of_the_fuzzer() -> None:
    search = ended("say('#7 NEW')\nsay('Test unit written to /f/crash-1')\nsys.exit(77)")
    assert (search.findings, search.fault) == (("/f/crash-1",), None)
    assert not search.is_clean


def test_a_search_that_cannot_begin_says_why_and_offers_no_input_to_repeat() -> None:
    """The environment of the tests has no fuzzer."""
    search = read(run([sys.executable, "-m", "sandbox.fuzz.hunt", "event"]))
    (line,) = told("event", search)
    assert line.startswith("FAILED SEARCH event: the fuzzer ended with code 1")
    assert "No module named 'atheris'" in line
    assert "sandbox.fuzz.corpus" not in line
    assert summary({"event": search}) == "0 executions of 1 targets, 0 findings, 1 failed searches"


def test_a_search_that_ran_no_input_is_not_a_clean_one() -> None:
    assert "ran no input" in str(read(Run(0, "nothing")).fault)


def test_a_finding_is_shown_with_the_command_that_repeats_it() -> None:
    (line,) = told("rows", Search(9, 5, 6, 1, ("/f/crash-1",), None))
    assert line.startswith("FINDING rows: ")
    assert line.endswith("-m sandbox.fuzz.corpus rows /f/crash-1")


@pytest.mark.parametrize(
    ("code", "printed", "fault"),
    [
        (0, "MERGE-OUTER: successful in 1 attempt(s)", None),
        (0, "Test unit written to /f/slow-unit-1\nMERGE-OUTER: successful in 1 attempt(s)", None),
        (1, "MERGE-OUTER: 3 new files with 4 new features added", "the fuzzer ended with code 1"),
        (0, "MERGE-INNER: '/f/a1' caused a failure at the previous merge step", "the fuzzer died on /f/a1"),
    ],
)
def test_a_merge_is_judged_by_its_code_and_by_the_inputs_that_it_left_out(
    code: int, printed: str, fault: str | None
) -> None:
    assert str(merge_fault(Run(code, printed))).startswith(str(fault))


def folder(path: Path, sizes: dict[str, int]) -> Path:
    path.mkdir()
    for name, size in sizes.items():
        (path / name).write_bytes(b"x" * size)
    return path


def test_the_merged_inputs_replace_the_kept_ones_but_not_what_was_found(tmp_path: Path) -> None:
    kept = folder(tmp_path / "kept", {"found-loop": 9, "a" * 12: 1})
    assert replace(kept, folder(tmp_path / "merged", {"b" * 40: 2})) == "1 inputs kept"
    assert {path.name for path in kept.iterdir()} == {"found-loop", "b" * 12}


def test_the_longest_inputs_above_the_limit_are_left_out_and_counted(tmp_path: Path) -> None:
    merged = folder(tmp_path / "merged", {f"{size:040}"[::-1]: size for size in range(1, KEPT_INPUTS + 3)})
    kept = folder(tmp_path / "kept", {})
    assert ", and 2 longer ones left out" in replace(kept, merged)
    assert max(path.stat().st_size for path in kept.iterdir()) == KEPT_INPUTS


def test_a_merge_that_left_nothing_replaces_nothing(tmp_path: Path) -> None:
    kept = folder(tmp_path / "kept", {"a" * 12: 1})
    with pytest.raises(SystemExit, match="as it was"):
        replace(kept, folder(tmp_path / "merged", {}))
    assert [path.name for path in kept.iterdir()] == ["a" * 12]
