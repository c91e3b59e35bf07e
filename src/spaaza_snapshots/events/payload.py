"""Strict parsing of the event fields that identify a snapshot."""

from datetime import date
from reprlib import repr as short

from spaaza_snapshots.errors import InvalidRequest

HINT = "docs/REFERENCE.md lists the payloads."


def parse_date(value: object) -> date:
    """Parse a snapshot date, YYYY-MM-DD only; raises `InvalidRequest`."""
    try:
        parsed = date.fromisoformat(value)  # type: ignore[arg-type] # a TypeError is handled too
    except (TypeError, ValueError):
        parsed = None
    # fromisoformat also accepts "20261122" and "2026-W47-7"; the first day of the calendar has no previous day
    if parsed is None or parsed.isoformat() != value or parsed == date.min:
        raise InvalidRequest("date is not YYYY-MM-DD", short(value), HINT)
    return parsed


def is_chain_id(value: object) -> bool:
    """Whether a value is a JSON integer above 0."""
    # type(), not isinstance: in Python a JSON true is an int
    return type(value) is int and value > 0
