"""Lambda's own API on loopback, in front of a function in the real runtime client."""

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from uuid import uuid4

import boto3
import pytest

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.stack import Stack
from spaaza_snapshots.upkeep import run_log
from tests.support.forked import forked

LOG_GROUP, LOG_STREAM = "spaaza-log", "2026/11/22/[$LATEST]1"

Lines = tuple[str, Sequence[str]]  # the request's id, and what was logged


@dataclass
class Lambda:
    """Lambda's own API on loopback, in front of what a test has it run; the log goes to CloudWatch Logs."""

    bucket: str
    logs: Any
    run: Callable[[Any], Lines]
    invoked: list[tuple[str, Any]] = field(default_factory=list)  # how, and with what
    status: int = 202

    def invoke(self, how: str, payload: Any) -> str:
        """Run to the end before answering; a caller sees no difference."""
        self.invoked.append((how, payload))
        request_id, lines = self.run(payload)
        now_ms = int(time.time() * 1000)
        entries = [{"timestamp": now_ms + number, "message": line} for number, line in enumerate(lines)]
        if entries:
            self.logs.put_log_events(logGroupName=LOG_GROUP, logStreamName=LOG_STREAM, logEvents=entries)
        return request_id

    @property
    def configuration(self) -> dict[str, Any]:
        """The part of GetFunctionConfiguration that is read."""
        return {
            "LoggingConfig": {"LogGroup": LOG_GROUP},
            "Environment": {"Variables": {"SNAPSHOT_BUCKET": self.bucket}},
        }


def serving(functions: Lambda) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200, json.dumps(functions.configuration).encode(), str(uuid4()))

        def do_POST(self) -> None:
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            request_id = functions.invoke(self.headers["X-Amz-Invocation-Type"], payload)
            self.answer(functions.status, b"{}" if functions.status > 299 else b"", request_id)

        def answer(self, status: int, body: bytes, request_id: str) -> None:
            with suppress(ConnectionError):  # of a command that was interrupted
                self.send_response(status)
                self.send_header("x-amzn-RequestId", request_id)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@contextmanager
def serving_function(stack: Stack, handler: str, monkeypatch: pytest.MonkeyPatch, **more: Any) -> Iterator[Lambda]:
    """A function on this machine, as its deployment would be asked; `more` goes to `LambdaFunction`."""
    monkeypatch.setattr(run_log, "POLL_SECONDS", 0.05)
    monkeypatch.setenv("AWS_ENDPOINT_URL", stack.aws.endpoint_url)
    with (
        LambdaFunction(handler, stack.environment(), launch=forked, **more) as function,
        closing(boto3.client("logs")) as logs,
    ):
        logs.create_log_group(logGroupName=LOG_GROUP)
        logs.create_log_stream(logGroupName=LOG_GROUP, logStreamName=LOG_STREAM)

        def run(event: Any) -> Lines:
            lines = function.invoke(event).log_lines
            request_id = re.findall(r'"function_request_id":"([^"]+)"', "".join(lines))[0]
            return request_id, [*lines, report(request_id)]

        served = Lambda(stack.bucket, logs, run)
        with serving(served) as server:
            thread = Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://127.0.0.1:{server.server_port}")
            yield served
            server.shutdown()
            thread.join()


def report(request_id: str, status: str = "") -> str:
    """The last line of an invocation, as Lambda writes it."""
    return f"REPORT RequestId: {request_id}\tDuration: 900000.00 ms\tMax Memory Used: 99 MB\t{status}\n"
