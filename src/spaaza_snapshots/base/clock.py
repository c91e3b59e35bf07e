"""The time that a run has left, and everything else that depends on time, so that a test can control it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from spaaza_snapshots.errors import OutOfTime

RESERVE_SECONDS = 45.0
"""Reserved for ending cleanly: the parts in flight, the commit, the events, or the abort."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The time, how much the function has left, and how to wait; `remaining_ms` is what Lambda reports."""

    remaining_ms: Callable[[], int]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def seconds_left(self) -> float:
        """Return the seconds left for work, excluding the reserve; negative once the reserve is in use."""
        return self.remaining_ms() / 1000 - RESERVE_SECONDS

    def require(self, doing: str, detail: str = "") -> float:
        """Return the seconds left, more than 0; raises `OutOfTime` when only the reserve is left."""
        seconds_left = self.seconds_left()
        if seconds_left <= 0:
            raise self.out_of_time(doing, detail)
        return seconds_left

    def out_of_time(self, doing: str, detail: str = "") -> OutOfTime:
        """Return the error for a run that must stop while `doing` this."""
        return OutOfTime(
            f"Too little time was left while {doing}",
            f"{detail or 'nothing received yet'}; {self.remaining_ms() / 1000:.0f} s of the function's time left",
            "The next scheduled run tries again; if this keeps happening, see long-run in docs/OPERATIONS.md.",
        )
