"""What the figures were measured on."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

SHOWN: Final = ("isal", "boto3", "urllib3", "duckdb")


def described(command: str, load_before: Sequence[float], load_after: Sequence[float]) -> str:
    """Say what machine this is, what ran, when, and how busy the machine was before and after."""
    libraries = ", ".join(f"{name} {version(name)}" for name in SHOWN)
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    loads = f"{load_before[0]:.1f} at the start, {load_after[0]:.1f} at the end"
    lines = (
        f"Measured on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC by `{command}`.",
        f"Machine: {os.cpu_count()} processors ({_processor()}), {memory_gb:.0f} GB of memory, {platform.system()}.",
        f"Python {platform.python_version()}, {libraries}.",
        f"Load (the benchmark itself makes up to 2): {loads}.",
    )
    return "\n".join(lines)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
