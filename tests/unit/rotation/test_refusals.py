"""A rotation without what it needs, or whose login is refused: said once, and never a lock-out."""

import pytest

from sandbox.spaaza.answers import refusal
from spaaza_snapshots.errors import (
    BadSettings,
    CredentialsError,
    ExportUnavailable,
    LoginRefused,
)
from spaaza_snapshots.rotation.settings import RotationSettings
from tests.support.builders import all_texts
from tests.support.rotation import LOGIN_SECRET, Renewing
from tests.support.steps import PASSWORD, kinds

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


def test_spaaza_down_after_the_log_in_keeps_the_new_session(renewing: Renewing) -> None:
    token = renewing.ask()
    assert renewing.do("createSecret", token)
    renewing.spaaza.logins.scripted.append(refusal(503))
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
