"""The log of one run of a function that was started as an event, until it tells how the run ended.

A synchronous call would keep a connection idle for up to 15 minutes; a NAT may drop it earlier, and then the answer is
lost and the outcome unknown.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from spaaza_snapshots.errors import OutOfTime
from spaaza_snapshots.upkeep.log_lines import LogEntry, entry_of, has_failed, is_report

POLL_SECONDS = 2.0
"""Well below the five calls a second that CloudWatch Logs allows an account."""

START_SECONDS = 3600
"""How long Lambda keeps an event that it cannot start: MaximumEventAgeInSeconds in the template."""

RUN_SECONDS = 900
"""How long a run may take: Timeout in the template."""

LATE_SECONDS = 60
"""How late a log line may arrive."""

FAILED_RUNS: Final = (
    'If it has no line in the log, the run never started: see "See which runs have failed" in docs/OPERATIONS.md.'
)


class RunLog:
    """The log of one request; `entries` are those that the last poll found, parsed."""

    def __init__(self, logs: Any, log_group: str, request_id: str, tells_the_end: Callable[[LogEntry], bool]) -> None:
        self._logs = logs
        self._log_group = log_group
        self._request_id = request_id
        self._tells_the_end = tells_the_end
        self._began = time.monotonic()
        self._since_ms = int((time.time() - START_SECONDS) * 1000)  # the clocks may differ, the request id cannot
        self._seen: set[str] = set()
        self._report = ""
        self.entries: list[LogEntry] = []

    def poll(self) -> LogEntry | None:
        """Return the entry that tells how the run ended, or None so far; raises `OutOfTime` if none can come."""
        lines = self._new_lines()
        self.entries = [entry_of(line) for line in lines]
        ends = [entry for entry in self.entries if has_failed(entry) or self._tells_the_end(entry)]
        if ends:
            return ends[0]
        if self._report:  # and another poll has found nothing
            return {"error": "Killed", "message": f"The run was killed before it could log a result. {self._report}"}
        self._report = next(filter(_is_report, lines), "").strip()
        if time.monotonic() - self._began > START_SECONDS + RUN_SECONDS + LATE_SECONDS:
            where = f"request {self._request_id} in {self._log_group}"
            raise OutOfTime("The log does not show how the run ended", where, FAILED_RUNS)
        return None

    def _new_lines(self) -> list[str]:
        found = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=self._log_group, startTime=self._since_ms, filterPattern=f'"{self._request_id}"'
        )
        events = [event for event in found.search("events[]") if event["eventId"] not in self._seen]
        self._seen |= {event["eventId"] for event in events}
        return [event["message"] for event in events]


def _is_report(line: str) -> bool:
    """Whether Lambda reports the end of the invocation with this line, in either of its two log formats."""
    return line.startswith("REPORT RequestId:") or is_report(entry_of(line))
