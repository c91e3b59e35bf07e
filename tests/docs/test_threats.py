"""docs/THREATS.md against the tests that it names, and the lines of it that speak of how this is built."""

import re
from pathlib import Path

import pytest

from tools.documents import ROOT

THREATS = (ROOT / "docs" / "THREATS.md").read_text(encoding="utf-8")
ROWS = [line for line in THREATS.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
PINS = sorted(
    [*ROOT.glob("requirements/*.txt"), *ROOT.glob("layers/*/requirements.txt"), ROOT / "src/requirements.txt"]
)
INSTALLERS = ("tools/setup", "tools/tool-env")


def named(text: str) -> list[tuple[str, str]]:
    return re.findall(r"`([\w/]+/test_\w+\.py)(?:::(\w+))?`", text)


def test_every_test_that_a_line_names_is_there() -> None:
    assert len(named(THREATS)) > 50
    for file, test in named(THREATS):
        text = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {test}\(" if test else r"^def test_", text, re.MULTILINE), f"{file}::{test}"


def test_a_line_names_the_tests_that_hold_it_or_says_that_none_does() -> None:
    lines = [row for row in ROWS if not row.endswith("| tested by |")]
    assert [row for row in lines if not named(row.split(" | ")[-1]) and not unheld(row)] == []


def unheld(row: str) -> bool:
    """Whether a line says that nothing here stops it."""
    return row.endswith("| none |") and "| nothing" in row


@pytest.mark.parametrize("pins", PINS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_requirement_is_pinned_with_its_hashes(pins: Path) -> None:
    requirements = re.split(r"(?<!\\)\n", re.sub(r"^ *#.*\n", "", pins.read_text(encoding="utf-8"), flags=re.MULTILINE))
    wanted = r"[\w.-]+(?:\[[\w,-]+\])?==[\w.!+]+(?: ; .+?)? \\\n(?: +--hash=sha256:[0-9a-f]{64}(?: \\\n)?)+"
    assert [text for text in requirements if text and not re.fullmatch(wanted, text)] == []


@pytest.mark.parametrize("file", INSTALLERS)
def test_whatever_installs_asks_for_hashes(file: str) -> None:
    installs = re.findall(r"pip[\"']? install .*", (ROOT / file).read_text(encoding="utf-8"))
    assert installs
    assert [line for line in installs if "--require-hashes" not in line and "--no-deps" not in line] == []


def test_what_runs_before_a_change_lands_asks_for_no_credentials() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["make check", "make test COVERAGE=1"]
