"""Answers of Spaaza's login that say nothing of the user, and what is known of a session."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest

from sandbox.spaaza.answers import Answer, html_answer, json_answer, redirect, refusal
from sandbox.spaaza.server import SpaazaServer
from spaaza_snapshots.errors import (
    ExportRejected,
    ExportUnavailable,
    LoginRefused,
    SessionExpired,
)
from spaaza_snapshots.spaaza.connections import http_pool
from spaaza_snapshots.spaaza.credentials import Session
from spaaza_snapshots.spaaza.login import SpaazaLogin
from tests.support.builders import HeldClock, session
from tests.support.login_calls import ACTS, NAME, PASSCODE, PASSWORD, PRIVATE, Act, refused

# --- Answers that do not refuse


@pytest.mark.parametrize(
    "answer",
    [
        refusal(500),
        refusal(503, 4711),
        refusal(429),
        refusal(429, 4711),
        refusal(408),
        html_answer(f"<h1>{PRIVATE}</h1>"),
        json_answer(None),
        json_answer([]),
        json_answer({"result": PRIVATE}),
        json_answer({"result": {"code": 2}, "results": {"session_info": {}}}),
        Answer(body=b"[" * 60_000),
        Answer(body=b'{"result": ' + PRIVATE.encode() + b" " * 100_000),
        replace(json_answer({"result": {"code": 1}, "results": {}}), cut_after_bytes=10),
        replace(json_answer({"result": {"code": 1}, "results": {}}), reset_after_bytes=10),
    ],
)
def test_a_spaaza_that_cannot_answer_now_is_unavailable_and_is_not_asked_twice(
    server: SpaazaServer, login: SpaazaLogin, act: Act, answer: Answer
) -> None:
    server.logins.scripted = [answer]
    refused(ExportUnavailable, act, login)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "info",
    [
        ...,
        None,
        {},
        {"session_user_id": "1"},
        {"session_user_id": "1", "session_key": "a\r\nX-Other: 1"},
        {"session_user_id": "1", "session_key": ["a"]},
        {"session_user_id": True, "session_key": "a"},
    ],
)
def test_a_success_without_a_usable_session_is_unavailable(
    server: SpaazaServer, login: SpaazaLogin, entrance: Act, info: object
) -> None:
    results = {} if info is ... else {"session_info": info}
    server.logins.scripted = [json_answer({"result": {"code": 1}, "results": results})]
    refused(ExportUnavailable, entrance, login)


@pytest.mark.parametrize("ends", [None, "", "tomorrow", 7])
def test_an_end_that_cannot_be_read_costs_no_session(server: SpaazaServer, login: SpaazaLogin, ends: object) -> None:
    info = {"session_user_id": 7, "session_key": "a", "session_expires_date": ends}
    server.logins.scripted = [json_answer({"result": {"code": 1}, "results": {"session_info": info}})]
    assert login.log_in(NAME, PASSWORD) == Session("7", "a", None)


@pytest.mark.parametrize(
    "answer", [refusal(404), refusal(405, 4), refusal(403), refusal(400), redirect("https://elsewhere.example/")]
)
def test_a_wrong_address_or_one_that_is_not_allowed_is_no_refusal_of_the_user(
    server: SpaazaServer, login: SpaazaLogin, act: Act, answer: Answer
) -> None:
    server.logins.scripted = [answer, answer]  # the status is asked in both forms
    refused(ExportRejected, act, login)


def test_a_redirect_is_not_followed(server: SpaazaServer, login: SpaazaLogin, act: Act) -> None:
    server.logins.scripted = [redirect(f"{server.base_url}/elsewhere")]
    refused(ExportRejected, act, login)
    assert [request.path for request in server.requests if request.path == "/elsewhere"] == []


def test_a_spaaza_that_is_not_there_is_unavailable(act: Act) -> None:
    with SpaazaServer() as gone:
        pass
    refused(ExportUnavailable, act, SpaazaLogin(http_pool(), gone.base_url))


@pytest.mark.parametrize(
    "answer",
    [
        replace(json_answer({}), delay_seconds=3600),
        replace(json_answer({"a": 1}), stall_after_bytes=3),
        replace(Answer(body=b" " * 3_600), bytes_per_second=10, chunk_bytes=1),
    ],
    ids=["no head", "stalled", "trickling"],
)
def test_an_answer_that_does_not_come_ends_in_time(server: SpaazaServer, act: Act, answer: Answer) -> None:
    server.logins.scripted = [answer]
    began = time.monotonic()
    refused(ExportUnavailable, act, SpaazaLogin(http_pool(), server.base_url, timeout_seconds=0.1))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("answer", [refusal(401, 6), refusal(401), refusal(500, 6)])
def test_a_session_is_dead_where_spaaza_says_so(server: SpaazaServer, login: SpaazaLogin, answer: Answer) -> None:
    server.logins.scripted = [answer, answer]
    assert not login.is_alive(session())


@pytest.mark.parametrize("answer", [refusal(401, 6), refusal(404), refusal(405, 4), refusal(400)])
def test_a_session_is_alive_if_one_form_of_the_call_says_so(
    server: SpaazaServer, login: SpaazaLogin, answer: Answer
) -> None:
    server.logins.scripted = [answer]
    assert login.is_alive(session())
    assert [request.method for request in server.requests] == ["POST", "GET"]


def test_a_denial_beside_an_answer_that_is_not_understood_is_no_denial(
    server: SpaazaServer, login: SpaazaLogin
) -> None:
    server.logins.scripted = [refusal(401, 6), refusal(405, 4)]
    with pytest.raises(ExportRejected):
        login.is_alive(session())


def test_a_session_that_a_log_in_replaced_or_time_ended_is_dead(exempt: SpaazaServer, login: SpaazaLogin) -> None:
    held = HeldClock()
    exempt.logins.now = lambda: held.now
    first, second = login.log_in(NAME, PASSWORD), login.log_in(NAME, PASSWORD)
    assert isinstance(first, Session)
    assert isinstance(second, Session)
    assert [login.is_alive(first), login.is_alive(second)] == [False, True]
    held.pass_by(14 * 86_400)
    assert not login.is_alive(second)


def test_the_status_is_asked_with_user_and_key_in_a_form(server: SpaazaServer, login: SpaazaLogin) -> None:
    assert login.is_alive(session())
    assert [request.method for request in server.requests] == ["POST"]
    assert parse_qs(server.requests[0].body.decode()) == {"user_id": ["1"], "session_key": [session().key]}


def test_after_a_log_out_the_session_is_dead_and_a_second_log_out_says_so(
    server: SpaazaServer, login: SpaazaLogin
) -> None:
    login.log_out(session())
    assert not login.is_alive(session())
    refused(SessionExpired, ACTS["log_out"], login)


@pytest.mark.parametrize("text", ["\ud800", "\udcff", "é", "\x00", "a\nb", "密码"])
def test_no_name_and_no_password_breaks_the_request(exempt: SpaazaServer, login: SpaazaLogin, text: str) -> None:
    refused(LoginRefused, lambda login: login.log_in(text, text), login)


def test_a_passcode_shows_its_key_in_no_repr() -> None:
    assert PASSCODE.key not in f"{PASSCODE} {[PASSCODE]}"


def test_a_session_is_written_as_the_secret_holds_it() -> None:
    ends = datetime(2026, 12, 6, 11, 19, 10, tzinfo=UTC)
    expected = {"session_user_id": "1", "session_key": "a", "session_expires_date": "2026-12-06 11:19:10"}
    assert json.loads(Session("1", "a", ends).to_secret()) == expected
    assert json.loads(Session("1", "a", None).to_secret()) == {"session_user_id": "1", "session_key": "a"}


def test_an_end_in_any_century_is_written_with_four_digits_of_its_year() -> None:
    ends = datetime(26, 12, 6, 11, 19, 10, tzinfo=UTC)
    assert json.loads(Session("1", "a", ends).to_secret())["session_expires_date"] == "0026-12-06 11:19:10"
