"""The refusal that stands in for Athena's, in the words that its reader needs."""

from dataclasses import dataclass


class NotPlayed(Exception):
    """Athena may well run this; the sandbox cannot."""


@dataclass(frozen=True)
class Refused(Exception):
    """Athena would refuse `written`, a part of the query; `says` is its message, `cure` how to write it."""

    written: str
    says: str
    cure: str

    def __str__(self) -> str:
        """Return the sentence."""
        return f"Athena refuses {self.written}: {self.cure} (Athena says {self.says})"
