"""A Lambda function on this machine: its handler in its own process, under AWS's runtime client."""

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty
from signal import strsignal
from tempfile import TemporaryDirectory
from threading import Lock, RLock, Thread
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from sandbox.aws import processes
from sandbox.aws.launch import Launch, launched_by
from sandbox.aws.runtime_api import Report, RuntimeApi, Work, serving_runtime

INIT_SECONDS = 60  # Lambda allows 10; this machine may be busy
REGION = "eu-west-1"
SOURCES = Path(__file__).resolve().parents[2] / "src"


@dataclass(frozen=True)
class Invocation:
    """How an invocation ended: with a payload, or with an error as Lambda reports it.

    `seconds` excludes the start of the process. `peak_memory_bytes` is the most the process has ever held; None if it
    was gone before it could be asked, or if there is no /proc. If `cold`, `log_lines` includes those of the start.
    """

    payload: Any = None
    error_type: str | None = None
    error_message: str = ""
    stack: tuple[str, ...] = ()
    timed_out: bool = False
    crashed: bool = False
    cold: bool = False
    seconds: float = 0.0
    peak_memory_bytes: int | None = None
    log_lines: tuple[str, ...] = ()


class LambdaFunction:
    """A function with at most one process, kept warm between invocations as Lambda does; use it in a `with`."""

    def __init__(
        self,
        handler: str,
        environment: Mapping[str, str],
        *,
        timeout_seconds: float = 900,
        memory_mb: int = 256,
        launch: Launch | None = None,
        pythonpath: Sequence[Path] = (SOURCES,),
    ) -> None:
        """Take what the template says about a function; the first of `pythonpath` is the folder of its code.

        The process gets this environment and Lambda's own variables, and inherits only PATH. `memory_mb` is reported
        to it, not enforced.
        """
        self._handler = handler
        self._environment = dict(environment)
        self._timeout_seconds = timeout_seconds
        self._memory_mb = memory_mb
        self._launch = launch or launched_by(sys.executable)
        self._pythonpath = [str(path) for path in pythonpath]
        self._container: _Container | None = None
        self._one_at_a_time = Lock()
        self._starting_or_ending = RLock()
        self._closed = False
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Get ready; the first invocation starts the process."""
        directory = Path(self._stack.enter_context(TemporaryDirectory(prefix="lambda-")))
        self._log = directory / "log"
        self._log.touch()
        # A process dies with the thread that started it, so this thread lives as long as the function.
        self._starter = self._stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="lambda-starter"))
        self._invoker = self._stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="lambda-invoker"))
        self._stack.callback(self._close)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Kill the process; an invocation in the background ends as crashed."""
        self._stack.close()

    @property
    def pid(self) -> int:
        """Process id of the function."""
        if self._container is None:
            raise RuntimeError("The function has no process: it was never invoked, or its process was killed.")
        return self._container.process.pid

    @property
    def log(self) -> str:
        """Everything the function has written to stdout and stderr so far."""
        return self._log_from(0)

    def invoke(self, event: object, deadline_seconds: float | None = None) -> Invocation:
        """Invoke with an event and return how that ended; the process is killed at the deadline.

        Never raises when the function fails. A second thread waits until the first thread's invocation has ended.
        """
        seconds = self._timeout_seconds if deadline_seconds is None else deadline_seconds
        with self._one_at_a_time:
            log_start = self._log.stat().st_size
            warm = self._warm_container()
            container = warm or self._start()
            report = Report("ready") if warm else container.report(INIT_SECONDS)
            began = time.monotonic()
            if report.kind == "ready":
                report = container.run(event, self._arn, seconds)
            ended = replace(
                _invocation(report),
                cold=warm is None,
                seconds=time.monotonic() - began,
                peak_memory_bytes=container.peak_memory_bytes(),
                log_lines=tuple(self._log_from(log_start).splitlines()),
            )
            if report.kind not in {"response", "error"}:
                self._end()
            return ended

    def invoke_in_background(self, event: object, deadline_seconds: float | None = None) -> "Future[Invocation]":
        """Invoke in another thread."""
        return self._invoker.submit(self.invoke, event, deadline_seconds)

    @property
    def _arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:123456789012:function:{self._name}"

    @property
    def _name(self) -> str:
        return self._handler.replace(".", "-")

    def _log_from(self, offset: int) -> str:
        return self._log.read_bytes()[offset:].decode("utf-8", "replace")

    def _warm_container(self) -> "_Container | None":
        container = self._container
        return container if container and container.report(INIT_SECONDS).kind == "ready" else None

    def _close(self) -> None:
        with self._starting_or_ending:
            self._closed = True
            self._end()

    def _end(self) -> None:
        with self._starting_or_ending:
            if self._container:
                self._container.stack.close()
            self._container = None

    def _start(self) -> "_Container":
        with self._starting_or_ending, ExitStack() as stack:
            self._end()
            if self._closed:
                raise RuntimeError("The function is closed.")
            api = stack.enter_context(serving_runtime())
            process = self._starter.submit(self._launch, self._variables(api.address), self._log).result()
            watcher = Thread(target=_report_exit, args=(process, api), name="lambda-watcher")
            watcher.start()
            stack.callback(watcher.join)
            stack.callback(processes.stop, process, grace_seconds=0)
            self._container = _Container(api, process, stack.pop_all())
            return self._container

    def _variables(self, api_address: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(self._pythonpath),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "TMPDIR": str(self._log.parent),  # the function's /tmp: removed with it, however it ends
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_FUNCTION_NAME": self._name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self._memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self._name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "sandbox",
            "LAMBDA_TASK_ROOT": self._pythonpath[0],
            "_HANDLER": self._handler,
            **self._environment,
            "AWS_LAMBDA_RUNTIME_API": api_address,
        }


@dataclass(frozen=True)
class _Container:
    api: RuntimeApi
    process: processes.Process
    stack: ExitStack

    def report(self, seconds: float) -> Report:
        """Wait for the next report of the process."""
        try:
            return self.api.reports.get(timeout=seconds)
        except Empty:
            return Report("timed_out", {"seconds": seconds})

    def run(self, event: object, function_arn: str, seconds: float) -> Report:
        deadline_ms = int((time.time() + seconds) * 1000)
        self.api.work.put(Work(str(uuid4()), function_arn, deadline_ms, json.dumps(event).encode()))
        return self.report(seconds)

    def peak_memory_bytes(self) -> int | None:
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        except (FileNotFoundError, ProcessLookupError):
            return None
        peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]  # none for a zombie
        return int(peaks[0]) * 1024 if peaks else None


def _report_exit(process: processes.Process, api: RuntimeApi) -> None:
    api.reports.put(Report("exited", {"exit_code": process.wait()}))


def _invocation(report: Report) -> Invocation:
    if report.kind == "response":
        return Invocation(payload=report.body)
    if report.kind == "timed_out":
        message = f"Task timed out after {report.body['seconds']:.2f} seconds"
        return Invocation(error_type="Sandbox.Timedout", error_message=message, timed_out=True)
    if report.kind == "exited":
        code = report.body["exit_code"]
        how = f"signal: {strsignal(-code)}" if code < 0 else f"exit status {code}"
        message = f"Runtime exited with error: {how}"
        return Invocation(error_type="Runtime.ExitError", error_message=message, crashed=True)
    stack = tuple(report.body["stackTrace"])
    return Invocation(error_type=report.body["errorType"], error_message=report.body["errorMessage"], stack=stack)
