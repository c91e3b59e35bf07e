"""Time and memory of the process itself, printed for its parent. Standard library only: every environment runs it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def metered(work: Callable[[], Any]) -> None:
    """Do the work and print its CPU seconds (all threads), seconds, what it returned, and the process's peak memory.

    Imports and clients are made before: they are part of a cold start, which is measured by itself.
    """
    wall, cpu = time.monotonic(), time.process_time()
    found = work()
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    print(json.dumps({"cpu_seconds": cpu, "seconds": wall, "peak_bytes": _peak_bytes(), "found": found}))


def _peak_bytes() -> int:
    """Return the most memory that this process has held; `getrusage` would remember that of its parent."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
