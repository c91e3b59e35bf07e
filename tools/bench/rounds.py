"""Runs clients in turn, each in its own process, and keeps what each round measured."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from tools.package import ROOT

OURS: Final = Path(sys.executable)
PEERS: Final = ROOT / ".tools" / "peers" / "bin" / "python"
AWS: Final = ROOT / ".tools" / "awscli" / "bin" / "aws"


@dataclass(frozen=True)
class Way:
    """One client: its name in the tables, its command, and its environment.

    `whole`: it measures nothing itself, so the CPU of all its processes counts, from their start.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False


@dataclass(frozen=True)
class Figures:
    """One client in one round; `found` is what it returned, such as a number of rows."""

    cpu_seconds: float
    seconds: float
    peak_bytes: int
    found: Any = None


def module(name: str, *arguments: str, python: Path = OURS) -> list[str]:
    """Return the command that runs a client's module."""
    return [str(python), "-m", f"tools.bench.clients.{name}", *arguments]


def in_turn(ways: Sequence[Way], rounds: int) -> dict[str, list[Figures]]:
    """Run every way once a round, so that a slow moment of the machine affects all of them."""
    measured: dict[str, list[Figures]] = {way.name: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            measured[way.name].append(measure(way))
    return measured


def measure(way: Way) -> Figures:
    """Run a client once; raises `RuntimeError` with its output if it fails."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(way.command, cwd=ROOT, env=dict(way.environment), capture_output=True, text=True, check=False)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"{way.name} failed:\n{done.stdout}{done.stderr}")
    if not way.whole:
        return Figures(**json.loads(done.stdout.splitlines()[-1]))
    cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = done.stdout.strip()
    return Figures(cpu_seconds, seconds, 0, int(found) if found.isdecimal() else None)


def cpu(figures: Sequence[Figures]) -> list[float]:
    """Return the CPU seconds of each round."""
    return [each.cpu_seconds for each in figures]


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Return the ratio of each round."""
    return [one / other for one, other in zip(above, below, strict=True)]


def fastest(measured: Mapping[str, Sequence[Figures]]) -> str:
    """Return the name of the way with the lowest median of CPU seconds."""
    return min(measured, key=lambda name: median(cpu(measured[name])))
