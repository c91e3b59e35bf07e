"""A slice of `make session`: each way to keep the session, past the end of the first one."""

import pytest

from tools.sessions import __main__ as scenarios
from tools.sessions import world


@pytest.mark.parametrize(("name", "by_hand"), [("unattended", 0), ("attended", 1), ("changed password", 0)])
def test_no_day_goes_missing_when_a_session_ends(name: str, by_hand: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (scenarios, world):
        monkeypatch.setattr(module, "CHAINS", (1743,))
    monkeypatch.setattr(scenarios, "PASSWORD_DAY", 2)
    tally = scenarios.simulate(name, 16)
    assert (tally.days, tally.missed, tally.log_ins_by_hand) == (16, 0, by_hand)
    assert tally.wrong_passwords == (name == "changed password")
    assert bool(tally.renewals) is (name != "attended")
