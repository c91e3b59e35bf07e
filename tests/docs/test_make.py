"""The targets of the Makefile: what they hand to the commands, and how `make help` lists them."""

import re
import subprocess
from subprocess import CompletedProcess

import pytest

from tools.documents import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def make(*words: str, **of_shell: str) -> "CompletedProcess[str]":
    environment = {"PATH": "/usr/bin:/bin", **of_shell}
    return subprocess.run(
        ["make", "--no-print-directory", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_a_switch_is_on_only_if_it_was_written_behind_make() -> None:
    assert "--yes" in make("--dry-run", "erase", "CHAIN=1743", "YES=1").stdout
    assert "--yes" not in make("--dry-run", "erase", "CHAIN=1743", YES="1").stdout
    assert "--yes" not in make("--dry-run", "erase", "CHAIN=1743", "YES=").stdout


def test_what_a_shell_has_set_chooses_no_stack_no_chain_and_no_day() -> None:
    of_shell = {"ENV": "/etc/shrc", "STACK": "members", "REGION": "eu-west-1", "CHAIN": "1743", "DATE": "2026-11-20"}
    for target in ("destroy", "snapshot", "erase", "rebuild"):
        done = make("--dry-run", target, **of_shell)
        assert done.returncode == 0
        assert not any(value in done.stdout for value in of_shell.values())


@pytest.mark.parametrize("words", [("erase", "CHAIN=1743", "YES=0"), ("snapshot", "FORCE=no"), ("verify", "ALL=false")])
def test_a_switch_that_is_set_to_something_else_runs_nothing(words: tuple[str, ...]) -> None:
    done = make("--dry-run", *words)
    assert done.returncode == 2
    assert "spaaza-snapshots" not in done.stdout  # a stale .venv is made again all the same
    assert re.search(r"(\w+)=\w+: write \1=1, or leave it out", done.stderr)


def test_help_lists_every_target_once_under_whom_it_is_for() -> None:
    printed = make("help").stdout
    targets = re.findall(r"^([a-z]+):.*## ", MAKEFILE, re.MULTILINE)
    assert re.findall(r"^  make ([a-z]+) ", printed, re.MULTILINE) == targets
    assert [line.partition(":")[0] for line in re.findall(r"^[A-Z][a-z ]+:.*", printed, re.MULTILINE)] == [
        "Anyone",
        "Data engineer",
        "Operator",
        "Developer",
    ]
    assert "\x1b" not in printed
    assert max(map(len, printed.splitlines())) <= 110
