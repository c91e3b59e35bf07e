"""Lambda's queue of asynchronous invocations, in front of functions on this machine.

What AWS says of it, and this does: an event may come more than once. Where no run may start, the event is throttled and
goes back into the queue, for a second at first and for five minutes in the end. An error of the function is retried
`MaximumRetryAttempts` times, after one minute and then after two. What fails for good, or is older than
`MaximumEventAgeInSeconds`, goes to the destination for failures.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html

How often an event comes twice, and how much later, AWS does not say: here every nth does, up to `double_seconds` later.
Nor how events that are throttled together are kept apart: here each waits between half and all of its interval.
"""

import heapq
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Final

from sandbox.aws.lambda_runtime import Invocation, LambdaFunction

_POLL_SECONDS: Final = 0.05
_LOOK_SECONDS: Final = 0.3


@dataclass(frozen=True)
class AsyncConfig:
    """`EventInvokeConfig` of a template, and what AWS leaves open: see the module."""

    maximum_retry_attempts: int
    maximum_event_age_seconds: float
    first_interval_seconds: float = 1.0
    longest_interval_seconds: float = 300.0
    retry_seconds: tuple[float, float] = (60.0, 120.0)
    double_every: int = 10
    double_seconds: float = 5.0
    seed: int = 1


@dataclass(frozen=True)
class Undelivered:
    """What the destination for failures gets: the event, why, and how its last attempt ended if there was one."""

    event: object
    condition: str
    ended: Invocation | None


@dataclass(order=True)
class _Queued:
    due: float
    number: int
    event: object = field(compare=False)
    accepted_at: float = field(compare=False)
    throttles: int = field(default=0, compare=False)
    attempts: int = field(default=0, compare=False)


class AsyncInvocations:
    """The queue of one function, of which as many copies run at once as there are `functions`; in one thread.

    Counts what it does: `accepted` events, `doubles` of them, `deliveries` to the function, `throttles`.
    """

    def __init__(self, functions: Sequence[LambdaFunction], config: AsyncConfig) -> None:
        self.accepted = self.doubles = self.deliveries = self.throttles = 0
        self.undelivered: list[Undelivered] = []
        self._config = config
        self._idle = list(functions)
        self._running: dict[Future[Invocation], tuple[_Queued, LambdaFunction]] = {}
        self._queue: list[_Queued] = []
        self._numbers = count()
        self._random = Random(config.seed)

    def accept(self, event: object) -> None:
        """Take an event, as an invocation of the type Event does."""
        now = time.monotonic()
        self.accepted += 1
        self._push(now, event, now)
        if self.accepted % self._config.double_every == 0:
            self.doubles += 1
            self._push(now + self._random.uniform(0, self._config.double_seconds), event, now)

    def play(self, arriving: Callable[[], Iterable[object]]) -> None:
        """Deliver, and accept what arrives meanwhile, until nothing is left and nothing arrives any more."""
        look_at = 0.0
        while True:
            is_over = not (self._queue or self._running)
            if is_over or time.monotonic() >= look_at:
                arrived = list(arriving())
                look_at = time.monotonic() + _LOOK_SECONDS
                for event in arrived:
                    self.accept(event)
                if is_over and not arrived:
                    return
            self._start_due()
            for future in wait(self._running, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED).done:
                self._end(future)

    def _push(self, due: float, event: object, accepted_at: float) -> None:
        heapq.heappush(self._queue, _Queued(due, next(self._numbers), event, accepted_at))

    def _start_due(self) -> None:
        while self._queue and self._queue[0].due <= time.monotonic():
            queued = heapq.heappop(self._queue)
            if time.monotonic() - queued.accepted_at > self._config.maximum_event_age_seconds:
                self.undelivered.append(Undelivered(queued.event, "EventAgeExceeded", None))
            elif self._idle:
                function = self._idle.pop()
                self.deliveries += 1
                queued.attempts += 1
                self._running[function.invoke_in_background(queued.event)] = (queued, function)
            else:
                self._throttle(queued)

    def _throttle(self, queued: _Queued) -> None:
        self.throttles += 1
        interval = self._config.first_interval_seconds * 2**queued.throttles
        interval = min(interval, self._config.longest_interval_seconds) * self._random.uniform(0.5, 1)
        queued.throttles += 1
        queued.due = time.monotonic() + interval
        heapq.heappush(self._queue, queued)

    def _end(self, future: Future[Invocation]) -> None:
        queued, function = self._running.pop(future)
        self._idle.append(function)
        ended = future.result()
        if ended.error_type is None:
            return
        if queued.attempts > self._config.maximum_retry_attempts:
            self.undelivered.append(Undelivered(queued.event, "RetriesExhausted", ended))
        else:
            queued.due = time.monotonic() + self._config.retry_seconds[queued.attempts - 1]
            heapq.heappush(self._queue, queued)
