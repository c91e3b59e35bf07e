"""The fields of an event that name a snapshot, read strictly."""

from datetime import date
from reprlib import repr as short

from spaaza_snapshots.errors import InvalidRequest

HINT = "docs/REFERENCE.md lists the payloads."


def parse_date(value: object) -> date:
    """Read a snapshot date, YYYY-MM-DD and nothing else; raises `InvalidRequest`."""
    try:
        parsed = date.fromisoformat(value)  # type: ignore[arg-type] # a TypeError is an answer too
    except (TypeError, ValueError):
        parsed = None
    # fromisoformat takes "20261122" and "2026-W47-7" too
    # and the first day of the calendar has no day before it
    if parsed is None or parsed.isoformat() != value or parsed == date.min:
        raise InvalidRequest("date is not YYYY-MM-DD", short(value), HINT)
    return parsed


def is_chain_id(value: object) -> bool:
    """Whether a value is a JSON integer above 0."""
    # type(), not isinstance: a JSON true is an int to Python, and not a chain
    return type(value) is int and value > 0
