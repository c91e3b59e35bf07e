"""What a part found, as Markdown, and the page that it goes into."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from tools.documents import with_section
from tools.package import ROOT

PAGE: Final = ROOT / "docs" / "PERFORMANCE.md"
MET, MISSED = "met", "missed"


@dataclass(frozen=True)
class Goal:
    """A figure of which less is better, measured once or once a round, and the most that it should be."""

    name: str
    most: float
    measured: Sequence[float]
    unit: str = ""

    @property
    def verdict(self) -> str:
        """Whether the median is good enough, as it is printed."""
        return MET if round(median(self.measured), 2) <= self.most else MISSED

    def row(self) -> tuple[str, ...]:
        """Return the goal as a row of the page."""
        low, middle, high = min(self.measured), median(self.measured), max(self.measured)
        return (
            self.name,
            f"{middle:.2f}{self.unit}",
            f"{low:.2f}-{high:.2f}",
            f"≤ {self.most:g}{self.unit}",
            self.verdict,
        )


@dataclass(frozen=True)
class Table:
    """Rows under their column names; the first column is text, the others are figures."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """Return the table."""
        aligned = ["---", *["---:"] * (len(self.columns) - 1)]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in (self.columns, aligned, *self.rows))


@dataclass(frozen=True)
class Section:
    """One part's findings: sentences, tables, and goals."""

    name: str
    says: str
    tables: Sequence[Table] = ()
    goals: Sequence[Goal] = ()
    after: str = ""

    def markdown(self) -> str:
        """Return the whole section, as it stands between its marks."""
        blocks = [self.says, *(table.markdown() for table in self.tables)]
        if self.goals:
            columns = ("goal", "median", "lowest-highest", "wanted", "")
            blocks.append(Table(columns, [goal.row() for goal in self.goals]).markdown())
        return "\n\n".join(block for block in (*blocks, self.after) if block)


@dataclass
class Results:
    """What a part leaves to those after it: figures by name, and for the picture the CPU seconds of each client."""

    figures: dict[str, float] = field(default_factory=dict)
    bars: dict[str, list[float]] = field(default_factory=dict)


def page_with(text: str, sections: Mapping[str, str]) -> str:
    """Return the page with these sections replaced."""
    for name, content in sections.items():
        text = with_section(PAGE.name, text, name, f"\n{content}\n\n")
    return text


def write(sections: Mapping[str, str], page: Path = PAGE) -> None:
    """Write the sections into the page."""
    page.write_text(page_with(page.read_text(encoding="utf-8"), sections), encoding="utf-8")


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return the median, and the range in brackets."""
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"
