"""Functions that start in a quarter of the time: forked from a Python that has imported what each of them needs."""

import ctypes
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import cache
from multiprocessing import forkserver
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Lock

import pytest

from sandbox.aws.processes import Process

STARTS_COVERAGE = "COVERAGE_PROCESS_CONFIG"
"""The variable by which coverage measures each Python that a test starts."""

_starting_or_ended = Lock()
"""multiprocessing asks for the exit codes of its children at each start too, and each can be read but once."""


def forked(variables: Mapping[str, str], log: Path) -> Process:
    """Start the runtime client for a `LambdaFunction`, with nothing of the product imported yet.

    Its peak of memory is no measure: it begins with what others imported.
    """
    with _starting_or_ended:
        process = _template().Process(target=_become_function, args=(dict(variables), log))
        process.start()
    return _Forked(process)


@cache
def _template() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.forked_template"])
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(STARTS_COVERAGE, raising=False)  # a function inherits no variable, and is not measured
        forkserver.ensure_running()
    return context


class _Forked:
    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        self.pid = process.pid or 0

    def poll(self) -> int | None:
        return self.wait() if wait([self._process.sentinel], 0) else None

    def wait(self, timeout: float | None = None) -> int:
        if not wait([self._process.sentinel], timeout):
            raise subprocess.TimeoutExpired("function", timeout or 0)
        with _starting_or_ended:
            self._process.join()
        return int(self._process.exitcode or 0)


def _become_function(variables: dict[str, str], log: Path) -> None:
    """Run the runtime client in this fork as in a process of its own."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: it dies with the template, as that dies with us
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # among them the one by which the template sees us alive
    os.setsid()
    os.chdir(variables["LAMBDA_TASK_ROOT"])
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    sys.path[:0] = variables["PYTHONPATH"].split(os.pathsep)
    with log.open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    client = importlib.import_module("awslambdaric.__main__")  # reads the variables as it is imported
    client.main(["awslambdaric", variables["_HANDLER"]])
