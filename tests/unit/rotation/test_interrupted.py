"""A rotation that is killed half-way, or that meets another one: the next heals it."""

import json
from threading import Event, Thread
from time import sleep

import pytest

from sandbox.wire import faults
from sandbox.wire.wire import Wire
from spaaza_snapshots.errors import (
    InvalidRequest,
    SessionExpired,
)
from tests.support.rotation import Renewing
from tests.support.steps import dead_session, kinds, log_in_elsewhere, through_the_wire

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
