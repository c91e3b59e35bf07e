"""The steps of a rotation, in order, repeated, and out of order."""

import pytest

from sandbox.aws.secrets import STEPS
from spaaza_snapshots.errors import (
    CredentialsError,
    InvalidRequest,
)
from spaaza_snapshots.rotation.steps import ROTATE_AGAIN
from tests.support.rotation import FUNCTION, Renewing
from tests.support.steps import SECRET, kinds

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


def test_a_step_whose_version_has_no_value_fails_and_the_rotation_can_still_begin(renewing: Renewing) -> None:
    before, token = renewing.current(), renewing.ask()
    assert renewing.do("testSecret", token)  # alone it also tests what was just set up, where nothing is there yet
    assert not renewing.do("finishSecret", token)
    assert kinds(renewing) == [CredentialsError]
    assert str(renewing.errors[0]) == f"This rotation has no new session yet: createSecret comes first. {ROTATE_AGAIN}"
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


def test_a_secret_without_any_version_logs_nobody_in(renewing: Renewing) -> None:
    bare = renewing.secrets.create_secret(Name="bare")["ARN"]
    token = renewing.secrets.rotate_secret(SecretId=bare, RotationLambdaARN=FUNCTION)["VersionId"]
    renewing.secrets.update_secret_version_stage(SecretId=bare, VersionStage="AWSPENDING", RemoveFromVersionId=token)
    assert not Renewing(renewing.aws, renewing.spaaza, bare, renewing.errors).do("createSecret", token)
    assert kinds(renewing) == [InvalidRequest]
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
