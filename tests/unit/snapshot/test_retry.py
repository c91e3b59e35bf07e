"""When a run tries again, how long it waits, and when it gives up at once."""

import pytest

from spaaza_snapshots import errors
from spaaza_snapshots.errors import ExportInterrupted, ExportUnavailable, SnapshotError
from spaaza_snapshots.snapshot.retry import attempts
from tests.support.builders import HeldClock
from tests.support.log_records import logged

CUT = ExportInterrupted("The export broke off", "", "")
PASSING = (ExportUnavailable, ExportInterrupted)
LASTING = [
    error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, Exception) and not issubclass(error, PASSING)
]


def asks_to_wait(seconds: float) -> ExportUnavailable:
    return ExportUnavailable("Spaaza cannot export now", "", "", retry_after_seconds=seconds)


def outcome(held: HeldClock, *failures: BaseException) -> int:
    """Fail so often, then succeed; return which attempt did."""
    to_come = list(failures)
    for attempt in attempts(held.clock()):
        with attempt:
            if to_come:
                raise to_come.pop(0)
    return attempt.retry_state.attempt_number


@pytest.mark.parametrize("failures", [[], [CUT], [CUT, CUT], [asks_to_wait(1), CUT]])
def test_an_export_may_succeed_at_any_of_three_attempts(failures: list[Exception]) -> None:
    held = HeldClock()
    assert outcome(held, *failures) == len(failures) + 1
    assert len(held.slept) == len(failures)


@pytest.mark.parametrize("failure", PASSING)
def test_the_third_failure_is_the_one_that_is_raised(failure: type[SnapshotError]) -> None:
    held = HeldClock()
    with pytest.raises(failure, match="third"):
        outcome(held, CUT, CUT, failure("third", "", ""))
    assert len(held.slept) == 2


@pytest.mark.parametrize("failure", [*LASTING, ValueError, KeyboardInterrupt], ids=lambda failure: failure.__name__)
def test_what_would_fail_alike_is_not_tried_again(failure: type[BaseException]) -> None:
    held = HeldClock()
    with pytest.raises(failure):
        outcome(held, failure("once", "", ""))
    assert held.slept == []


def test_waits_are_from_1_to_20_seconds_and_never_the_same_for_all() -> None:
    waits = []
    for _ in range(200):
        held = HeldClock()
        outcome(held, CUT, ExportUnavailable("Spaaza did not answer", "", ""))
        waits += held.slept
    assert min(waits) >= 1
    assert max(waits) <= 20
    assert len(set(waits)) > 100


@pytest.mark.parametrize("seconds", [0.0, 7.0, 60.0])
def test_what_spaaza_asks_for_is_waited_up_to_a_minute(seconds: float) -> None:
    held = HeldClock()
    assert outcome(held, asks_to_wait(seconds), asks_to_wait(seconds)) == 3
    assert held.slept == [max(seconds, 1.0)] * 2


@pytest.mark.parametrize("seconds", [60.5, 61.0, 3600.0, float("inf")])
def test_more_than_a_minute_is_raised_at_once(seconds: float) -> None:
    held = HeldClock()
    with pytest.raises(ExportUnavailable) as caught:
        outcome(held, asks_to_wait(seconds))
    assert caught.value.retry_after_seconds == seconds
    assert held.slept == []


@pytest.mark.parametrize(
    ("failure", "left_seconds"),
    [(asks_to_wait(60), 59.0), (asks_to_wait(60), 60.0), (CUT, 0.9), (CUT, 0.0), (CUT, -5.0)],
)
def test_a_wait_as_long_as_the_time_left_is_raised_at_once(failure: SnapshotError, left_seconds: float) -> None:
    held = HeldClock(left_seconds=left_seconds)
    with pytest.raises(type(failure)):
        outcome(held, failure)
    assert held.slept == []


def test_the_time_left_is_looked_at_before_each_wait() -> None:
    held = HeldClock(left_seconds=100.0)
    with pytest.raises(ExportUnavailable):
        outcome(held, asks_to_wait(55), asks_to_wait(55))
    assert held.slept == [55]


def test_waits_take_from_the_time_that_is_left() -> None:
    held = HeldClock(left_seconds=100.0)
    outcome(held, asks_to_wait(40))
    assert held.clock().seconds_left() == 60.0


def test_each_wait_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    failures = [asks_to_wait(7.26), ExportInterrupted("The export broke off", "at 5 bytes", "")]
    held = HeldClock()
    outcome(held, *failures)
    assert logged(caplog, "Retrying the export") == [
        {"attempt": 1, "wait_seconds": 7.3, "error": "Spaaza cannot export now."},
        {"attempt": 2, "wait_seconds": round(held.slept[1], 1), "error": "The export broke off: at 5 bytes."},
    ]
