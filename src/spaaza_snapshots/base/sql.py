"""Text as SQL has it."""

from pathlib import Path


def literal(text: str | Path) -> str:
    """Return a text in quotes, those inside it doubled."""
    return "'" + str(text).replace("'", "''") + "'"
