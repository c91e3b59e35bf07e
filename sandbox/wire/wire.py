"""A wire on loopback that carries all AWS traffic of a function, in this process or another.

It forwards every request unchanged, records the calls, and breaks a chosen call in a chosen way
(`sandbox.wire.faults`).
"""

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Lock
from types import TracebackType
from typing import Self

from sandbox.wire.faults import Exchange, Fault
from sandbox.wire.operations import Operation, operation_of
from sandbox.wire.proxy import HttpAnswer, HttpRequest, serving

EVERY_TIME = sys.maxsize  # for `times`


@dataclass(frozen=True)
class Call:
    """One call and how it was answered.

    `service` is the name in the signature ("s3", "events", …); `detail` is the S3 key, or whatever the call is about;
    `status` is None if the connection was closed without an answer.
    """

    service: str
    operation: str
    detail: str
    status: int | None


@dataclass
class _Rule:
    """Break the calls `first` to `last` of an operation, counted from 1."""

    operation: str
    fault: Fault
    first: int
    last: int
    key_contains: str
    seen: int = field(default=0, init=False)

    def hits(self, called: Operation) -> bool:
        """Count a call, and say whether to break it."""
        if called.name != self.operation or self.key_contains not in called.detail:
            return False
        self.seen += 1
        return self.first <= self.seen <= self.last


class Wire:
    """One port of 127.0.0.1 per upstream, so that paths and signatures stay unchanged; use it in a `with`.

    Holds each request and its answer in memory as a whole.
    """

    def __init__(self, upstreams: Mapping[str, str]) -> None:
        """Take the address of each upstream by name: `{"s3": "http://127.0.0.1:8333", "aws": …}`."""
        self._upstreams = dict(upstreams)
        self._urls: dict[str, str] = {}
        self._calls: list[Call] = []
        self._rules: list[_Rule] = []
        self._lock = Lock()
        self._closing = Event()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Listen."""
        for name, upstream in self._upstreams.items():
            answer = partial(self._answer, upstream)
            self._urls[name] = self._stack.enter_context(serving(answer, name=f"wire-{name}"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End every stall and hold, close all connections, and wait for the threads."""
        self._closing.set()
        self._stack.close()

    def url(self, upstream: str) -> str:
        """Address to use instead of an upstream's."""
        return self._urls[upstream]

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call since the start or the last `clear`, in order of the answers."""
        with self._lock:
            return tuple(self._calls)

    def fail(self, operation: str, fault: Fault, *, nth: int = 1, times: int = 1, key_contains: str = "") -> None:
        """Break `times` calls of an operation, from the nth from now on (counted from 1).

        Only calls whose detail contains `key_contains` count. If several faults match a call, the one set first wins.
        """
        with self._lock:
            self._rules.append(_Rule(operation, fault, nth, nth + times - 1, key_contains))

    def clear(self) -> None:
        """Forget the calls and the faults."""
        with self._lock:
            self._calls.clear()
            self._rules.clear()

    def _answer(self, upstream: str, request: HttpRequest) -> HttpAnswer | None:
        called = operation_of(request)
        with self._lock:
            faults = [rule.fault for rule in self._rules if rule.hits(called)]
        exchange = Exchange(request, called, upstream, self._closing)
        answer = faults[0](exchange) if faults else exchange.forward()
        with self._lock:
            self._calls.append(Call(called.service, called.name, called.detail, answer.status if answer else None))
        return answer
