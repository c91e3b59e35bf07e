"""The lines of a function's log: what it logged itself is JSON, what Lambda says beside it may not be."""

import json
from collections.abc import Mapping
from typing import Any

LogEntry = Mapping[str, Any]


def entry_of(line: str) -> LogEntry:
    """Return a log line of the function, parsed; empty for lines that are not JSON objects, such as Lambda's own."""
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def has_failed(entry: LogEntry) -> bool:
    """Whether the function logged with this entry what it then raised."""
    return entry.get("level") == "ERROR" and "error" in entry


def is_report(entry: LogEntry) -> bool:
    """Whether Lambda reports the end of an invocation with this entry, in its JSON format."""
    return entry.get("type") == "platform.report"


def chains_in(value: Any) -> tuple[int, ...]:
    """Return the chains in a field of an entry, which has one of them, a list, or none."""
    values = value if isinstance(value, list) else (value,)
    return tuple(one for one in values if isinstance(one, int))
