"""The lists of words beside this module."""

from pathlib import Path


def words(name: str) -> frozenset[str]:
    """Return the words of a list; a line that starts with # is a comment."""
    lines = Path(__file__).with_name(f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())
