"""Options that are dates: written in one way, whatever the command."""

import pytest

from spaaza_snapshots.cli.main import main


@pytest.mark.parametrize("text", ["20261122", "2026-W47-7", "2026-2-3", "2026-02-30", "today"])
def test_a_date_is_written_in_one_way(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["list", "--since", text])
    assert f"'{text}' is not a date, YYYY-MM-DD" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["verify", "rebuild", "invoke"])
def test_a_date_that_is_none_is_refused_before_anything_is_asked(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([command, "--stack", "members", "--date", "today"])
    assert "'today' is not a date" in capsys.readouterr().err
