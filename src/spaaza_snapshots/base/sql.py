"""SQL literals."""

from pathlib import Path


def literal(text: str | Path) -> str:
    """Return a text as an SQL string: in quotes, with quotes inside it doubled."""
    return "'" + str(text).replace("'", "''") + "'"
