"""The session renews itself: both functions in Lambda's runtime client, Spaaza's log-in, a strict Secrets Manager."""

import os
import signal
from datetime import UTC, datetime

import pytest

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.stack import SECRET, Stack
from sandbox.spaaza.answers import refusal
from sandbox.wire import faults
from tests.support.flow import CHAIN, aftermath
from tests.support.rotation import LOGIN_SECRET, Renewing, invoke_at_once

TODAY = datetime.now(UTC).date()
ALL_CHAINS = {"chain_ids": [1743, 1783], "scheduled_time": f"{TODAY}T00:00:00Z"}
ONE_CHAIN = {"chain_ids": [CHAIN], "scheduled_time": f"{TODAY}T00:00:00Z"}


def runs_of_the_bus(stack: Stack, export: LambdaFunction) -> list[str | None]:
    """Have every run that was asked for made, and return the class of its error, None where it went well."""
    asked = [event for event in stack.listener.events() if event["detail-type"] == "Snapshot Requested"]
    return [export.invoke(event).error_type for event in asked]


# --- The renewal -----------------------------------------------------------------------------------------------------


def test_a_rotation_renews_the_session_and_the_next_run_uses_it(
    stack: Stack, renewing: Renewing, rotation: LambdaFunction, export: LambdaFunction
) -> None:
    before = stack.spaaza.session
    renewing.ask()
    assert [played.failed_at for played in renewing.play_with(rotation)] == [None]
    assert renewing.is_renewed()
    assert stack.spaaza.session != before
    assert export.invoke(ONE_CHAIN).payload["status"] == "complete"


WRITES = [
    (operation, nth)
    for operation, calls in (("PutSecretValue", 2), ("UpdateSecretVersionStage", 4))
    for nth in range(1, calls + 1)
]
"""The proof and the session; the end of the proof, the try that is counted, its end, and the new current version."""


@pytest.mark.parametrize("when", ["instead", "after"])
@pytest.mark.parametrize(("operation", "nth"), WRITES)
def test_a_function_killed_at_any_write_is_made_good_by_the_repetition(
    stack: Stack, renewing: Renewing, rotation: LambdaFunction, operation: str, nth: int, when: faults.When
) -> None:
    renewing.ask()
    stack.wire.fail(operation, faults.call(lambda: os.kill(rotation.pid, signal.SIGKILL), when=when), nth=nth)
    (played,) = renewing.play_with(rotation, tries=2)
    assert played.failed_at is None
    assert renewing.is_renewed()
    lost = (operation, nth, when) == ("PutSecretValue", 2, "instead")
    assert renewing.log_ins() == (2 if lost else 1)


@pytest.mark.parametrize("operation", ["PutSecretValue", "UpdateSecretVersionStage"])
def test_an_answer_that_is_lost_changes_nothing(
    stack: Stack, renewing: Renewing, rotation: LambdaFunction, operation: str
) -> None:
    renewing.ask()
    stack.wire.fail(operation, faults.lose_answer)
    renewing.play_with(rotation, tries=2)
    assert renewing.is_renewed()
    assert renewing.log_ins() == 1


def test_a_wrong_password_is_tried_once_and_a_changed_log_in_secret_recovers(
    stack: Stack, renewing: Renewing, rotation: LambdaFunction, export: LambdaFunction
) -> None:
    stack.spaaza.logins.admin.password = "changed by somebody"
    stack.spaaza.logins.end()
    for _ in range(3):
        export.invoke(ALL_CHAINS)
        renewing.play_with(rotation)
    assert renewing.log_ins() == 1
    (marked,) = [labels for labels in renewing.labels(LOGIN_SECRET).values() if "REFUSED" in labels]
    assert "AWSCURRENT" in marked
    renewing.put_login("changed by somebody")
    stack.listener.events()
    export.invoke(ALL_CHAINS)
    renewing.play_with(rotation)
    assert renewing.log_ins() == 2
    assert runs_of_the_bus(stack, export) == [None, None]


