"""The ids that `spaaza-snapshots erase` takes, and what it refuses without repeating it."""

import io
from pathlib import Path

import pytest

from tests.support.commands import Shown

WRONG = ("12a", "0", "-5", "4.5", "1234567890123456789", "١٢")


def test_an_id_that_is_none_is_told_by_its_place_alone(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "ids"
    for wrong in WRONG:
        file.write_text(f"404100\n{wrong}\n", encoding="utf-8")
        assert shown("erase", "--chain", 1743, "--ids", file) == (
            2,
            "Number 2 of the ids is not a user id: give Spaaza's column ID, digits only.\n",
        )
    file.write_text("404100\r\n12a\r\n", encoding="utf-8-sig")  # as Windows writes it
    assert "Number 2" in shown("erase", "--chain", 1743, "--ids", file)[1]
    monkeypatch.setattr("sys.stdin", io.StringIO("\ufeff404100\n12a\n"))
    assert "Number 2" in shown("erase", "--chain", 1743, "--ids", "-")[1]
    file.write_bytes(b"\xff404100")
    assert shown("erase", "--chain", 1743, "--ids", file) == (2, f"{file} is not a text file.\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert shown("erase", "--chain", 1743, "--ids", "-") == (2, "No user id was given.\n")
    assert shown("erase", "--chain", 1743) == (2, "No user id was given.\n")


def test_at_a_terminal_the_ids_are_asked_for(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO("404100\nx\n\n404101\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    code, said = shown("erase", "--chain", 1743)
    assert (code, said.startswith("Spaaza's user ids"), "Number 2" in said) == (2, True, True)
    assert terminal.readline() == "404101\n"


def test_one_id_can_be_an_option(shown: Shown) -> None:
    assert shown("erase", "--chain", 1743, "--id", "1", "--id", "x")[1].startswith("Number 2 of the ids")
