"""`spaaza-snapshots login` and `logout`: what they ask, what they change, what they say, and what never shows."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import boto3
import pytest

from sandbox.aws.moto import MotoAws
from sandbox.spaaza.answers import json_answer, refusal
from sandbox.spaaza.login import User
from sandbox.spaaza.server import SpaazaServer
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME, Wire
from spaaza_snapshots.cli import login as login_cli
from spaaza_snapshots.cli.main import main
from spaaza_snapshots.spaaza.credentials import Session, read_session
from tools.login_demo import Terminal

MARK_NAME, MARK_PASSWORD = "mark-name@retailer.example", "mark password é"
OLD = '{"session_user_id": "1", "session_key": "the-old-key"}'
DENIED = faults.error(400, "AccessDeniedException")
NO_RIGHT = "AccessDeniedException); nothing was changed."

Typed = str | Callable[[], str] | type[BaseException]


@dataclass
class Place:
    """A deployed stack's secret, a Spaaza, and the keyboard."""

    secrets: Any
    wire: Wire
    spaaza: SpaazaServer
    secret_id: str
    typed: list[Typed]
    prompts: list[str]

    def type(self, *answers: Typed) -> None:
        self.typed.extend(answers)

    def current(self) -> str | None:
        """What the secret holds at AWSCURRENT."""
        text: str = self.secrets.get_secret_value(SecretId=self.secret_id)["SecretString"]
        return text

    def labels(self) -> list[str]:
        """All labels there are, of all versions."""
        stages = self.secrets.describe_secret(SecretId=self.secret_id)["VersionIdsToStages"]
        return sorted(label for labels in stages.values() for label in labels)

    def asked(self) -> list[str]:
        return [request.path for request in self.spaaza.requests]

    def session(self) -> Session:
        return read_session(self.secrets, self.secret_id)

    def last_code(self) -> str:
        return self.spaaza.logins.letters[-1]


