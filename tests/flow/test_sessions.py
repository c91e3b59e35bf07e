"""A slice of `make session`: each way to keep the session, past the end of the first one."""

import pytest

from tools import sessions


@pytest.mark.parametrize(("name", "by_hand"), [("unattended", 0), ("attended", 1), ("changed password", 0)])
def test_no_day_goes_missing_when_a_session_ends(name: str, by_hand: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "CHAINS", (1743,))
    monkeypatch.setattr(sessions, "PASSWORD_DAY", 4)
    tally = sessions.simulate(name, 18)
    assert (tally.days, tally.missed, tally.log_ins_by_hand) == (18, 0, by_hand)
    assert tally.wrong_passwords == (name == "changed password")
    assert bool(tally.renewals) is (name != "attended")
