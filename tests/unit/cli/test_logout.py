"""`spaaza-snapshots logout`, and what of both commands never shows."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.spaaza.answers import refusal
from sandbox.wire.wire import EVERY_TIME
from spaaza_snapshots.cli import login as login_cli
from spaaza_snapshots.cli.main import main
from spaaza_snapshots.spaaza.credentials import Session
from tests.support.login_place import DENIED, MARK_NAME, MARK_PASSWORD, OLD, LoginPlace, sentence
from tools.login_demo import Terminal

# --- Log-out --------------------------------------------------------------------------------------------------------


def test_a_log_out_ends_the_session_and_says_what_follows(
    place: LoginPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["logout"]) == 0
    said = "Logged out: Spaaza has ended the session. The next run will fail until somebody logs in.\n"
    assert capsys.readouterr().out == said
    assert place.current() == OLD
    assert main(["logout"]) == 0
    assert capsys.readouterr().out.startswith("Spaaza had ended the session already.")


def test_a_log_out_at_a_spaaza_that_is_down_changes_nothing(
    place: LoginPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    place.spaaza.logins.scripted = [refusal(503)]
    assert main(["logout"]) == 1
    assert sentence(capsys) == "Spaaza cannot answer a log-out now (HTTP 503); nothing was changed."


def test_a_log_out_without_a_session_in_the_secret_is_a_matter_of_credentials(
    place: LoginPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    place.secrets.put_secret_value(SecretId=place.secret_id, SecretString="{}")
    assert main(["logout"]) == 4
    assert "The secret has no usable session_user_id" in sentence(capsys)


# --- Privacy --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        (MARK_NAME, MARK_PASSWORD, LoginPlace.last_code),
        (MARK_NAME, "mark guess"),
        (MARK_NAME, MARK_PASSWORD, "424242", "424243", "424244"),
        (MARK_NAME, MARK_PASSWORD, KeyboardInterrupt),
    ],
    ids=["good", "wrong password", "wrong code", "stopped"],
)
@pytest.mark.parametrize("fails_to_store", [False, True])
def test_nothing_that_was_typed_and_no_key_is_written_anywhere(
    place: LoginPlace,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    typed: tuple[Any, ...],
    fails_to_store: bool,
) -> None:
    if fails_to_store:
        place.wire.fail("PutSecretValue", DENIED, nth=2, times=EVERY_TIME)
    place.type(*(place.last_code if answer is LoginPlace.last_code else answer for answer in typed))
    main(["login"])
    captured = capfd.readouterr()
    files = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("*") if path.is_file()]
    written = "\n".join([captured.out, captured.err, caplog.text, *map(repr, map(vars, caplog.records)), *files])
    marks = [*(answer for answer in typed if isinstance(answer, str)), *place.spaaza.logins.letters]
    marks += [place.spaaza.session.key, "the-old-key", *place.spaaza.logins._passcodes]
    assert "session" in written or "secret" in written
    assert [mark for mark in marks if mark in written] == []


def test_at_a_real_terminal_the_password_is_not_echoed_and_no_process_or_file_shows_it(
    place: LoginPlace, tmp_path: Path
) -> None:
    folders = {name: tmp_path / name for name in ("TMPDIR", "HOME")}
    for folder in folders.values():
        folder.mkdir()
    variables = {name: value for name, value in os.environ.items() if name not in ("AWS_PROFILE",)}
    with Terminal(
        ["login"], {**variables, **{name: str(path) for name, path in folders.items()}}, tmp_path
    ) as terminal:
        terminal.answer("Spaaza user name: ", MARK_NAME)
        terminal.answer("Password: ", MARK_PASSWORD)
        terminal.wait_for("Code: ")
        process = Path(f"/proc/{terminal.pid}")
        shown = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        terminal.answer("", place.last_code())
        assert terminal.exit_code() == 0
    key = place.session().key
    assert b"spaaza-snapshots" in shown
    assert [mark for mark in (MARK_NAME, MARK_PASSWORD, key) if mark.encode() in shown] == []
    assert MARK_NAME in terminal.shown  # as typed: the terminal does show what it may
    assert [mark for mark in (MARK_PASSWORD, "mark password", key) if mark in terminal.shown] == []
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    marks = (MARK_NAME, MARK_PASSWORD, place.last_code(), key)
    assert [mark for mark in marks if any(mark.encode() in file for file in files)] == []


@pytest.mark.parametrize(
    "prompts", [["Spaaza user name: "], ["Spaaza user name: ", "Password: "]], ids=["name", "password"]
)
def test_ctrl_c_at_a_real_terminal_changes_nothing(place: LoginPlace, tmp_path: Path, prompts: list[str]) -> None:
    with Terminal(["login"], dict(os.environ), tmp_path) as terminal:
        for prompt in prompts[:-1]:
            terminal.answer(prompt, MARK_NAME)
        terminal.wait_for(prompts[-1])
        terminal.ctrl_c()
        assert terminal.exit_code() == 130
    assert "Stopped; nothing was changed." in terminal.shown
    assert (place.current(), place.asked()) == (OLD, [])


def test_no_option_takes_a_name_a_password_or_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["login", "--help"])
    options = {word.strip(",[]") for word in capsys.readouterr().out.split() if word.strip("[").startswith("--")}
    assert options == {"--help", "--json", "--env", "--stack", "--region", "--secret", "--environment"}


def test_the_days_are_counted_from_now() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert "14.5 days" in login_cli._validity(Session("1", "a", now + timedelta(days=14.5)), now)
