"""What a part must not exceed, and whether it did."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tools.bench.report import MET, MISSED, Table

COLUMNS: Final = ("bound", "found", "wanted", "")


@dataclass(frozen=True)
class Bound:
    """A figure and the most that it may be, or exactly what it should be."""

    name: str
    found: float
    most: float
    unit: str = ""
    exact: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the figure is good enough."""
        return self.found == self.most if self.exact else self.found <= self.most

    def row(self) -> tuple[str, str, str, str]:
        """Return the bound as a row of the page."""
        found, most = (f"{value:,}" if isinstance(value, int) else f"{value:,.1f}" for value in (self.found, self.most))
        wanted = f"{'=' if self.exact else '≤'} {most}{self.unit}"
        return self.name, f"{found}{self.unit}", wanted, MET if self.is_met else MISSED


def bounds_table(bounds: Sequence[Bound]) -> Table:
    """Return the bounds as a table."""
    return Table(COLUMNS, [bound.row() for bound in bounds])
