"""When an export is retried within one run; the hourly schedule is the longer retry after this one."""

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import logger
from spaaza_snapshots.errors import ExportInterrupted, ExportUnavailable

ATTEMPTS = 3
LEAST_WAIT_SECONDS = 1.0
LONGEST_RETRY_AFTER_SECONDS = 60.0

_full_jitter = wait_random_exponential(multiplier=4, min=LEAST_WAIT_SECONDS, max=20)


def attempts(clock: Clock) -> Retrying:
    """Return an iterator of attempts, used as `for attempt in attempts(clock): with attempt: …`.

    Errors that Spaaza may recover from are tried three times in total. It stops early if the wait would outlast the
    function's time, or if Spaaza asks for more than a minute; the last error is raised.
    """
    return Retrying(
        retry=retry_if_exception_type((ExportUnavailable, ExportInterrupted)),
        wait=_wait_seconds,
        stop=lambda state: _is_over(state, clock),
        sleep=clock.sleep,
        before_sleep=_log,
        reraise=True,
    )


def _asked_seconds(state: RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.retry_after_seconds if isinstance(error, ExportUnavailable) else None


def _wait_seconds(state: RetryCallState) -> float:
    asked_seconds = _asked_seconds(state)
    return _full_jitter(state) if asked_seconds is None else max(asked_seconds, LEAST_WAIT_SECONDS)


def _is_over(state: RetryCallState, clock: Clock) -> bool:
    asked_seconds = _asked_seconds(state)
    too_long = asked_seconds is not None and asked_seconds > LONGEST_RETRY_AFTER_SECONDS
    return too_long or state.upcoming_sleep >= clock.seconds_left() or stop_after_attempt(ATTEMPTS)(state)


def _log(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    figures = {"attempt": state.attempt_number, "wait_seconds": round(state.upcoming_sleep, 1), "error": str(error)}
    logger.warning("Retrying the export", extra=figures)
