"""`spaaza-snapshots login` when it does not end well: one sentence, an exit code, the secret unchanged."""

import json
import os
import signal
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from sandbox.spaaza.answers import refusal
from sandbox.spaaza.server import SpaazaServer
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME
from spaaza_snapshots.cli.main import main
from tests.support.login_place import (
    DENIED,
    MARK_NAME,
    MARK_PASSWORD,
    OLD,
    LoginPlace,
    sentence,
)

# --- Refusals: one sentence, an exit code, the secret unchanged -----------------------------------------------------


def test_a_wrong_password_is_one_sentence_and_is_not_tried_again(
    place: LoginPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    place.type(MARK_NAME, "guess")
    assert main(["login"]) == 4
    said = "Spaaza refuses the name or password (HTTP 401, Spaaza's error code 5); the secret is unchanged."
    assert sentence(capsys) == said
    assert place.current() == OLD
    assert place.asked() == ["/auth/login"]
    assert place.spaaza.logins.admin.wrong_passwords == 1


def test_a_wrong_code_is_asked_for_three_times(place: LoginPlace, capsys: pytest.CaptureFixture[str]) -> None:
    place.type(MARK_NAME, MARK_PASSWORD, "1", "2", "3")
    assert main(["login"]) == 4
    assert sentence(capsys).startswith("Spaaza refuses the code (HTTP 401, Spaaza's error code 5); the secret is unch")
    assert place.asked().count("/auth/session") == 3
    assert place.current() == OLD


def test_the_third_code_may_be_the_right_one(place: LoginPlace, capsys: pytest.CaptureFixture[str]) -> None:
    place.type(MARK_NAME, MARK_PASSWORD, "1", "2", place.last_code)
    assert main(["login"]) == 0
    assert "tries left: 1." in capsys.readouterr().err


def test_an_expired_code_is_said_to_be_one_and_is_not_asked_for_again(
    place: LoginPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    place.spaaza.logins.code_lifetime = timedelta(0)
    place.type(MARK_NAME, MARK_PASSWORD, place.last_code)
    assert main(["login"]) == 4
    assert sentence(capsys).startswith(
        "The code has expired (HTTP 401, Spaaza's error code 6); the secret is unchanged"
    )
    assert place.current() == OLD


@pytest.mark.parametrize("plural_errors", [False, True])
def test_a_refusal_in_dutch_is_told_in_english(
    place: LoginPlace, capsys: pytest.CaptureFixture[str], plural_errors: bool
) -> None:
    place.spaaza.logins.plural_errors = place.spaaza.logins.wrapped = plural_errors
    place.type(MARK_NAME, "guess")
    assert main(["login"]) == 4
    assert "wachtwoord" not in sentence(capsys)


def test_a_spaaza_that_is_down_is_one_sentence(place: LoginPlace, capsys: pytest.CaptureFixture[str]) -> None:
    place.spaaza.logins.scripted = [refusal(503)]
    place.type(MARK_NAME, MARK_PASSWORD)
    assert main(["login"]) == 1
    assert sentence(capsys) == "Spaaza cannot answer a log-in now (HTTP 503); the secret is unchanged."
    assert place.current() == OLD


def test_a_spaaza_that_is_not_there_is_one_sentence(
    place: LoginPlace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with SpaazaServer() as gone:
        monkeypatch.setenv("SPAAZA_API_URL", gone.base_url)
    place.type(MARK_NAME, MARK_PASSWORD)
    assert main(["login"]) == 1
    why = "NewConnectionError, the connection was refused"
    assert sentence(capsys) == f"Spaaza did not answer the log-in ({why}); the secret is unchanged."
    assert place.current() == OLD


@pytest.mark.parametrize("stop", [KeyboardInterrupt, EOFError])
@pytest.mark.parametrize("before", [[], [MARK_NAME], [MARK_NAME, MARK_PASSWORD]], ids=["name", "password", "code"])
def test_ctrl_c_at_any_prompt_leaves_the_secret_unchanged_and_says_so(
    place: LoginPlace, capsys: pytest.CaptureFixture[str], before: list[str], stop: type[BaseException]
) -> None:
    place.type(*before, stop)
    assert main(["login"]) == 130
    said = sentence(capsys)
    assert said.startswith("Stopped; ")
    assert ("nothing was changed" in said) == (len(before) < 2)
    assert ("the secret is unchanged" in said) == (len(before) == 2)
    assert place.current() == OLD


def test_ctrl_c_while_spaaza_begins_the_session_waits_until_it_is_stored(exempt: LoginPlace) -> None:
    exempt.wire.fail("PutSecretValue", faults.call(lambda: os.kill(os.getpid(), signal.SIGINT)), nth=2)
    exempt.type(MARK_NAME, MARK_PASSWORD)
    assert main(["login"]) == 0
    assert exempt.session().key == exempt.spaaza.session.key


def test_ctrl_c_while_spaaza_sends_the_code_stops_before_it_is_asked_for(
    place: LoginPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    place.spaaza.logins.post = lambda _: os.kill(os.getpid(), signal.SIGINT)
    place.type(MARK_NAME, MARK_PASSWORD)
    assert main(["login"]) == 130
    assert sentence(capsys).startswith("Stopped; the secret is unchanged")


def test_a_session_that_cannot_be_stored_after_all_is_ended_and_the_loss_is_told(
    exempt: LoginPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    exempt.wire.fail("PutSecretValue", DENIED, nth=2, times=EVERY_TIME)
    exempt.type(MARK_NAME, MARK_PASSWORD)
    assert main(["login"]) == 1
    assert sentence(capsys) == (
        f"The new session cannot be stored ({exempt.secret_id}, AccessDeniedException); the secret is unchanged, but"
        " Spaaza has ended the session in it: log in again."
    )
    assert exempt.current() == OLD
    assert exempt.asked() == ["/auth/login", "/auth/logout"]


@pytest.mark.parametrize(("answer", "exit_code"), [(refusal(401, 6), 4), (refusal(503), 1)])
def test_a_session_that_spaaza_does_not_confirm_is_said_to_be_in_the_secret(
    exempt: LoginPlace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: Any, exit_code: int
) -> None:
    exempt.wire.fail(
        "PutSecretValue", faults.call(lambda: exempt.spaaza.logins.scripted.extend([answer, answer])), nth=2
    )
    exempt.type(MARK_NAME, MARK_PASSWORD)
    assert main(["login"]) == exit_code
    assert sentence(capsys).endswith("; the new session is in the secret.")
    assert exempt.session().key == exempt.spaaza.session.key


def test_what_is_typed_in_another_encoding_is_not_shown(place: LoginPlace, capsys: pytest.CaptureFixture[str]) -> None:
    place.type(MARK_NAME, b"mark\xff".decode)
    assert main(["login"]) == 1
    assert sentence(capsys) == "What was typed is not in the terminal's encoding; nothing was changed."


def test_without_a_terminal_no_password_is_asked_for(
    place: LoginPlace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    assert main(["login"]) == 2
    assert "terminal" in sentence(capsys)
    assert (place.prompts, place.asked()) == ([], [])


def test_an_address_in_the_clear_is_refused_before_anything_is_asked(
    place: LoginPlace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPAAZA_API_URL", "http://api0.spaaza.com")
    assert main(["login"]) == 2
    assert "SPAAZA_API_URL cannot be used" in sentence(capsys)
    assert place.prompts == []


def test_without_a_stack_the_command_says_how_to_name_it(place: LoginPlace, capsys: pytest.CaptureFixture[str]) -> None:
    Path("samconfig.toml").unlink()
    assert main(["login", "--region", "eu-west-1"]) == 2
    assert "STACK=" in sentence(capsys)


def test_a_stack_of_something_else_is_named(place: LoginPlace, capsys: pytest.CaptureFixture[str]) -> None:
    make_client: Any = boto3.client
    with closing(make_client("cloudformation", region_name="eu-west-1")) as cloudformation:
        body = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": {"SecretArn": {"Value": "session"}}}
        cloudformation.create_stack(StackName="others", TemplateBody=json.dumps(body))
    assert main(["login", "--stack", "others", "--region", "eu-west-1"]) == 2
    assert "others has no parameter SpaazaEnvironment" in sentence(capsys)
    assert (place.prompts, place.asked()) == ([], [])
