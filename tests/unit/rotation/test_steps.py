"""The steps of a rotation, against a Secrets Manager as strict as AWS and a Spaaza whose log-in ends other sessions."""

import json
from collections.abc import Iterator
from threading import Event, Thread
from time import sleep

import pytest

from sandbox.aws.moto import MotoAws
from sandbox.aws.secrets import STEPS
from sandbox.spaaza.answers import refusal
from sandbox.spaaza.server import SpaazaServer
from sandbox.wire import faults
from sandbox.wire.wire import Wire
from spaaza_snapshots.errors import (
    BadSettings,
    CredentialsError,
    ExportUnavailable,
    InvalidRequest,
    LoginRefused,
    SessionExpired,
)
from spaaza_snapshots.rotation.settings import RotationSettings
from spaaza_snapshots.rotation.wiring import clients_of
from tests.support.builders import all_texts
from tests.support.rotation import FUNCTION, LOGIN_SECRET, Renewing

SECRET = "spaaza/session"
PASSWORD = "correct horse battery staple"


@pytest.fixture
def renewing(moto_aws: MotoAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Renewing]:
    """A secret with a living session, set up for rotation."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_aws.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", moto_aws.region)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "moto")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "moto")
    clients_of.cache_clear()
    with SpaazaServer() as spaaza:
        secret = moto_aws.create_secret(SECRET, {"session_user_id": "1", "session_key": spaaza.session.key})
        found = Renewing(moto_aws, spaaza, secret)
        found.set_up()
        yield found


@pytest.fixture
def empty(moto_aws: MotoAws, renewing: Renewing) -> Renewing:
    """A secret that was never filled, as a first deployment leaves it."""
    secret = renewing.secrets.create_secret(Name="empty")["ARN"]
    found = Renewing(moto_aws, renewing.spaaza, secret)
    found.secrets.rotate_secret(SecretId=secret, RotationLambdaARN=FUNCTION, RotateImmediately=False)
    return found


def kinds(renewing: Renewing) -> list[type]:
    return [type(error) for error in renewing.errors]


# --- What goes well --------------------------------------------------------------------------------------------------


def test_a_rotation_makes_a_session_that_is_alive_the_current_one(renewing: Renewing) -> None:
    before = renewing.current()
    assert renewing.rotate().failed_at is None
    assert renewing.is_renewed()
    assert renewing.current() != before
    assert renewing.log_ins() == 1


def test_the_end_of_the_session_is_kept_for_the_alarm(renewing: Renewing) -> None:
    renewing.rotate()
    current = renewing.current()
    assert current is not None
    assert current.expires_at == renewing.spaaza.session.expires_at


def test_one_rotation_follows_another(renewing: Renewing) -> None:
    for log_ins in (1, 2, 3):
        assert renewing.rotate().failed_at is None
        assert renewing.is_renewed()
        assert renewing.log_ins() == log_ins


def test_setting_the_rotation_up_logs_nobody_in(renewing: Renewing) -> None:
    assert renewing.log_ins() == 0
    assert renewing.errors == []


def test_setting_the_rotation_up_does_not_fail_because_the_old_session_has_ended(renewing: Renewing) -> None:
    renewing.spaaza.logins.end()
    renewing.secrets.rotate_secret(SecretId=renewing.secret, RotationLambdaARN=FUNCTION, RotateImmediately=False)
    (played,) = renewing.play()
    assert played.failed_at is None


# --- Steps that are repeated or come out of order --------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
def test_a_repeated_step_changes_nothing(renewing: Renewing, step: str) -> None:
    token = renewing.ask()
    for each in STEPS[: STEPS.index(step) + 1]:
        assert renewing.do(each, token)
    before = renewing.labels(), renewing.spaaza.session
    assert renewing.do(step, token)
    assert (renewing.labels(), renewing.spaaza.session) == before
    assert renewing.log_ins() == 1


def test_a_whole_rotation_that_is_repeated_after_its_end_changes_nothing(renewing: Renewing) -> None:
    token = renewing.rotate().token
    assert all(renewing.do(step, token) for step in STEPS)
    assert renewing.is_renewed()
    assert renewing.log_ins() == 1


@pytest.mark.parametrize("step", ["testSecret", "finishSecret"])
def test_a_step_whose_version_has_no_value_fails_and_the_rotation_can_still_begin(
    renewing: Renewing, step: str
) -> None:
    before, token = renewing.current(), renewing.ask()
    assert not renewing.do(step, token)
    assert kinds(renewing) == [CredentialsError]
    assert "createSecret comes first" in str(renewing.errors[0])
    assert renewing.current() == before
    assert renewing.play()[0].failed_at is None
    assert renewing.is_renewed()


def test_a_finish_that_is_repeated_after_another_rotation_does_not_bring_the_dead_session_back(
    renewing: Renewing,
) -> None:
    first = renewing.rotate().token
    renewing.rotate()
    assert not renewing.do("finishSecret", first)
    assert kinds(renewing) == [InvalidRequest]
    assert renewing.is_renewed()


def test_a_token_that_is_unknown_logs_nobody_in(renewing: Renewing) -> None:
    assert not renewing.do("createSecret", "0" * 36)
    assert kinds(renewing) == [InvalidRequest]
    assert "not under way" in str(renewing.errors[0])
    assert renewing.log_ins() == 0


def test_a_secret_that_is_not_set_up_for_rotation_logs_nobody_in(renewing: Renewing) -> None:
    other = renewing.aws.create_secret("other", {"session_key": "of somebody else"})
    token = next(iter(renewing.labels(other)))
    assert not Renewing(renewing.aws, renewing.spaaza, other, renewing.errors).do("createSecret", token)
    assert "not set up for rotation" in str(renewing.errors[0])
    assert renewing.log_ins() == 0


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"Step": "createSecret", "SecretId": SECRET},
        {"Step": "createSecret", "SecretId": SECRET, "ClientRequestToken": 1},
        {"Step": "deleteSecret", "SecretId": SECRET, "ClientRequestToken": "0" * 36},
    ],
)
def test_an_event_that_is_no_step_is_refused(renewing: Renewing, event: dict[str, str]) -> None:
    assert not renewing.step(event)
    assert kinds(renewing) == [InvalidRequest]


# --- Kills, and rotations at once ------------------------------------------------------------------------------------


def test_a_kill_between_log_in_and_put_heals_by_the_repetition(renewing: Renewing) -> None:
    token = renewing.ask()
    log_in_elsewhere(renewing)  # what is left of such a kill: the old session is dead, and the new one lost
    assert renewing.play()[0].token == token
    assert renewing.is_renewed()


def test_a_kill_between_put_and_finish_heals_by_the_repetition_without_another_log_in(renewing: Renewing) -> None:
    token = renewing.ask()
    assert renewing.do("createSecret", token)
    (played,) = renewing.play()
    assert (played.token, played.failed_at) == (token, None)
    assert renewing.is_renewed()
    assert renewing.log_ins() == 1


def test_a_left_over_awspending_whose_session_is_dead_is_given_up_and_the_next_rotation_heals(
    renewing: Renewing,
) -> None:
    token = renewing.ask()
    assert renewing.do("createSecret", token)
    log_in_elsewhere(renewing)
    (played,) = renewing.play()
    assert (played.token, played.failed_at) == (token, "testSecret")
    assert kinds(renewing) == [SessionExpired]
    assert renewing.rotate().token != token
    assert renewing.is_renewed()


def test_a_left_over_awspending_behind_a_log_in_by_hand_is_given_up_and_the_next_rotation_heals(
    renewing: Renewing,
) -> None:
    token = renewing.ask()
    assert renewing.do("createSecret", token)
    log_in_elsewhere(renewing)
    by_hand = json.dumps({"session_user_id": "1", "session_key": "by hand"})
    renewing.secrets.put_secret_value(SecretId=renewing.secret, SecretString=by_hand)
    renewing.play()
    current = renewing.current()
    assert current is not None
    assert current.key == "by hand"
    assert renewing.rotate().failed_at is None
    assert renewing.is_renewed()


def test_two_rotations_at_once_heal_by_the_next(renewing: Renewing) -> None:
    first, second = renewing.ask(), "2" * 36
    assert renewing.do("createSecret", first)
    renewing.secrets.put_secret_value(
        SecretId=renewing.secret, SecretString=dead_session(), ClientRequestToken=second, VersionStages=["AWSPENDING"]
    )
    log_in_elsewhere(renewing)
    assert not renewing.do("testSecret", first)
    assert not renewing.do("testSecret", second)
    assert kinds(renewing) == [InvalidRequest, SessionExpired]
    renewing.aws.secrets.asked.clear()
    assert renewing.rotate().failed_at is None
    assert renewing.is_renewed()


def test_a_step_that_runs_twice_at_once_is_healed_when_its_later_log_in_is_stored(
    renewing: Renewing, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = renewing.ask()
    through_the_wire(wire, monkeypatch)
    wire.fail("PutSecretValue", faults.call(lambda: renewing.do("createSecret", token)))
    assert [played.failed_at for played in renewing.play()] == [None]
    assert renewing.is_renewed()
    assert renewing.log_ins() == 2


def test_a_step_that_runs_twice_at_once_is_healed_by_the_next_rotation_when_its_later_log_in_is_lost(
    renewing: Renewing, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = renewing.ask()
    through_the_wire(wire, monkeypatch)
    stored = Event()

    def late() -> None:
        wire.fail("PutSecretValue", faults.hold(stored))
        threads.append(Thread(target=renewing.do, args=("createSecret", token)))
        threads[0].start()
        while renewing.log_ins() < 2:
            sleep(0.01)

    threads: list[Thread] = []
    wire.fail("PutSecretValue", faults.call(late))
    assert renewing.do("createSecret", token)
    stored.set()
    threads[0].join()
    assert not renewing.do("testSecret", token)
    assert kinds(renewing) == [SessionExpired]
    renewing.aws.secrets.asked.clear()
    assert renewing.rotate().failed_at is None
    assert renewing.is_renewed()


# --- Empty secrets ---------------------------------------------------------------------------------------------------


def test_a_session_secret_that_was_never_filled_is_filled(empty: Renewing) -> None:
    assert [played.failed_at for played in empty.play()] == [None]  # the test of what was set up
    assert empty.rotate().failed_at is None
    assert empty.is_renewed()


def test_a_log_in_secret_that_was_never_filled_is_named_and_bars_nothing(renewing: Renewing) -> None:
    renewing.secrets.delete_secret(SecretId=LOGIN_SECRET, ForceDeleteWithoutRecovery=True)
    renewing.secrets.create_secret(Name=LOGIN_SECRET)
    assert renewing.rotate().failed_at == "createSecret"
    assert LOGIN_SECRET in str(renewing.errors[0])
    renewing.put_login(PASSWORD)
    assert renewing.rotate().failed_at is None
    assert renewing.is_renewed()


@pytest.mark.parametrize(
    "text",
    ["a-mark", '["a-mark"]', '{"username": "a-mark"}', '{"username": "a-mark", "password": 7}'],
)
def test_a_log_in_secret_that_holds_no_login_is_refused_without_a_word_of_it(renewing: Renewing, text: str) -> None:
    renewing.secrets.put_secret_value(SecretId=LOGIN_SECRET, SecretString=text)
    assert renewing.rotate().failed_at == "createSecret"
    assert kinds(renewing) == [CredentialsError]
    assert "a-mark" not in all_texts(renewing.errors[0])
    assert renewing.log_ins() == 0


# --- Refusals --------------------------------------------------------------------------------------------------------


def test_a_refused_log_in_is_made_once_until_a_person_has_changed_the_log_in_secret(renewing: Renewing) -> None:
    renewing.put_login("wrong")
    for _ in range(6):
        assert renewing.rotate().failed_at == "createSecret"
    assert kinds(renewing) == [LoginRefused, *[CredentialsError] * 5]
    assert renewing.log_ins() == 1
    assert renewing.current() is not None
    renewing.put_login(PASSWORD)
    assert renewing.rotate().failed_at is None
    assert renewing.is_renewed()


def test_a_second_password_that_is_refused_is_marked_too(renewing: Renewing) -> None:
    for password in ("wrong", "wrong again"):
        renewing.put_login(password)
        renewing.rotate()
        renewing.rotate()
    assert renewing.log_ins() == 2
    (marked,) = [labels for labels in renewing.labels(LOGIN_SECRET).values() if "REFUSED" in labels]
    assert "AWSCURRENT" in marked


def test_the_session_in_use_outlives_a_refused_log_in(renewing: Renewing) -> None:
    before = renewing.current()
    renewing.put_login("wrong")
    renewing.rotate()
    assert renewing.current() == before
    assert renewing.spaaza.session.key == (before.key if before else None)


def test_a_user_that_gets_a_code_is_told_what_to_ask_for_and_gets_no_second_one(renewing: Renewing) -> None:
    renewing.spaaza.logins.admin.exempt = False
    renewing.rotate()
    renewing.rotate()
    assert "login_2fa_exempt" in str(renewing.errors[0])
    assert len(renewing.spaaza.logins.letters) == 1
    assert kinds(renewing) == [CredentialsError, CredentialsError]


def test_spaaza_down_is_no_refusal_and_the_next_rotation_heals(renewing: Renewing) -> None:
    renewing.spaaza.logins.scripted.append(refusal(503))
    assert renewing.rotate().failed_at == "createSecret"
    assert kinds(renewing) == [ExportUnavailable]
    assert renewing.rotate().failed_at is None
    assert renewing.is_renewed()


def test_spaaza_down_after_the_log_in_keeps_the_new_session_for_the_repetition(renewing: Renewing) -> None:
    token = renewing.ask()
    assert renewing.do("createSecret", token)
    renewing.spaaza.logins.scripted.append(refusal(503))
    assert not renewing.do("testSecret", token)
    assert renewing.play()[0].failed_at is None
    assert renewing.is_renewed()
    assert renewing.log_ins() == 1


# --- What shows ------------------------------------------------------------------------------------------------------


def test_no_error_and_no_log_line_shows_a_name_a_password_a_key_or_a_token(
    renewing: Renewing, capsys: pytest.CaptureFixture[str]
) -> None:
    tokens = [renewing.rotate().token]
    keys = [renewing.spaaza.session.key]
    renewing.put_login("a-wrong-password")
    tokens += [renewing.rotate().token for _ in range(2)]
    shown = capsys.readouterr().out + "".join(all_texts(error) for error in renewing.errors)
    for hidden in (*tokens, *keys, PASSWORD, "a-wrong-password", renewing.spaaza.logins.admin.username):
        assert hidden not in shown


def test_bad_settings_are_named_all_at_once() -> None:
    with pytest.raises(BadSettings) as caught:
        RotationSettings.from_environment({"SPAAZA_ENVIRONMENT": "live", "SPAAZA_API_URL": "http://api0.spaaza.com"})
    for name in ("SPAAZA_LOGIN_SECRET_ID", "SPAAZA_ENVIRONMENT", "SPAAZA_API_URL"):
        assert name in str(caught.value)


@pytest.mark.parametrize(("stage", "host"), [("prod", "api0"), ("test01", "apistage0")])
def test_the_environment_names_the_host_of_the_log_in(stage: str, host: str) -> None:
    variables = {"SPAAZA_LOGIN_SECRET_ID": LOGIN_SECRET, "SPAAZA_ENVIRONMENT": stage}
    assert RotationSettings.from_environment(variables).api_url == f"https://{host}.spaaza.com"


@pytest.fixture
def wire(moto_aws: MotoAws) -> Iterator[Wire]:
    with Wire({"aws": moto_aws.endpoint_url}) as opened:
        yield opened


def through_the_wire(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", wire.url("aws"))
    clients_of.cache_clear()


def log_in_elsewhere(renewing: Renewing) -> None:
    """End every session of the user, as a log-in does whose own session nobody keeps."""
    renewing.spaaza.logins.end()


def dead_session() -> str:
    return json.dumps({"session_user_id": "1", "session_key": "dead"})
