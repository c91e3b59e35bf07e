"""What can go wrong with one AWS call: each fault maps an exchange to its answer, or to None to hang up."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Event
from typing import Any, Literal

from sandbox.wire import proxy
from sandbox.wire.operations import Operation
from sandbox.wire.proxy import HttpAnswer, HttpRequest, answer_of

When = Literal["before", "after", "instead"]  # relative to forwarding the request
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Exchange:
    """A complete request and its upstream; `closing` is set when the wire closes."""

    request: HttpRequest
    operation: Operation
    upstream: str
    closing: Event

    def forward(self) -> HttpAnswer:
        """Forward the request and return the upstream's answer."""
        return proxy.forward(self.request, self.upstream)


Fault = Callable[[Exchange], HttpAnswer | None]


_QUERY_SERVICES = ("cloudformation", "iam", "sns", "sts")


def error(status: int, code: str, *, forwarded: bool = False) -> Fault:
    """Answer with an AWS error, in the service's own format; `forwarded`: the call is carried out all the same."""

    def fault(exchange: Exchange) -> HttpAnswer:
        if forwarded:
            exchange.forward()
        if exchange.operation.service == "s3":
            text = (
                f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{code}</Message></Error>'
            )
            return answer_of(status, "application/xml", text.encode())
        if exchange.operation.service in _QUERY_SERVICES:
            text = f"<ErrorResponse><Error><Code>{code}</Code><Message>{code}</Message></Error></ErrorResponse>"
            return answer_of(status, "text/xml", text.encode())
        body = json.dumps({"__type": code, "message": code})
        return answer_of(status, "application/x-amz-json-1.1", body.encode())

    return fault


def error_in_200(code: str, *, forwarded: bool = False) -> Fault:
    """Answer 200 with an error in the body, as S3 does when a Complete fails after the answer has started."""
    return error(200, code, forwarded=forwarded)


def rewritten(old: str, new: str) -> Fault:
    """Carry the call out, and answer with another text in place of this one."""

    def fault(exchange: Exchange) -> HttpAnswer:
        answer = exchange.forward()
        headers = tuple(pair for pair in answer.headers if pair[0].lower() != "content-length")
        body = answer.body.replace(old.encode(), new.encode())
        return replace(answer, headers=(*headers, ("Content-Length", str(len(body)))), body=body)

    return fault


def answered(content_type: str, body: Callable[[], str]) -> Fault:
    """Answer in the place of a server that does not know the call; `body` is asked each time."""
    return lambda _: answer_of(200, content_type, body().encode())


def drop_request(_exchange: Exchange) -> None:
    """Close the connection; the call is not carried out."""


def lose_answer(exchange: Exchange) -> None:
    """Carry the call out, then close the connection without an answer."""
    exchange.forward()


def stall(seconds: float, *, when: When = "before") -> Fault:
    """Wait that long, or until the wire closes."""
    return _around(lambda exchange: exchange.closing.wait(seconds), when)


def hold(release: Event, *, reached: Event | None = None, when: When = "before") -> Fault:
    """Wait until the test sets `release` or the wire closes; `reached` is set when the wait starts."""

    def wait(exchange: Exchange) -> None:
        if reached:
            reached.set()
        while not (release.wait(_POLL_SECONDS) or exchange.closing.is_set()):
            pass

    return _around(wait, when)


def call(function: Callable[[], object], *, when: When = "before") -> Fault:
    """Call a function of the test, such as one that kills the caller or lets another run go first."""
    return _around(lambda _: function(), when)


def failed_entries(*indexes: int, code: str = "InternalFailure") -> Fault:
    """Fail these entries of a PutEvents (from 0); only the others are put on the bus."""

    def fault(exchange: Exchange) -> HttpAnswer:
        asked = json.loads(exchange.request.body)
        entries = asked["Entries"]
        results = [{"ErrorCode": code, "ErrorMessage": code} for _ in entries]
        passed = [index for index in range(len(entries)) if index not in indexes]
        if passed:
            body = json.dumps({**asked, "Entries": [entries[index] for index in passed]}).encode()
            answered: dict[str, Any] = json.loads(_with_body(exchange, body).forward().body)
            for index, result in zip(passed, answered["Entries"], strict=True):
                results[index] = result
        failed = {"FailedEntryCount": len(entries) - len(passed), "Entries": results}
        return answer_of(200, "application/x-amz-json-1.1", json.dumps(failed).encode())

    return fault


def _around(act: Callable[[Exchange], object], when: When) -> Fault:
    def fault(exchange: Exchange) -> HttpAnswer | None:
        if when != "after":
            act(exchange)
        if when == "instead" or exchange.closing.is_set():
            return None
        answer = exchange.forward()
        if when == "after":
            act(exchange)
        return answer

    return fault


def _with_body(exchange: Exchange, body: bytes) -> Exchange:
    headers = exchange.request.headers
    headers.replace_header("Content-Length", str(len(body)))
    return replace(exchange, request=replace(exchange.request, headers=headers, body=body))
