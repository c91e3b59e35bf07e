"""How large a benchmark is, from the words behind `make bench`."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

PARTS: Final = ("run", "https", "quota", "inspector", "typed", "growth", "cold", "sizing")
QUICK_PARTS: Final = ("run", "inspector", "typed")


@dataclass(frozen=True)
class Options:
    """`size_mb`: MB of CSV; `sizes_mb`: those whose growth is measured; `parts` in their order."""

    size_mb: float = 200
    rounds: int = 7
    sizes_mb: tuple[int, ...] = (10, 100, 1_000)
    typed_share: float = 0.3
    inspected_users: int = 60_000
    starts: int = 7
    parts: tuple[str, ...] = PARTS
    quick: bool = False
    command: str = "make bench"

    @property
    def whole(self) -> bool:
        """Whether every part is measured at full length; only such figures go into the page."""
        full = Options()
        is_long = self.size_mb >= full.size_mb and self.rounds >= full.rounds
        return is_long and set(self.parts) == set(PARTS) and set(full.sizes_mb) <= set(self.sizes_mb)


QUICK: Final = Options(size_mb=40, rounds=3, inspected_users=15_000, parts=QUICK_PARTS, quick=True)


def options(arguments: Sequence[str]) -> Options:
    """Read the command line; what is not named keeps its default."""
    parser = argparse.ArgumentParser(prog="tools.bench", description="Measure the functions beside their peers.")
    parser.add_argument("--quick", action="store_true", help="a minute: small files, three parts, nothing written")
    parser.add_argument("--size", type=float, help="MB of CSV")
    parser.add_argument("--rounds", type=int, help="how often each client runs")
    parser.add_argument("--sizes", help="MB of CSV whose growth is measured, e.g. 10,100,1000,10000")
    parser.add_argument("--parts", help=f"some of {','.join(PARTS)}")
    given = parser.parse_args(arguments)
    usual = QUICK if given.quick else Options()
    parts = tuple(given.parts.split(",")) if given.parts else usual.parts
    if unknown := set(parts) - set(PARTS):
        parser.error(f"unknown parts {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    sizes_mb = tuple(map(int, given.sizes.split(","))) if given.sizes else usual.sizes_mb
    asked = {
        "QUICK": given.quick and "1",
        "ROUNDS": given.rounds,
        "SIZE": given.size,
        "SIZES": given.sizes,
        "PARTS": given.parts,
    }
    words = [
        f"{word}={value:g}" if isinstance(value, float) else f"{word}={value}" for word, value in asked.items() if value
    ]
    return Options(
        size_mb=given.size or usual.size_mb,
        rounds=given.rounds or usual.rounds,
        sizes_mb=sizes_mb,
        inspected_users=usual.inspected_users,
        parts=tuple(part for part in PARTS if part in parts),
        quick=usual.quick,
        command=" ".join(["make bench", *words]),
    )
