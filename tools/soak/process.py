"""What a process holds, as /proc tells it."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Held:
    """Resident memory now and at its peak, in bytes; threads; open descriptors, and how many of those are sockets."""

    memory_bytes: int
    peak_bytes: int
    threads: int
    descriptors: int
    sockets: int


def held_by(pid: int) -> Held:
    """Look at a running process."""
    folder = Path(f"/proc/{pid}")
    status = dict(
        line.split(":", 1) for line in (folder / "status").read_text(encoding="utf-8").splitlines() if ":" in line
    )
    links = []
    for link in (folder / "fd").iterdir():
        with suppress(FileNotFoundError):  # closed since the folder was read
            links.append(str(link.readlink()))
    return Held(
        memory_bytes=int(status["VmRSS"].split()[0]) * 1024,
        peak_bytes=int(status["VmHWM"].split()[0]) * 1024,
        threads=int(status["Threads"]),
        descriptors=len(links),
        sockets=sum(link.startswith("socket:") for link in links),
    )
