"""A rotation never makes things worse: it proves that it can store, counts its tries, keeps what may live."""

import pytest

from sandbox.spaaza.answers import refusal
from sandbox.wire import faults
from sandbox.wire.faults import Exchange
from sandbox.wire.proxy import HttpAnswer
from sandbox.wire.wire import EVERY_TIME, Wire
from spaaza_snapshots.errors import CredentialsError, LoginRefused, SessionExpired, StorageError
from tests.support.rotation import LOGIN_SECRET, Renewing
from tests.support.steps import dead_session, kinds, through_the_wire

DENIED = faults.error(400, "AccessDeniedException")


def test_nobody_logs_in_before_the_session_can_be_stored(
    renewing: Renewing, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    through_the_wire(wire, monkeypatch)
    wire.fail("PutSecretValue", DENIED, times=EVERY_TIME)
    assert renewing.rotate().failed_at == "createSecret"
    assert kinds(renewing) == [StorageError]
    assert renewing.log_ins() == 0
    wire.clear()
    assert renewing.rotate().failed_at is None
    assert renewing.is_renewed()


def test_nobody_logs_in_while_tries_cannot_be_counted(
    renewing: Renewing, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    through_the_wire(wire, monkeypatch)
    renewing.put_login("wrong")
    wire.fail("UpdateSecretVersionStage", DENIED, key_contains="login", times=EVERY_TIME)
    for _ in range(6):
        renewing.rotate()
    assert renewing.log_ins() == 0


def test_tries_whose_end_cannot_be_marked_are_three_at_most(
    renewing: Renewing, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny_the_mark(exchange: Exchange) -> HttpAnswer | None:
        return DENIED(exchange) if b'"REFUSED"' in exchange.request.body else exchange.forward()

    through_the_wire(wire, monkeypatch)
    wire.fail("UpdateSecretVersionStage", deny_the_mark, times=EVERY_TIME)
    renewing.put_login("wrong")
    for _ in range(6):
        renewing.rotate()
    assert renewing.log_ins() == 3
    assert kinds(renewing)[-1] is CredentialsError


def test_only_labels_of_tries_that_are_there_are_taken_off(
    renewing: Renewing, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    through_the_wire(wire, monkeypatch)
    assert renewing.rotate().failed_at is None
    moved = [call.status for call in wire.calls if call.operation == "UpdateSecretVersionStage"]
    assert set(moved) == {200}  # Secrets Manager refuses to take off a label that is not there


def test_a_try_is_taken_off_the_version_that_logged_in_though_a_newer_one_has_come(
    renewing: Renewing, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    through_the_wire(wire, monkeypatch)
    put = faults.call(lambda: renewing.put_login("another"))
    wire.fail("PutSecretValue", put, key_contains=renewing.secret, nth=2)  # behind the proof and the log-in
    assert renewing.rotate().failed_at is None
    assert set().union(*renewing.labels(LOGIN_SECRET).values()) == {"AWSCURRENT", "AWSPREVIOUS"}


def test_a_session_that_cannot_be_stored_counts_no_try_and_bars_no_other_rotation(
    renewing: Renewing, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    through_the_wire(wire, monkeypatch)
    for _ in range(4):
        wire.fail("PutSecretValue", DENIED, key_contains=renewing.secret, nth=2)  # behind the proof and the log-in
        assert renewing.rotate().failed_at == "createSecret"
        assert set().union(*renewing.labels(LOGIN_SECRET).values()) == {"AWSCURRENT"}
        assert "AWSPENDING" not in set().union(*renewing.labels(renewing.secret).values())
        wire.clear()
    assert set(kinds(renewing)) == {StorageError}
    assert renewing.rotate().failed_at is None
    assert renewing.is_renewed()


def test_a_session_whose_storing_was_not_answered_is_kept(
    renewing: Renewing, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    through_the_wire(wire, monkeypatch)
    stored = faults.error(400, "AccessDeniedException", forwarded=True)
    wire.fail("PutSecretValue", stored, key_contains=renewing.secret, nth=2)
    renewing.ask()
    renewing.aws.secrets.play_rotations(renewing.step, tries=2)
    assert renewing.is_renewed()
    assert renewing.log_ins() == 1


def test_a_login_that_went_well_leaves_no_try_counted(renewing: Renewing) -> None:
    for _ in range(5):
        assert renewing.rotate().failed_at is None
    assert renewing.log_ins() == 5
    assert renewing.is_renewed()
    assert list(renewing.labels(LOGIN_SECRET).values()) == [{"AWSCURRENT"}]


@pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
def test_a_status_call_that_nobody_understands_withholds_no_new_session(renewing: Renewing, status: int) -> None:
    token = renewing.ask()
    assert renewing.do("createSecret", token)
    renewing.spaaza.logins.scripted = [refusal(status)] * 4
    assert renewing.do("testSecret", token)
    renewing.spaaza.logins.scripted = []
    assert renewing.do("finishSecret", token)
    assert renewing.is_renewed()


def test_a_new_session_that_spaaza_denies_is_kept_unless_the_current_one_lives(renewing: Renewing) -> None:
    token = renewing.ask()
    assert renewing.do("createSecret", token)
    renewing.spaaza.logins.scripted = [refusal(401, 6)] * 4  # the call is not understood: it denies every session
    assert renewing.do("testSecret", token)
    renewing.spaaza.logins.scripted = []
    assert renewing.do("finishSecret", token)
    assert renewing.is_renewed()


def test_a_new_session_that_is_dead_beside_a_living_one_is_given_up(renewing: Renewing) -> None:
    token = renewing.ask()
    assert renewing.do("createSecret", token)
    renewing.log_in_by_hand()
    assert not renewing.do("testSecret", token)
    assert kinds(renewing) == [SessionExpired]
    assert renewing.is_renewed()


@pytest.mark.parametrize("text", ["{}", "not JSON", dead_session()])
def test_a_refused_password_leaves_what_is_there(renewing: Renewing, text: str) -> None:
    renewing.secrets.put_secret_value(SecretId=renewing.secret, SecretString=text)
    renewing.put_login("wrong")
    renewing.rotate()
    assert kinds(renewing) == [LoginRefused]
    assert renewing.secrets.get_secret_value(SecretId=renewing.secret)["SecretString"] == text
