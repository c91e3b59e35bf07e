"""`spaaza-snapshots status` names what it looks at where that is broken, and is silent about it once it is mended."""

import json
from typing import Any

import pytest

from spaaza_snapshots.cli.main import main
from tools.broken_setups.breaks import BREAKS
from tools.broken_setups.place import NAME, Place

NOTICED = {
    "an empty secret": "session",
    "a secret that holds something else": "session",
    "a session that has ended": "session",
    "a session that ends in two days": "session",
    "a renewal that is switched off": "renewal",
    "a bucket deleted by hand": "chain 1743",
    "an erasure that was not finished": "erasure from chain 1743",
    "a damaged record of an erasure": "erasure from chain 1783",
    "a schedule that is disabled": "schedule",
    "a schedule of other chains": "schedule",
    "a schedule deleted by hand": "schedule",
    "an event that was not delivered": "undelivered events",
}
BY_NAME = {broken.name: broken for broken in BREAKS}


@pytest.fixture
def _led_there(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in place.environment().items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("_led_there")
@pytest.mark.parametrize("name", NOTICED)
def test_what_is_broken_is_a_step_until_it_is_mended(
    place: Place, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with BY_NAME[name].breaking(place):
        code, told = steps(capsys)
    assert (code == 0, NOTICED[name] in told) == (False, True)
    assert NOTICED[name] not in steps(capsys)[1]


def steps(capsys: pytest.CaptureFixture[str]) -> tuple[int, list[Any]]:
    """Run the command; returns its exit code, and what its steps are about."""
    code = main(["status", "--stack", NAME, "--json"])
    return code, [step["about"] for step in json.loads(capsys.readouterr().out)["steps"]]
