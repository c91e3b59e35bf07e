"""What the errors of a rotation tell whoever reads them, part by part."""

import pytest

from spaaza_snapshots.errors import InvalidRequest, SnapshotError
from spaaza_snapshots.rotation.event import parse_event
from spaaza_snapshots.rotation.steps import ROTATE_AGAIN
from tests.support.rotation import LOGIN_SECRET, Renewing

PUT_IT_IN = 'Put name and password into the login secret: {"username": "…", "password": "…"}.'


def parts(error: SnapshotError) -> tuple[str, str, str]:
    return error.what, error.detail, error.hint


def test_a_log_in_secret_without_a_value_says_what_to_put_there(renewing: Renewing) -> None:
    renewing.secrets.delete_secret(SecretId=LOGIN_SECRET, ForceDeleteWithoutRecovery=True)
    renewing.rotate()
    what = "The login secret does not exist or has no value yet"
    assert parts(renewing.errors[0]) == (what, LOGIN_SECRET, PUT_IT_IN)


@pytest.mark.parametrize("value", [{"SecretString": "{}"}, {"SecretString": "no JSON"}, {"SecretBinary": b"{}"}])
def test_a_log_in_secret_without_a_login_says_what_to_put_there(renewing: Renewing, value: dict[str, str]) -> None:
    renewing.secrets.put_secret_value(SecretId=LOGIN_SECRET, **value)
    renewing.rotate()
    assert parts(renewing.errors[0]) == ("The login secret holds no name and password", LOGIN_SECRET, PUT_IT_IN)


def test_a_login_that_was_refused_before_says_why_nothing_logs_in(renewing: Renewing) -> None:
    renewing.put_login("wrong")
    renewing.rotate()
    renewing.rotate()
    hint = f"Nothing logs in with this version again, lest the user be locked out. {PUT_IT_IN}"
    what = "Spaaza has refused this name and password before"
    assert parts(renewing.errors[1]) == (what, LOGIN_SECRET, hint)


def test_tries_that_are_used_up_say_so(renewing: Renewing) -> None:
    for label in ("TRIED_1", "TRIED_2", "TRIED_3"):
        version = renewing.secrets.get_secret_value(SecretId=LOGIN_SECRET)["VersionId"]
        renewing.secrets.update_secret_version_stage(SecretId=LOGIN_SECRET, VersionStage=label, MoveToVersionId=version)
    renewing.rotate()
    hint = f"Spaaza may have refused them: see the log, be sure of them, and put them in again. {PUT_IT_IN}"
    assert parts(renewing.errors[0]) == ("3 logins had no known end", LOGIN_SECRET, hint)


def test_a_code_says_whom_to_ask(renewing: Renewing) -> None:
    renewing.spaaza.logins.admin.exempt = False
    renewing.rotate()
    hint = (
        "Ask Spaaza to mark this admin user as login_2fa_exempt; then put name and password into the log-in secret"
        " once more."
    )
    assert parts(renewing.errors[0]) == ("Spaaza has e-mailed a code", "nobody is there to read it", hint)


def test_a_token_of_no_rotation_says_what_may_have_become_of_it(renewing: Renewing) -> None:
    renewing.do("createSecret", "0" * 36)
    detail = "its token is unknown, or the rotation was given up, or another one has followed it"
    hint = "The next rotation begins with a new token."
    assert parts(renewing.errors[0]) == ("This rotation is not under way", detail, hint)


def test_a_secret_that_is_not_set_up_says_how_to(renewing: Renewing) -> None:
    other = renewing.aws.create_secret("other", {"session_key": "of somebody else"})
    Renewing(renewing.aws, renewing.spaaza, other, renewing.errors).do("createSecret", "0" * 36)
    hint = "Deploy the stack with RenewSession true, and let only Secrets Manager start this function."
    assert parts(renewing.errors[0]) == ("This secret is not set up for rotation", other, hint)


def test_a_session_that_is_given_up_says_what_may_have_ended_it(renewing: Renewing) -> None:
    token = renewing.ask()
    assert renewing.do("createSecret", token)
    renewing.log_in_by_hand()
    renewing.do("testSecret", token)
    detail = "somebody has logged in as this user since, or two rotations ran at once"
    assert parts(renewing.errors[0]) == ("Spaaza does not know the new session any more", detail, ROTATE_AGAIN)


@pytest.mark.parametrize(
    ("event", "what"),
    [
        ([], "The event is not a JSON object"),
        ({"Step": "createSecret"}, "The event does not name Step, SecretId and ClientRequestToken"),
        ({"Step": "other", "SecretId": "arn", "ClientRequestToken": "t"}, "This is not a step of a rotation"),
    ],
)
def test_an_event_that_is_no_step_says_who_may_send_one(event: object, what: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_event(event)
    detail = "known steps are createSecret, setSecret, testSecret, finishSecret"
    hint = "Only Secrets Manager starts this function: aws secretsmanager rotate-secret --secret-id …"
    assert parts(caught.value) == (what, detail, hint)
