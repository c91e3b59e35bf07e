"""What a proof found: figures that differ, and what could not be proven. Never a cell, nor a name from an object."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.upkeep.days import State

Figure = str | int | None


class Verdict(StrEnum):
    """How a proof ended."""

    PROVEN = "proven"
    DAMAGED = "damaged"
    """Something is not what the manifest says."""
    EXPIRED = "expired"
    """The object has reached the end of its days: nothing is left to prove."""
    NOT_PROVEN = "not proven"
    """Nothing was found to be wrong, but not everything could be compared."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of which the manifest says one thing, and what is stored another."""

    field: str
    manifest: Figure
    found: Figure

    def __str__(self) -> str:
        """Return it for people."""
        return f"{self.field}: manifest {_text(self.manifest)}, found {_text(self.found)}"


@dataclass(frozen=True, slots=True)
class Findings:
    """What one part of a proof found. `not_proven`: what could not be compared, and why. `notes`: good to know."""

    differences: tuple[Difference, ...] = ()
    not_proven: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: "Findings") -> "Findings":
        """Return both."""
        return Findings(
            self.differences + other.differences, self.not_proven + other.not_proven, self.notes + other.notes
        )

    @property
    def verdict(self) -> Verdict:
        """What follows from them."""
        if self.differences:
            return Verdict.DAMAGED
        return Verdict.NOT_PROVEN if self.not_proven else Verdict.PROVEN


@dataclass(frozen=True, slots=True)
class Verified:
    """One manifest held against what is stored; `old_manifest`: the version id of one that was replaced, else None."""

    snapshot_id: SnapshotId
    state: State | None
    verdict: Verdict
    findings: Findings
    run_id: str | None = None
    old_manifest: str | None = None


def differing(figures: Mapping[str, tuple[Figure, Figure]]) -> tuple[Difference, ...]:
    """Return those figures, each the manifest's and the one found, that differ."""
    return tuple(Difference(field, said, found) for field, (said, found) in figures.items() if said != found)


def _text(figure: Figure) -> str:
    return f"{figure:,}" if isinstance(figure, int) else str(figure)
