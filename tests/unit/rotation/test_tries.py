"""A try is forgotten only where Spaaza cannot have counted it: whatever else it answers, three are made at most."""

from dataclasses import replace

import pytest

from sandbox.spaaza.answers import Answer, json_answer, redirect, refusal
from spaaza_snapshots.errors import CredentialsError, ExportUnavailable
from spaaza_snapshots.rotation.login_secret import TRIED
from spaaza_snapshots.spaaza.connections import http_pool
from spaaza_snapshots.spaaza.login import SpaazaLogin
from tests.support.rotation import LOGIN_SECRET, Renewing
from tests.support.steps import PASSWORD, kinds

JUDGED = {
    "a bare 400": refusal(400),
    "a bare 403": refusal(403),
    "a bare 404": refusal(404),
    "a success without a session": json_answer({"result": {"code": 1}, "results": {"token": "new"}}),
    "a 200 that is no success": json_answer({"result": {"code": 2}}),
    "an answer that is cut": replace(refusal(403), cut_after_bytes=1),
}
UNHEARD = {"busy": refusal(429), "down": refusal(503), "moved": redirect("https://elsewhere.example/")}


def tries(renewing: Renewing) -> set[str]:
    """Return the labels of tries on the version that would log in."""
    (current,) = [labels for labels in renewing.labels(LOGIN_SECRET).values() if "AWSCURRENT" in labels]
    return current & set(TRIED)


@pytest.mark.parametrize("answer", JUDGED.values(), ids=JUDGED)
def test_an_answer_that_may_be_a_refusal_is_asked_for_three_times(renewing: Renewing, answer: Answer) -> None:
    renewing.spaaza.logins.scripted = [answer] * 6
    for _ in range(6):
        assert renewing.rotate().failed_at == "createSecret"
    assert renewing.log_ins() == 3
    assert kinds(renewing)[3:] == [CredentialsError] * 3


@pytest.mark.parametrize("answer", UNHEARD.values(), ids=UNHEARD)
def test_a_server_that_did_not_come_to_look_at_the_user_costs_no_try(renewing: Renewing, answer: Answer) -> None:
    renewing.spaaza.logins.scripted = [answer] * 5
    for _ in range(5):
        assert renewing.rotate().failed_at == "createSecret"
    assert tries(renewing) == set()
    assert renewing.rotate().failed_at is None
    assert renewing.is_renewed()


def test_a_server_that_is_down_forgets_no_try_but_its_own(renewing: Renewing) -> None:
    renewing.spaaza.logins.scripted = [refusal(403), refusal(503)] * 5
    for _ in range(10):
        renewing.rotate()
    assert renewing.log_ins() == 5
    assert len(tries(renewing)) == 3


def test_a_person_who_puts_the_log_in_again_has_three_new_tries(renewing: Renewing) -> None:
    renewing.spaaza.logins.scripted = [refusal(403)] * 3
    for _ in range(4):
        renewing.rotate()
    renewing.put_login(PASSWORD)
    assert renewing.rotate().failed_at is None
    assert renewing.is_renewed()
    assert tries(renewing) == set()


def test_a_session_forgets_the_tries_before_it(renewing: Renewing) -> None:
    renewing.spaaza.logins.scripted = [refusal(403)] * 2
    for _ in range(3):
        renewing.rotate()
    assert renewing.is_renewed()
    assert tries(renewing) == set()


def test_an_answer_that_comes_too_late_may_be_a_refusal(renewing: Renewing) -> None:
    renewing.spaaza.logins.scripted = [replace(refusal(403), delay_seconds=2.0)]
    with pytest.raises(ExportUnavailable) as caught:
        SpaazaLogin(http_pool(), renewing.spaaza.base_url, timeout_seconds=0.2).log_in("name", PASSWORD)
    assert caught.value.spends_a_try


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://nowhere.invalid"])
def test_a_server_that_cannot_be_reached_costs_no_try(url: str) -> None:
    with pytest.raises(ExportUnavailable) as caught:
        SpaazaLogin(http_pool(), url).log_in("name", PASSWORD)
    assert not caught.value.spends_a_try
