"""`spaaza-snapshots login`: what it asks, what it changes, and what it says."""

import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sandbox.aws.moto import MotoAws
from sandbox.spaaza.answers import json_answer
from sandbox.wire.wire import EVERY_TIME
from spaaza_snapshots.cli.main import main
from spaaza_snapshots.spaaza.credentials import Session, read_session
from tests.support.login_place import DENIED, MARK_NAME, MARK_PASSWORD, NO_RIGHT, OLD, LoginPlace, sentence

# --- A good log-in --------------------------------------------------------------------------------------------------


def test_an_exempt_user_is_logged_in_by_name_and_password(
    exempt: LoginPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    exempt.type(MARK_NAME, MARK_PASSWORD)
    assert main(["login"]) == 0
    assert exempt.prompts == ["Spaaza user name: ", "Password: "]
    assert exempt.session() == Session("1", exempt.spaaza.session.key, exempt.spaaza.session.expires_at)
    assert exempt.asked() == ["/auth/login", "/auth/get-login-status"]
    assert "Logged in: the session holds for 14.0 days" in capsys.readouterr().out


def test_any_other_user_is_asked_for_the_code_too(place: LoginPlace) -> None:
    place.type(MARK_NAME, MARK_PASSWORD, lambda: f" {place.last_code()[:3]} {place.last_code()[3:]} ")
    assert main(["login"]) == 0
    assert place.prompts == ["Spaaza user name: ", "Password: ", "Code: "]
    assert place.session().key == place.spaaza.session.key
    assert place.asked() == ["/auth/login", "/auth/session", "/auth/get-login-status"]


def test_the_new_session_is_a_new_version_and_the_old_one_stays_as_the_previous(exempt: LoginPlace) -> None:
    exempt.type(MARK_NAME, MARK_PASSWORD)
    assert main(["login"]) == 0
    assert exempt.labels() == ["AWSCURRENT", "AWSPREVIOUS"]
    previous = exempt.secrets.get_secret_value(SecretId=exempt.secret_id, VersionStage="AWSPREVIOUS")
    assert previous["SecretString"] == OLD


def test_the_end_is_told_in_local_time(
    exempt: LoginPlace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    exempt.type(MARK_NAME, MARK_PASSWORD)
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        assert main(["login"]) == 0
    finally:
        monkeypatch.undo()
        time.tzset()
    ends = exempt.spaaza.session.expires_at
    assert ends is not None
    assert f"{ends.astimezone(ZoneInfo('Asia/Kathmandu')):%A %-d %B %Y, %H:%M} +0545." in capsys.readouterr().out


def test_a_session_without_an_end_is_stored_and_said_to_have_none(
    exempt: LoginPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    info = {"session_user_id": "1", "session_key": "endless"}
    exempt.spaaza.logins.scripted = [
        json_answer({"result": {"code": 1}, "results": results}) for results in [{"session_info": info}, {}]
    ]
    exempt.type(MARK_NAME, MARK_PASSWORD)
    assert main(["login"]) == 0
    assert exempt.session() == Session("1", "endless", None)
    assert "does not say until when" in capsys.readouterr().out


def test_an_empty_secret_is_filled(moto_aws: MotoAws, exempt: LoginPlace) -> None:
    empty = moto_aws.client("secretsmanager").create_secret(Name="empty")["ARN"]
    exempt.type(MARK_NAME, MARK_PASSWORD)
    assert main(["login", "--secret", empty]) == 0
    assert read_session(exempt.secrets, empty).key == exempt.spaaza.session.key
    assert exempt.current() == OLD


def test_a_secret_and_an_environment_that_are_named_need_no_stack(exempt: LoginPlace) -> None:
    Path("samconfig.toml").unlink()
    exempt.type(MARK_NAME, MARK_PASSWORD)
    arguments = ["--secret", exempt.secret_id, "--environment", "prod", "--region", "eu-west-1"]
    assert main(["login", *arguments]) == 0
    assert [call.operation for call in exempt.wire.calls if call.operation == "DescribeStacks"] == []


def test_an_empty_line_is_no_wrong_password_and_letters_are_no_wrong_code(
    place: LoginPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    place.type("", MARK_NAME, "", MARK_PASSWORD, "", "six", place.last_code)
    assert main(["login"]) == 0
    assert place.asked().count("/auth/login") == place.asked().count("/auth/session") == 1
    assert "The code is a number." in capsys.readouterr().err


# --- The proof ------------------------------------------------------------------------------------------------------


def test_without_the_right_to_write_nothing_is_asked_of_anybody(
    place: LoginPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    place.wire.fail("PutSecretValue", DENIED, times=EVERY_TIME)
    assert main(["login"]) == 1
    assert sentence(capsys) == f"The secret cannot be written ({place.secret_id}, {NO_RIGHT}"
    assert (place.prompts, place.asked(), place.current()) == ([], [], OLD)


def test_the_proof_changes_nothing_and_leaves_no_label(place: LoginPlace) -> None:
    place.type(KeyboardInterrupt)
    assert main(["login"]) == 130
    assert (place.current(), place.labels()) == (OLD, ["AWSCURRENT"])


def test_a_label_that_may_not_be_taken_off_is_no_reason_to_stop(exempt: LoginPlace) -> None:
    exempt.wire.fail("UpdateSecretVersionStage", DENIED, times=EVERY_TIME)
    for _ in range(2):
        exempt.type(MARK_NAME, MARK_PASSWORD)
        assert main(["login"]) == 0
    assert exempt.session().key == exempt.spaaza.session.key
