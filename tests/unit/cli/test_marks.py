"""The marks of days: each way that a day can stand has one of its own."""

import pytest

from spaaza_snapshots.cli.marks import PLAIN_SIGNS, SIGNS, STYLES
from spaaza_snapshots.upkeep.chain_days import Standing
from spaaza_snapshots.upkeep.days import State


@pytest.mark.parametrize("state", State)
def test_each_state_of_a_stored_day_can_be_shown(state: State) -> None:
    assert Standing(state.value) in STYLES


def test_no_two_share_a_mark_and_the_plain_ones_are_in_every_encoding() -> None:
    assert len({*SIGNS.values()}) == len({*PLAIN_SIGNS.values()}) == len(Standing)
    assert "".join(PLAIN_SIGNS.values()).isascii()
