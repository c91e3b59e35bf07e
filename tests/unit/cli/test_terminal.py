"""What a stranger wrote, a column's name or a user's cell, steers nobody's terminal."""

import io
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from rich.markup import escape
from rich.table import Table

from spaaza_snapshots.cli.terminal import Terminal
from spaaza_snapshots.model.manifest import Check
from tests.support import builders
from tests.support.commands import Shown

CLIPBOARD = "\x1b]52;c;cm0gLXJm\x07"
CLEARED = "\x9b2J"
BACKWARDS = "\u202egnp.exe"
NAMES = ("ID", f"Opt-in{CLIPBOARD}", f"Name{CLEARED}", BACKWARDS)
STEERING = ("\x1b", "\x07", "\x9b", "\u202e")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    check = Check("[/bold]", required=False, passed=False, notes=f"unknown are {', '.join(NAMES)}")
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(asdict(builders.manifest(header=NAMES, checks=(check,)))), encoding="utf-8")
    return path


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["for people", "as JSON"])
def test_a_name_that_would_steer_the_terminal_is_printed_as_what_it_is(
    shown: Shown, manifest: Path, options: tuple[str, ...]
) -> None:
    code, printed = shown("show", manifest, *options)
    assert code == 0
    assert [mark for mark in STEERING if mark in printed] == []
    assert "]52;c;cm0gLXJm" in printed
    assert "gnp.exe" in printed
    if options:
        assert json.loads(printed)["header"] == list(NAMES)
    else:
        assert "[/bold]" in printed
        assert r"Opt-in\x1b]52" in printed


def test_an_error_that_quotes_what_would_steer_the_terminal_does_not(shown: Shown, tmp_path: Path) -> None:
    code, printed = shown("show", tmp_path / f"absent{CLIPBOARD}.json")
    assert code == 1
    assert [mark for mark in STEERING if mark in printed] == []


def test_a_cell_of_a_table_steers_nothing_and_our_own_colours_stay() -> None:
    written = io.StringIO()
    table = Table("first_name", box=None)
    table.add_row(f"[red]{escape('Jane' + CLIPBOARD)}[/red]")
    Terminal(file=written, force_terminal=True, color_system="standard", width=80).print(table)
    assert "\x1b[31mJane\\x1b]52;c;cm0gLXJm\\x07\x1b[0m" in written.getvalue()


def test_letters_of_every_script_and_line_breaks_stay_as_they_are() -> None:
    written = io.StringIO()
    Terminal(file=written, width=80).print("Zoë 東京 👩‍👩‍👧 שלום\nsecond line")
    assert written.getvalue() == "Zoë 東京 👩‍👩‍👧 שלום\nsecond line\n"
