"""One mark for each way a day can stand, in a row and in its legend."""

from collections.abc import Mapping, Sequence
from typing import Final

from rich.text import Text

from spaaza_snapshots.upkeep.chain_days import ChainDays, Standing

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


def signs_for(encoding: str) -> Mapping[Standing, str]:
    """Return the marks that an encoding has."""
    return SIGNS if can_write(encoding, "".join(SIGNS.values())) else PLAIN_SIGNS


def can_write(encoding: str, text: str) -> bool:
    """Whether an encoding has every character of a text."""
    try:
        text.encode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True


def row_of(chain: ChainDays, signs: Mapping[Standing, str]) -> Text:
    """Return the marks of a chain's days, the last of them today."""
    standings = [chain.standing(day) for day in chain.days]
    return Text.assemble(*((signs[standing], STYLES[standing]) for standing in standings))


def legend(chains: Sequence[ChainDays], signs: Mapping[Standing, str]) -> Text:
    """Return what the marks that are shown mean."""
    shown = {chain.standing(day) for chain in chains for day in chain.days}
    parts = [(f"{signs[standing]} {standing.value}", STYLES[standing]) for standing in Standing if standing in shown]
    return Text("   ").join(Text.assemble(part) for part in parts)
