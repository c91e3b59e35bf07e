"""One mark for each way a day can stand, in a row and in its legend."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from rich.text import Text

from spaaza_snapshots.cli.command import out
from spaaza_snapshots.upkeep.chain_days import ChainDays, Standing

S = TypeVar("S")

STYLES: Final[Mapping[Standing, str]] = {
    Standing.COMPLETE: "green",
    Standing.UNTYPED: "yellow",
    Standing.HELD: "yellow",
    Standing.UNFINISHED: "yellow",
    Standing.DAMAGED: "red",
    Standing.EXPIRED: "dim",
    Standing.ERASED: "dim",
    Standing.MISSING: "red",
    Standing.NOT_YET: "dim",
    Standing.BEFORE: "dim",
}
SIGNS: Final = dict(zip(Standing, "●◍◐◒✗◌⌫○…·", strict=True))
PLAIN_SIGNS: Final = dict(zip(Standing, "#=?~X-eo,.", strict=True))
"""Where the encoding of the output has none of the others."""


def writable(signs: Mapping[S, str], plain_signs: Mapping[S, str]) -> Mapping[S, str]:
    """Return the signs, or the plain ones where the encoding of the output lacks one of the others."""
    try:
        "".join(signs.values()).encode(out().encoding)
    except (UnicodeError, LookupError):
        return plain_signs
    return signs


def row_of(chain: ChainDays) -> Text:
    """Return the marks of a chain's days, the last of them today."""
    signs, standings = writable(SIGNS, PLAIN_SIGNS), [chain.standing(day) for day in chain.days]
    return Text.assemble(*((signs[standing], STYLES[standing]) for standing in standings))


def legend(chains: Sequence[ChainDays]) -> Text:
    """Return what the marks that are shown mean."""
    signs = writable(SIGNS, PLAIN_SIGNS)
    shown = {chain.standing(day) for chain in chains for day in chain.days}
    parts = [(f"{signs[standing]} {standing.value}", STYLES[standing]) for standing in Standing if standing in shown]
    return Text("   ").join(Text.assemble(part) for part in parts)
