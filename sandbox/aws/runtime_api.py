"""Lambda's Runtime API on loopback, for the runtime client in a function's process."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Literal
from urllib.parse import urlsplit

from sandbox.wire.proxy import HttpAnswer, HttpRequest, answer_of, serving

_BASE = "/2018-06-01/runtime/"


@dataclass(frozen=True)
class Work:
    """An event for the function, as JSON; the deadline is in milliseconds since 1970."""

    request_id: str
    function_arn: str
    deadline_ms: int
    event: bytes


@dataclass(frozen=True)
class Report:
    """What a process did: it waits for work, has answered, failed, could not start, has exited or timed out.

    `body` is what it sent, parsed, or what its watcher measured: `exit_code`, `seconds`.
    """

    kind: Literal["ready", "response", "error", "init_error", "exited", "timed_out"]
    body: Any = None


class RuntimeApi:
    """The queue of work for one process, and of its reports in order."""

    def __init__(self) -> None:
        """Start without work."""
        self.address = ""
        self.work: SimpleQueue[Work | None] = SimpleQueue()
        self.reports: SimpleQueue[Report] = SimpleQueue()

    def answer(self, request: HttpRequest) -> HttpAnswer | None:
        """Answer the runtime client; a request for work waits until there is some, and None ends it."""
        match request.target.removeprefix(_BASE).split("/"):
            case ["invocation", "next"]:
                self.reports.put(Report("ready"))
                work = self.work.get()
                return _handed_over(work) if work else None
            case ["invocation", _, "response"]:
                self.reports.put(Report("response", json.loads(request.body)))
            case ["invocation", _, "error"]:
                self.reports.put(Report("error", json.loads(request.body)))
            case ["init", "error"]:
                self.reports.put(Report("init_error", json.loads(request.body)))
            case _:
                return answer_of(404, "application/json", b"{}")
        return answer_of(202, "application/json", b'{"status":"OK"}')


@contextmanager
def serving_runtime() -> Iterator[RuntimeApi]:
    """Serve one process on a free port of 127.0.0.1."""
    api = RuntimeApi()
    with serving(api.answer, name="runtime-api") as url:
        api.address = urlsplit(url).netloc
        try:
            yield api
        finally:
            api.work.put(None)


def _handed_over(work: Work) -> HttpAnswer:
    headers = (
        ("Lambda-Runtime-Aws-Request-Id", work.request_id),
        ("Lambda-Runtime-Deadline-Ms", str(work.deadline_ms)),
        ("Lambda-Runtime-Invoked-Function-Arn", work.function_arn),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(work.event))),
    )
    return HttpAnswer(200, headers, work.event)
