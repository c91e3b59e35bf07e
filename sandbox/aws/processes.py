"""Child processes that never outlive the sandbox, and free ports for them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Protocol

# Runs first and then becomes the program: Linux kills it when the thread that started it ends. Not a `preexec_fn`,
# which is unsafe with threads.
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the parent is gone")
os.execve(sys.argv[2], sys.argv[2:], os.environ)
"""


class Process(Protocol):
    """A child process, as `subprocess.Popen` tells of it; any thread may ask."""

    @property
    def pid(self) -> int:
        """Its id, and that of its group."""

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its exit code."""


def free_ports(count: int) -> list[int]:
    """Return that many different ports of 127.0.0.1 on which nothing listens."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def start(command: Sequence[str], *, environment: Mapping[str, str], cwd: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a program by its full path, in its own process group, with both outputs appended to `log`.

    It dies with the calling thread, so that thread must live as long as the program should.
    """
    shim = [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid())]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*shim, *command],
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def stop(process: Process, *, grace_seconds: float) -> None:
    """Stop a program that `start` started: SIGTERM, then SIGKILL after the grace; 0 kills at once."""
    if process.poll() is None and grace_seconds > 0:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            pass
        else:
            return
    if process.poll() is None:
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
