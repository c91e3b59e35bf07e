"""The errors of a day's runs, from the log of the export function.

The log, not the queue of failed runs: a message can only be looked at by receiving it, which hides it from whoever
deals with the queue, and counts.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from spaaza_snapshots.upkeep.log_lines import LogEntry, chains_in, entry_of, has_failed

PATTERN: Final = '?ERROR ?"Task timed out" ?"Runtime exited"'
"""Errors that a run has logged, and what Lambda says of one that it has ended itself."""

KILLED: Final = "Killed"
_ENDS_BY_LAMBDA: Final = ("Task timed out", "Runtime exited")


@dataclass(frozen=True, slots=True)
class RunError:
    """The error that ended a run: its class, its text, and its chains; none where the log does not say which."""

    at: datetime
    name: str
    message: str
    chain_ids: tuple[int, ...] = ()


def errors_of(logs: Any, log_group: str, since: datetime, snapshot_date: date) -> list[RunError]:
    """Return the errors of a snapshot date since an instant, in their order; raises the SDK's errors."""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=log_group, startTime=int(since.timestamp() * 1000), filterPattern=PATTERN
    )
    return sorted(_errors(pages.search("events[]"), snapshot_date), key=lambda error: error.at)


def last_of(errors: Sequence[RunError], chain_id: int) -> RunError | None:
    """Return the last of errors in order that is of a chain's run; one that names no chain may be of any."""
    return next((error for error in reversed(errors) if not error.chain_ids or chain_id in error.chain_ids), None)


def _errors(events: Iterable[Any], snapshot_date: date) -> Iterator[RunError]:
    for event in events:
        at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
        entry = entry_of(event["message"])
        if not entry:
            if any(words in event["message"] for words in _ENDS_BY_LAMBDA):
                yield RunError(at, KILLED, f"Lambda ended a run: {event['message'].strip()}")
        elif _is_end_of(entry, snapshot_date):
            yield RunError(at, str(entry["error"]), str(entry.get("message", "")), chains_in(entry.get("chain_id")))


def _is_end_of(entry: LogEntry, snapshot_date: date) -> bool:
    """Whether an entry is the error that ended a run of this date, or of a run that did not get as far as a date."""
    return has_failed(entry) and entry.get("snapshot_date", snapshot_date.isoformat()) == snapshot_date.isoformat()
