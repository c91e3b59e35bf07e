"""How much is asked of the function, from the words behind `make soak`."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

USUAL_PARTS: Final = ("warm", "large", "bombs", "load")
PARTS: Final = (*USUAL_PARTS, "limit")
"""`limit` has to be asked for: it sends 52 GB, and its outcome is a single line."""

SNAPSHOTS, LARGE_GB, CHAINS = 1_000, 20.0, 200


@dataclass(frozen=True)
class Options:
    """`snapshots` of the warm process, `large_gb` of CSV in one export, `chains` asked for at once, and the parts."""

    snapshots: int = SNAPSHOTS
    large_gb: float = LARGE_GB
    chains: int = CHAINS
    parts: tuple[str, ...] = USUAL_PARTS
    command: str = "make soak"

    def fills_page(self, part: str) -> bool:
        """Whether this part runs at no less than full length; only such figures go into the page."""
        full = {
            "limit": False,
            "warm": self.snapshots >= SNAPSHOTS,
            "large": self.large_gb >= LARGE_GB,
            "load": self.chains >= CHAINS,
        }
        return full.get(part, True)


def options(arguments: Sequence[str]) -> Options:
    """Read the command line; what is not named keeps its default."""
    parser = argparse.ArgumentParser(prog="tools.soak", description="Load-test the export function.")
    parser.add_argument("--snapshots", type=int, default=SNAPSHOTS, help="how many one warm process takes")
    parser.add_argument("--gb", type=float, default=LARGE_GB, help="GB of CSV in one export")
    parser.add_argument("--chains", type=int, default=CHAINS, help="how many are asked for at once")
    parser.add_argument("--parts", default=",".join(USUAL_PARTS), help=f"some of {','.join(PARTS)}")
    given = parser.parse_args(arguments)
    parts = given.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"unknown parts {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if min(given.snapshots, given.gb, given.chains) <= 0:
        parser.error("every figure must be above 0")
    words = [
        f"{word.removeprefix('--').upper()}={value}"
        for word, value in zip(arguments[::2], arguments[1::2], strict=True)
    ]
    return Options(
        given.snapshots,
        given.gb,
        given.chains,
        tuple(part for part in PARTS if part in parts),
        " ".join(["make soak", *words]),
    )