def test_a_step_that_fails_says_why_and_shows_nothing(
    stack: Stack, renewing: Renewing, rotation: LambdaFunction
) -> None:
    tokens, keys = [], []
    for password in (stack.spaaza.logins.admin.password, "a-wrong-password", "a-wrong-password"):
        if password != stack.spaaza.logins.admin.password:
            renewing.put_login(password)
        tokens.append(renewing.ask())
        renewing.play_with(rotation)
        keys.append(stack.spaaza.session.key)
    assert "LoginRefused" in rotation.log
    for hidden in (*tokens, *keys, *passwords(stack), stack.spaaza.logins.admin.username, "Wilhelmina"):
        assert hidden not in rotation.log


def passwords(stack: Stack) -> list[str]:
    return [stack.spaaza.logins.admin.password, "a-wrong-password"]


# --- Runs that are refused -------------------------------------------------------------------------------------------


def test_a_scheduled_run_that_finds_the_session_refused_asks_once_and_the_runs_of_that_hour_are_good(
    stack: Stack, renewing: Renewing, rotation: LambdaFunction, export: LambdaFunction
) -> None:
    stack.spaaza.logins.end()
    assert len(export.invoke(ALL_CHAINS).payload["requested"]) == 2
    assert len(renewing.play_with(rotation)) == 1
    assert runs_of_the_bus(stack, export) == [None, None]
    assert aftermath(stack, TODAY).is_committed


def test_a_day_whose_renewal_came_late_is_made_good_by_the_next_hour(
    stack: Stack, renewing: Renewing, rotation: LambdaFunction, export: LambdaFunction
) -> None:
    stack.spaaza.logins.end()
    failed = invoke_at_once(stack)
    assert failed.slept
    export.invoke(ALL_CHAINS)
    renewing.play_with(rotation)
    assert runs_of_the_bus(stack, export) == [None, None]


def test_a_scheduled_run_that_finds_the_session_good_asks_for_nothing(
    stack: Stack, renewing: Renewing, export: LambdaFunction
) -> None:
    assert export.invoke(ALL_CHAINS).payload is not None
    assert "RotateSecret" not in [call.operation for call in stack.wire.calls]
    assert renewing.log_ins() == 0


def test_a_run_by_hand_asks_for_nothing(stack: Stack, renewing: Renewing) -> None:
    stack.spaaza.logins.end()
    invoke_at_once(stack)
    assert "RotateSecret" not in [call.operation for call in stack.wire.calls]


def test_a_secret_that_was_never_filled_is_filled_by_the_first_run_of_the_schedule(
    stack: Stack, renewing: Renewing, rotation: LambdaFunction, export: LambdaFunction
) -> None:
    renewing.secrets.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    renewing.secret = renewing.secrets.create_secret(Name=SECRET)["ARN"]
    renewing.secrets.rotate_secret(SecretId=SECRET, RotationLambdaARN="arn:rotation", RotateImmediately=False)
    assert [played.failed_at for played in renewing.play_with(rotation)] == [None]
    export.invoke(ALL_CHAINS)
    renewing.play_with(rotation)
    assert runs_of_the_bus(stack, export) == [None, None]


@pytest.mark.parametrize("status", [400, 403])
def test_a_renewal_that_cannot_be_asked_for_keeps_no_run_from_its_work(
    stack: Stack, export: LambdaFunction, status: int
) -> None:
    stack.spaaza.logins.end()
    stack.wire.fail("RotateSecret", faults.error(status, "InvalidRequestException"))
    assert len(export.invoke(ALL_CHAINS).payload["requested"]) == 2


def test_a_status_call_that_fails_keeps_no_run_from_its_work_and_asks_for_nothing(
    stack: Stack, renewing: Renewing, export: LambdaFunction
) -> None:
    stack.spaaza.logins.scripted.append(refusal(503))
    assert export.invoke(ONE_CHAIN).payload["status"] == "complete"
    assert renewing.aws.secrets.asked == []


# --- The seconds between log-in and finish ---------------------------------------------------------------------------
