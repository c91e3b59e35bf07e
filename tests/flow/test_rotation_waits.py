"""A run that is refused while a rotation is under way: it waits for the new session, and not too long."""

from datetime import UTC, datetime
from threading import Thread

import pytest

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.stack import Stack
from sandbox.wire import faults
from spaaza_snapshots.errors import SessionExpired
from spaaza_snapshots.snapshot.renewal import LONGEST_WAIT_SECONDS
from tests.support.builders import HeldClock
from tests.support.flow import CHAIN, invoke
from tests.support.rotation import Renewing, invoke_at_once

TODAY = datetime.now(UTC).date()
ONE_CHAIN = {"chain_ids": [CHAIN], "scheduled_time": f"{TODAY}T00:00:00Z"}


def test_a_run_that_is_refused_during_a_rotation_waits_for_its_end(
    stack: Stack, renewing: Renewing, rotation: LambdaFunction, export: LambdaFunction
) -> None:
    """The one chain's own scheduled run asks for the rotation, is refused meanwhile, and is good in the end."""
    stack.spaaza.logins.end()
    played: list[Thread] = []

    def begin() -> None:
        played.append(Thread(target=renewing.play_with, args=(rotation,)))
        played[0].start()

    stack.wire.fail("RotateSecret", faults.call(begin, when="after"))
    invocation = export.invoke(ONE_CHAIN)
    played[0].join()
    assert invocation.payload is not None
    assert invocation.payload["status"] == "complete"
    assert invocation.seconds < LONGEST_WAIT_SECONDS
    asked = [request for request in stack.spaaza.requests if request.path == "/segments/export/users"]
    assert len(asked) == 2  # refused, and after the wait


def test_a_run_that_is_refused_waits_no_longer_than_half_a_minute(stack: Stack, renewing: Renewing) -> None:
    stack.spaaza.logins.end()
    slept = invoke_at_once(stack).slept
    assert LONGEST_WAIT_SECONDS <= sum(slept) < LONGEST_WAIT_SECONDS + 5


def test_a_run_that_is_refused_waits_within_its_clock(stack: Stack, renewing: Renewing) -> None:
    stack.spaaza.logins.end()
    assert 0 < sum(invoke_at_once(stack, HeldClock(left_seconds=10)).slept) < 10


def test_without_the_renewal_a_run_that_is_refused_waits_for_nothing(stack: Stack) -> None:
    stack.spaaza.logins.end()
    held = HeldClock()
    with pytest.raises(SessionExpired):
        invoke(stack, held=held)
    assert held.slept == []
