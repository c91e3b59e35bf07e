"""What a rotation logs, line by line."""

import logging

import pytest

from sandbox.spaaza.answers import json_answer, refusal
from sandbox.wire import faults
from sandbox.wire.wire import Wire
from spaaza_snapshots.base.aws_errors import AWS_NEXT_RUN
from spaaza_snapshots.errors import LoginRefused
from tests.support.rotation import LOGIN_SECRET, Renewing
from tests.support.steps import kinds, said, through_the_wire

DENIED = faults.error(400, "AccessDeniedException")


@pytest.fixture(autouse=True)
def _every_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_a_rotation_logs_the_log_in_with_the_end_of_the_session_and_the_renewal(
    renewing: Renewing, caplog: pytest.LogCaptureFixture
) -> None:
    said(caplog)
    renewing.rotate()
    ends = renewing.spaaza.session.expires_at
    assert ends
    assert said(caplog) == [("Logged in", {"session_expires_at": ends.isoformat()}), ("The session is renewed", {})]


def test_a_session_whose_end_spaaza_does_not_tell_is_logged_without_it(
    renewing: Renewing, caplog: pytest.LogCaptureFixture
) -> None:
    token = renewing.ask()
    said(caplog)
    session = {"session_user_id": "1", "session_key": "k"}
    renewing.spaaza.logins.scripted.append(json_answer({"result": {"code": 1}, "results": {"session_info": session}}))
    assert renewing.do("createSecret", token)
    assert said(caplog) == [("Logged in", {"session_expires_at": None})]


def test_what_is_left_alone_is_logged(renewing: Renewing, caplog: pytest.LogCaptureFixture) -> None:
    token = renewing.ask()
    said(caplog)
    renewing.do("testSecret", token)
    renewing.do("createSecret", token)
    assert [line for line, _ in said(caplog)] == ["There is no new session to test", "Logged in"]
    renewing.do("createSecret", token)
    renewing.do("finishSecret", token)
    renewing.do("finishSecret", token)
    assert [line for line, _ in said(caplog)] == [
        "This rotation has logged in before",
        "The session is renewed",
        "This rotation has ended before",
    ]


def test_a_quicker_try_of_the_same_step_is_logged(
    renewing: Renewing, wire: Wire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    token = renewing.ask()
    through_the_wire(wire, monkeypatch)
    wire.fail("PutSecretValue", faults.call(lambda: renewing.do("createSecret", token)), nth=2)  # behind the proof
    said(caplog)
    assert renewing.do("createSecret", token)
    assert [line for line, _ in said(caplog)] == ["Logged in", "Another try of this step was quicker"]


def test_a_session_in_use_that_cannot_be_read_is_logged(renewing: Renewing, caplog: pytest.LogCaptureFixture) -> None:
    renewing.secrets.put_secret_value(SecretId=renewing.secret, SecretString="not JSON")
    token = renewing.ask()
    renewing.do("createSecret", token)
    said(caplog)
    assert renewing.do("testSecret", token)
    (line,) = said(caplog)
    assert line[0] == "The session in use cannot be read"
    assert str(line[1]["error"]).startswith(f"The secret is empty or not JSON: {renewing.secret}. ")


def test_a_status_call_that_tells_nothing_is_logged(renewing: Renewing, caplog: pytest.LogCaptureFixture) -> None:
    token = renewing.ask()
    renewing.do("createSecret", token)
    renewing.spaaza.logins.scripted.append(refusal(503))
    said(caplog)
    renewing.do("testSecret", token)
    (line,) = said(caplog)
    assert line[0] == "Spaaza cannot tell whether a session is alive"
    assert "503" in str(line[1]["error"])


def test_tries_that_cannot_be_forgotten_are_logged_and_the_session_is_renewed(
    renewing: Renewing, wire: Wire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    through_the_wire(wire, monkeypatch)
    wire.fail("UpdateSecretVersionStage", DENIED, key_contains="login", nth=2)  # behind the count
    said(caplog)
    assert renewing.rotate().failed_at is None
    error = f"AWS failed while forgetting the tries: AccessDeniedException, HTTP 400. {AWS_NEXT_RUN}"
    assert said(caplog)[0] == ("The tries could not be forgotten", {"error": error})
    assert renewing.is_renewed()


def test_a_rotation_that_cannot_be_taken_out_of_the_way_is_logged_behind_its_own_error(
    renewing: Renewing, wire: Wire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    through_the_wire(wire, monkeypatch)
    renewing.secrets.delete_secret(SecretId=LOGIN_SECRET, ForceDeleteWithoutRecovery=True)
    wire.fail("UpdateSecretVersionStage", DENIED, nth=2)  # the first takes the label of the proof off
    said(caplog)
    assert renewing.rotate().failed_at == "createSecret"
    error = f"AWS failed while ending a rotation that has failed: AccessDeniedException, HTTP 400. {AWS_NEXT_RUN}"
    assert said(caplog) == [("A rotation that has failed could not be taken out of the way", {"error": error})]
    assert "does not exist" in str(renewing.errors[0])


def test_a_rotation_that_was_switched_off_meanwhile_still_tells_why_it_failed(
    renewing: Renewing, wire: Wire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    through_the_wire(wire, monkeypatch)
    renewing.put_login("wrong")
    switch_off = faults.call(lambda: renewing.secrets.cancel_rotate_secret(SecretId=renewing.secret))
    wire.fail("UpdateSecretVersionStage", switch_off, key_contains="login")
    said(caplog)
    assert renewing.rotate().failed_at == "createSecret"
    assert kinds(renewing) == [LoginRefused]
    assert [line for line, _ in said(caplog)] == ["A rotation that has failed could not be taken out of the way"]
