"""A rotation that is killed half-way, or that meets another one: the next heals it."""

from threading import Event, Thread
from time import sleep

import pytest

from sandbox.wire import faults
from sandbox.wire.wire import Wire
from spaaza_snapshots.errors import (
    InvalidRequest,
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


def test_a_left_over_awspending_whose_session_is_dead_as_the_current_one_is_ended_and_the_next_rotation_heals(
    renewing: Renewing,
) -> None:
    token = renewing.ask()
    assert renewing.do("createSecret", token)
    log_in_elsewhere(renewing)
    (played,) = renewing.play()
    assert (played.token, played.failed_at) == (token, None)  # one dead session in the place of another
    assert renewing.rotate().token != token
    assert renewing.is_renewed()


def test_a_left_over_awspending_behind_a_log_in_by_hand_is_given_up_and_the_next_rotation_heals(
    renewing: Renewing,
) -> None:
    token = renewing.ask()
    assert renewing.do("createSecret", token)
    renewing.log_in_by_hand()
    by_hand = renewing.current()
    (played,) = renewing.play()
    assert played.failed_at == "testSecret"
    assert renewing.current() == by_hand
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
    assert renewing.do("testSecret", second)
    assert renewing.do("finishSecret", second)
    assert kinds(renewing) == [InvalidRequest]
    renewing.aws.secrets.asked.clear()
    assert renewing.rotate().failed_at is None
    assert renewing.is_renewed()


def test_a_step_that_runs_twice_at_once_is_healed_when_its_later_log_in_is_stored(
    renewing: Renewing, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = renewing.ask()
    through_the_wire(wire, monkeypatch)
    wire.fail("PutSecretValue", faults.call(lambda: renewing.do("createSecret", token)), nth=2)  # behind the proof
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
        wire.fail("PutSecretValue", faults.hold(stored), nth=2)
        threads.append(Thread(target=renewing.do, args=("createSecret", token)))
        threads[0].start()
        while renewing.log_ins() < 2:
            sleep(0.01)

    threads: list[Thread] = []
    wire.fail("PutSecretValue", faults.call(late), nth=2)
    assert renewing.do("createSecret", token)
    stored.set()
    threads[0].join()
    assert renewing.do("testSecret", token)
    assert renewing.do("finishSecret", token)
    renewing.aws.secrets.asked.clear()
    assert renewing.rotate().failed_at is None
    assert renewing.is_renewed()