@pytest.fixture
def place(moto_aws: MotoAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    secret_id = deploy(moto_aws)
    moto_aws.client("secretsmanager").put_secret_value(SecretId=secret_id, SecretString=OLD)
    (tmp_path / "samconfig.toml").write_text(
        '[default.deploy.parameters]\nstack_name = "members"\nregion = "eu-west-1"\n', encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    with Wire({"aws": moto_aws.endpoint_url}) as wire, SpaazaServer() as spaaza:
        spaaza.session = spaaza.session.__class__("1", "the-old-key")
        spaaza.logins.users = [User("1", MARK_NAME, MARK_PASSWORD)]
        for name, value in environment(wire.url("aws"), spaaza.base_url).items():
            monkeypatch.setenv(name, value)
        made = Place(moto_aws.client("secretsmanager"), wire, spaaza, secret_id, [], [])
        monkeypatch.setattr("builtins.input", lambda prompt: answered(made, prompt))
        monkeypatch.setattr(login_cli, "getpass", lambda prompt: answered(made, prompt))
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        yield made


def environment(aws_url: str, spaaza_url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_MAX_ATTEMPTS": "1",
        "SPAAZA_API_URL": spaaza_url,
        "COLUMNS": "400",
    }


def deploy(moto_aws: MotoAws) -> str:
    """Make a stack with a secret that is empty, as the template does; return the secret's ARN."""
    body = {
        "Parameters": {"SpaazaEnvironment": {"Type": "String"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"SecretArn": {"Value": moto_aws.client("secretsmanager").create_secret(Name="session")["ARN"]}},
    }
    parameters = [{"ParameterKey": "SpaazaEnvironment", "ParameterValue": "test01"}]
    make_client: Any = boto3.client
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-west-1"}
    with closing(make_client("cloudformation", endpoint_url=moto_aws.endpoint_url, **keys)) as cloudformation:
        cloudformation.create_stack(StackName="members", TemplateBody=json.dumps(body), Parameters=parameters)
    return str(body["Outputs"]["SecretArn"]["Value"])


def answered(place: Place, prompt: str) -> str:
    place.prompts.append(prompt)
    answer = place.typed.pop(0)
    if isinstance(answer, str):
        return answer
    if isinstance(answer, type):
        raise answer
    return answer()


@pytest.fixture
def exempt(place: Place) -> Place:
    place.spaaza.logins.admin.exempt = True
    return place


def sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one sentence in which a command ended, behind what it said on its way."""
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.strip().splitlines()[-1]


# --- A good log-in --------------------------------------------------------------------------------------------------


def test_an_exempt_user_is_logged_in_by_name_and_password(exempt: Place, capsys: pytest.CaptureFixture[str]) -> None:
    exempt.type(MARK_NAME, MARK_PASSWORD)
    assert main(["login"]) == 0
    assert exempt.prompts == ["Spaaza user name: ", "Password: "]
    assert exempt.session() == Session("1", exempt.spaaza.session.key, exempt.spaaza.session.expires_at)
    assert exempt.asked() == ["/auth/login", "/auth/get-login-status"]
    assert "Logged in: the session holds for 14.0 days" in capsys.readouterr().out


def test_any_other_user_is_asked_for_the_code_too(place: Place) -> None:
    place.type(MARK_NAME, MARK_PASSWORD, lambda: f" {place.last_code()[:3]} {place.last_code()[3:]} ")
    assert main(["login"]) == 0
    assert place.prompts == ["Spaaza user name: ", "Password: ", "Code: "]
    assert place.session().key == place.spaaza.session.key
    assert place.asked() == ["/auth/login", "/auth/session", "/auth/get-login-status"]


def test_the_new_session_is_a_new_version_and_the_old_one_stays_as_the_previous(exempt: Place) -> None:
    exempt.type(MARK_NAME, MARK_PASSWORD)
    assert main(["login"]) == 0
    assert exempt.labels() == ["AWSCURRENT", "AWSPREVIOUS"]
    previous = exempt.secrets.get_secret_value(SecretId=exempt.secret_id, VersionStage="AWSPREVIOUS")
    assert previous["SecretString"] == OLD


def test_the_end_is_told_in_local_time(
    exempt: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
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
    exempt: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    info = {"session_user_id": "1", "session_key": "endless"}
    exempt.spaaza.logins.scripted = [
        json_answer({"result": {"code": 1}, "results": results}) for results in [{"session_info": info}, {}]
    ]
    exempt.type(MARK_NAME, MARK_PASSWORD)
    assert main(["login"]) == 0
    assert exempt.session() == Session("1", "endless", None)
    assert "does not say until when" in capsys.readouterr().out


def test_an_empty_secret_is_filled(moto_aws: MotoAws, exempt: Place) -> None:
    empty = moto_aws.client("secretsmanager").create_secret(Name="empty")["ARN"]
    exempt.type(MARK_NAME, MARK_PASSWORD)
    assert main(["login", "--secret", empty]) == 0
    assert read_session(exempt.secrets, empty).key == exempt.spaaza.session.key
    assert exempt.current() == OLD


def test_a_secret_and_an_environment_that_are_named_need_no_stack(exempt: Place) -> None:
    Path("samconfig.toml").unlink()
    exempt.type(MARK_NAME, MARK_PASSWORD)
    arguments = ["--secret", exempt.secret_id, "--environment", "prod", "--region", "eu-west-1"]
    assert main(["login", *arguments]) == 0
    assert [call.operation for call in exempt.wire.calls if call.operation == "DescribeStacks"] == []


def test_an_empty_line_is_no_wrong_password_and_letters_are_no_wrong_code(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.type("", MARK_NAME, "", MARK_PASSWORD, "", "six", place.last_code)
    assert main(["login"]) == 0
    assert place.asked().count("/auth/login") == place.asked().count("/auth/session") == 1
    assert "The code is a number." in capsys.readouterr().err


# --- The proof ------------------------------------------------------------------------------------------------------


def test_without_the_right_to_write_nothing_is_asked_of_anybody(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.wire.fail("PutSecretValue", DENIED, times=EVERY_TIME)
    assert main(["login"]) == 1
    assert sentence(capsys) == f"The secret cannot be written ({place.secret_id}, {NO_RIGHT}"
    assert (place.prompts, place.asked(), place.current()) == ([], [], OLD)


def test_the_proof_changes_nothing_and_leaves_no_label(place: Place) -> None:
    place.type(KeyboardInterrupt)
    assert main(["login"]) == 130
    assert (place.current(), place.labels()) == (OLD, ["AWSCURRENT"])


def test_a_label_that_may_not_be_taken_off_is_no_reason_to_stop(exempt: Place) -> None:
    exempt.wire.fail("UpdateSecretVersionStage", DENIED, times=EVERY_TIME)
    for _ in range(2):
        exempt.type(MARK_NAME, MARK_PASSWORD)
        assert main(["login"]) == 0
    assert exempt.session().key == exempt.spaaza.session.key


# --- Refusals: one sentence, an exit code, the secret unchanged -----------------------------------------------------


def test_a_wrong_password_is_one_sentence_and_is_not_tried_again(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.type(MARK_NAME, "guess")
    assert main(["login"]) == 4
    said = "Spaaza refuses the name or password (HTTP 401, Spaaza's error code 5); the secret is unchanged."
    assert sentence(capsys) == said
    assert place.current() == OLD
    assert place.asked() == ["/auth/login"]
    assert place.spaaza.logins.admin.wrong_passwords == 1


def test_a_wrong_code_is_asked_for_three_times(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.type(MARK_NAME, MARK_PASSWORD, "1", "2", "3")
    assert main(["login"]) == 4
    assert sentence(capsys).startswith("Spaaza refuses the code (HTTP 401, Spaaza's error code 5); the secret is unch")
    assert place.asked().count("/auth/session") == 3
    assert place.current() == OLD


def test_the_third_code_may_be_the_right_one(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.type(MARK_NAME, MARK_PASSWORD, "1", "2", place.last_code)
    assert main(["login"]) == 0
    assert "tries left: 1." in capsys.readouterr().err


def test_an_expired_code_is_said_to_be_one_and_is_not_asked_for_again(
    place: Place, capsys: pytest.CaptureFixture[str]
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
    place: Place, capsys: pytest.CaptureFixture[str], plural_errors: bool
) -> None:
    place.spaaza.logins.plural_errors = place.spaaza.logins.wrapped = plural_errors
    place.type(MARK_NAME, "guess")
    assert main(["login"]) == 4
    assert "wachtwoord" not in sentence(capsys)


def test_a_spaaza_that_is_down_is_one_sentence(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.spaaza.logins.scripted = [refusal(503)]
    place.type(MARK_NAME, MARK_PASSWORD)
    assert main(["login"]) == 1
    assert sentence(capsys) == "Spaaza cannot answer a log-in now (HTTP 503); the secret is unchanged."
    assert place.current() == OLD


def test_a_spaaza_that_is_not_there_is_one_sentence(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with SpaazaServer() as gone:
        monkeypatch.setenv("SPAAZA_API_URL", gone.base_url)
    place.type(MARK_NAME, MARK_PASSWORD)
    assert main(["login"]) == 1
    assert sentence(capsys) == "Spaaza did not answer the log-in (NewConnectionError); the secret is unchanged."
    assert place.current() == OLD


@pytest.mark.parametrize("stop", [KeyboardInterrupt, EOFError])
@pytest.mark.parametrize("before", [[], [MARK_NAME], [MARK_NAME, MARK_PASSWORD]], ids=["name", "password", "code"])
def test_ctrl_c_at_any_prompt_leaves_the_secret_unchanged_and_says_so(
    place: Place, capsys: pytest.CaptureFixture[str], before: list[str], stop: type[BaseException]
) -> None:
    place.type(*before, stop)
    assert main(["login"]) == 130
    said = sentence(capsys)
    assert said.startswith("Stopped; ")
    assert ("nothing was changed" in said) == (len(before) < 2)
    assert ("the secret is unchanged" in said) == (len(before) == 2)
    assert place.current() == OLD


def test_ctrl_c_while_spaaza_begins_the_session_waits_until_it_is_stored(exempt: Place) -> None:
    exempt.wire.fail("PutSecretValue", faults.call(lambda: os.kill(os.getpid(), signal.SIGINT)), nth=2)
    exempt.type(MARK_NAME, MARK_PASSWORD)
    assert main(["login"]) == 0
    assert exempt.session().key == exempt.spaaza.session.key


def test_ctrl_c_while_spaaza_sends_the_code_stops_before_it_is_asked_for(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.spaaza.logins.post = lambda _: os.kill(os.getpid(), signal.SIGINT)
    place.type(MARK_NAME, MARK_PASSWORD)
    assert main(["login"]) == 130
    assert sentence(capsys).startswith("Stopped; the secret is unchanged")


def test_a_session_that_cannot_be_stored_after_all_is_ended_and_the_loss_is_told(
    exempt: Place, capsys: pytest.CaptureFixture[str]
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
    exempt: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: Any, exit_code: int
) -> None:
    exempt.wire.fail("PutSecretValue", faults.call(lambda: exempt.spaaza.logins.scripted.append(answer)), nth=2)
    exempt.type(MARK_NAME, MARK_PASSWORD)
    assert main(["login"]) == exit_code
    assert sentence(capsys).endswith("; the new session is in the secret.")
    assert exempt.session().key == exempt.spaaza.session.key


def test_what_is_typed_in_another_encoding_is_not_shown(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.type(MARK_NAME, b"mark\xff".decode)
    assert main(["login"]) == 1
    assert sentence(capsys) == "What was typed is not in the terminal's encoding; nothing was changed."


def test_without_a_terminal_no_password_is_asked_for(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    assert main(["login"]) == 1
    assert "terminal" in sentence(capsys)
    assert (place.prompts, place.asked()) == ([], [])


def test_an_address_in_the_clear_is_refused_before_anything_is_asked(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPAAZA_API_URL", "http://api0.spaaza.com")
    assert main(["login"]) == 1
    assert "SPAAZA_API_URL cannot be used" in sentence(capsys)
    assert place.prompts == []


def test_without_a_stack_the_command_says_how_to_name_it(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    Path("samconfig.toml").unlink()
    assert main(["login", "--region", "eu-west-1"]) == 1
    assert "STACK=" in sentence(capsys)


def test_a_stack_of_something_else_is_named(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    make_client: Any = boto3.client
    with closing(make_client("cloudformation", region_name="eu-west-1")) as cloudformation:
        body = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": {"SecretArn": {"Value": "session"}}}
        cloudformation.create_stack(StackName="others", TemplateBody=json.dumps(body))
    assert main(["login", "--stack", "others", "--region", "eu-west-1"]) == 1
    assert "others has no parameter SpaazaEnvironment" in sentence(capsys)
    assert (place.prompts, place.asked()) == ([], [])


# --- Log-out --------------------------------------------------------------------------------------------------------


def test_a_log_out_ends_the_session_and_says_what_follows(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["logout"]) == 0
    said = "Logged out: Spaaza has ended the session. The next run will fail until somebody logs in.\n"
    assert capsys.readouterr().out == said
    assert place.current() == OLD
    assert main(["logout"]) == 0
    assert capsys.readouterr().out.startswith("Spaaza had ended the session already.")


def test_a_log_out_at_a_spaaza_that_is_down_changes_nothing(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.spaaza.logins.scripted = [refusal(503)]
    assert main(["logout"]) == 1
    assert sentence(capsys) == "Spaaza cannot answer a log-out now (HTTP 503); nothing was changed."


def test_a_log_out_without_a_session_in_the_secret_is_a_matter_of_credentials(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.secrets.put_secret_value(SecretId=place.secret_id, SecretString="{}")
    assert main(["logout"]) == 4
    assert "The secret has no usable session_user_id" in sentence(capsys)


# --- Privacy --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        (MARK_NAME, MARK_PASSWORD, Place.last_code),
        (MARK_NAME, "mark guess"),
        (MARK_NAME, MARK_PASSWORD, "424242", "424243", "424244"),
        (MARK_NAME, MARK_PASSWORD, KeyboardInterrupt),
    ],
    ids=["good", "wrong password", "wrong code", "stopped"],
)
@pytest.mark.parametrize("fails_to_store", [False, True])
def test_nothing_that_was_typed_and_no_key_is_written_anywhere(
    place: Place,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    typed: tuple[Any, ...],
    fails_to_store: bool,
) -> None:
    if fails_to_store:
        place.wire.fail("PutSecretValue", DENIED, nth=2, times=EVERY_TIME)
    place.type(*(place.last_code if answer is Place.last_code else answer for answer in typed))
    main(["login"])
    captured = capfd.readouterr()
    files = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("*") if path.is_file()]
    written = "\n".join([captured.out, captured.err, caplog.text, *map(repr, map(vars, caplog.records)), *files])
    marks = [*(answer for answer in typed if isinstance(answer, str)), *place.spaaza.logins.letters]
    marks += [place.spaaza.session.key, "the-old-key", *place.spaaza.logins._passcodes]
    assert "session" in written or "secret" in written
    assert [mark for mark in marks if mark in written] == []


def test_at_a_real_terminal_the_password_is_not_echoed_and_no_process_or_file_shows_it(
    place: Place, tmp_path: Path
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
def test_ctrl_c_at_a_real_terminal_changes_nothing(place: Place, tmp_path: Path, prompts: list[str]) -> None:
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
    assert options == {"--help", "--stack", "--region", "--secret", "--environment"}


def test_the_days_are_counted_from_now() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert "14.5 days" in login_cli._validity(Session("1", "a", now + timedelta(days=14.5)), now)
