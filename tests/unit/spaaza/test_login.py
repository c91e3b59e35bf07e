"""The log-in: what comes of each answer, what is asked, and that nothing of it ever shows."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest

from sandbox.spaaza.answers import Answer, html_answer, json_answer, redirect, refusal
from sandbox.spaaza.login import User
from sandbox.spaaza.server import SpaazaServer
from spaaza_snapshots.errors import (
    CredentialsError,
    ExportRejected,
    ExportUnavailable,
    LoginRefused,
    SessionExpired,
    SnapshotError,
)
from spaaza_snapshots.spaaza.connections import http_pool
from spaaza_snapshots.spaaza.credentials import Session
from spaaza_snapshots.spaaza.login import Passcode, SpaazaLogin, api_url
from tests.support.builders import HeldClock, all_texts, session

NAME, PASSWORD = User.username, User.password
PASSCODE, CODE = Passcode("passcode-key", None), "271828"
PRIVATE = "jane.doe@example.com"


@pytest.fixture
def server() -> Iterator[SpaazaServer]:
    with SpaazaServer() as server:
        yield server


@pytest.fixture
def exempt(server: SpaazaServer) -> SpaazaServer:
    server.logins.admin.exempt = True
    return server


@pytest.fixture
def login(server: SpaazaServer) -> SpaazaLogin:
    return SpaazaLogin(http_pool(), server.base_url, timeout_seconds=5)


Act = Callable[[SpaazaLogin], object]
ACTS: dict[str, Act] = {
    "log_in": lambda login: login.log_in(NAME, PASSWORD),
    "exchange": lambda login: login.exchange(PASSCODE, CODE),
    "is_alive": lambda login: login.is_alive(session()),
    "log_out": lambda login: login.log_out(session()),
}
SECRETS = (NAME, PASSWORD, PASSCODE.key, CODE, session().key, PRIVATE)


@pytest.fixture(params=ACTS)
def act(request: pytest.FixtureRequest) -> Act:
    return ACTS[request.param]


@pytest.fixture(params=["log_in", "exchange"])
def entrance(request: pytest.FixtureRequest) -> Act:
    return ACTS[request.param]


def refused(kind: type[SnapshotError], act: Act, login: SpaazaLogin) -> str:
    """Return all that could ever be shown of a refusal of exactly this kind, which holds nothing secret."""
    with pytest.raises(SnapshotError) as caught:
        act(login)
    assert type(caught.value) is kind
    shown = all_texts(caught.value)
    assert [word for word in SECRETS if word in shown] == []
    return shown


def test_each_environment_has_its_host() -> None:
    assert api_url("prod") == "https://api0.spaaza.com"
    assert api_url("test01") == "https://apistage0.spaaza.com"


def test_a_sandbox_takes_the_place_of_the_host_but_a_password_never_travels_in_the_clear() -> None:
    assert api_url("prod", "http://127.0.0.1:8080/") == "http://127.0.0.1:8080"
    for override in ("http://api0.spaaza.com", "ftp://127.0.0.1", "https://me@api0.spaaza.com", "spaaza"):
        with pytest.raises(ValueError, match="is "):
            api_url("prod", override)


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_exempt_user_gets_a_session_that_spaaza_knows(
    exempt: SpaazaServer, login: SpaazaLogin, wrapped: bool
) -> None:
    held = HeldClock()
    exempt.logins.now = lambda: held.now
    exempt.logins.wrapped = wrapped
    got = login.log_in(NAME, PASSWORD)
    assert got == Session("1", exempt.session.key, held.now + timedelta(days=14))
    assert login.is_alive(got)


def test_any_other_user_gets_a_passcode_and_a_session_for_the_code(server: SpaazaServer, login: SpaazaLogin) -> None:
    held = HeldClock()
    server.logins.now = lambda: held.now
    passcode = login.log_in(NAME, PASSWORD)
    assert isinstance(passcode, Passcode)
    assert passcode.expires_at == held.now + timedelta(minutes=10)
    got = login.exchange(passcode, server.logins.letters[-1])
    assert (got.key, got.expires_at) == (server.session.key, held.now + timedelta(days=14))


def test_what_is_asked_is_a_form_of_an_admin_and_nothing_secret_is_in_its_address(
    server: SpaazaServer, login: SpaazaLogin
) -> None:
    server.logins.admin.password = "a&b=c+d é/%"
    passcode = login.log_in(NAME, "a&b=c+d é/%")
    assert isinstance(passcode, Passcode)
    got = login.exchange(passcode, server.logins.letters[-1])
    login.is_alive(got)
    login.log_out(got)
    assert [(request.method, request.path) for request in server.requests] == [
        ("POST", "/auth/login"),
        ("POST", "/auth/session"),
        ("GET", "/auth/get-login-status"),
        ("DELETE", "/auth/logout"),
    ]
    forms = [parse_qs(request.body.decode()) for request in server.requests]
    assert forms[0] == {"username": [NAME], "password": ["a&b=c+d é/%"]}
    assert forms[1] == {"session_passcode": server.logins.letters, "session_passcode_key": [passcode.key]}
    for request in server.requests:
        assert request.headers["x-spaaza-api-version"] == "1.6.3"
        assert "x-myprice-app-hostname" not in request.headers


@pytest.mark.parametrize("plural_errors", [False, True])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_wrong_password_is_refused_in_every_shape_of_errors(
    server: SpaazaServer, login: SpaazaLogin, plural_errors: bool, wrapped: bool
) -> None:
    server.logins.plural_errors, server.logins.wrapped = plural_errors, wrapped
    shown = refused(LoginRefused, lambda login: login.log_in(NAME, "guess"), login)
    assert "name or password" in shown
    assert "HTTP 401, Spaaza's error code 5" in shown
    assert "wachtwoord" not in shown
    assert len(server.requests) == 1


def test_a_refused_log_in_is_an_error_of_the_credentials() -> None:
    assert issubclass(LoginRefused, CredentialsError)


def test_a_wrong_code_is_refused_and_the_right_one_is_still_good(server: SpaazaServer, login: SpaazaLogin) -> None:
    passcode = login.log_in(NAME, PASSWORD)
    assert isinstance(passcode, Passcode)
    assert "the code" in refused(LoginRefused, lambda login: login.exchange(passcode, "1"), login)
    assert login.is_alive(login.exchange(passcode, server.logins.letters[-1]))


def test_an_expired_code_is_refused(server: SpaazaServer, login: SpaazaLogin) -> None:
    held = HeldClock()
    server.logins.now = lambda: held.now
    passcode = login.log_in(NAME, PASSWORD)
    assert isinstance(passcode, Passcode)
    held.pass_by(600)
    refused(LoginRefused, lambda login: login.exchange(passcode, server.logins.letters[-1]), login)


@pytest.mark.parametrize(
    "answer",
    [
        refusal(401),
        refusal(400, 5),
        refusal(500, 5),
        refusal(500, 68),
        refusal(200, 5),
        refusal(403, 228),
        refusal(404, 4711),
        refusal(422, 4711),
        json_answer([{"errors": {"5": {"name": PRIVATE, "description": PRIVATE}}}], 400),
    ],
)
def test_whatever_speaks_of_the_user_is_a_refusal_in_doubt_too_since_one_try_more_may_lock_the_user(
    server: SpaazaServer, login: SpaazaLogin, entrance: Act, answer: Answer
) -> None:
    server.logins.scripted = [answer]
    refused(LoginRefused, entrance, login)
    assert len(server.requests) == 1


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
    server.logins.scripted = [answer]
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
    refused(ExportUnavailable, act, SpaazaLogin(http_pool(), server.base_url, timeout_seconds=0.3))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("answer", [refusal(401, 6), refusal(401), refusal(500, 6)])
def test_a_session_is_dead_where_spaaza_says_so(server: SpaazaServer, login: SpaazaLogin, answer: Answer) -> None:
    server.logins.scripted = [answer]
    assert not login.is_alive(session())


def test_a_session_that_a_log_in_replaced_or_time_ended_is_dead(exempt: SpaazaServer, login: SpaazaLogin) -> None:
    held = HeldClock()
    exempt.logins.now = lambda: held.now
    first, second = login.log_in(NAME, PASSWORD), login.log_in(NAME, PASSWORD)
    assert isinstance(first, Session)
    assert isinstance(second, Session)
    assert [login.is_alive(first), login.is_alive(second)] == [False, True]
    held.pass_by(14 * 86_400)
    assert not login.is_alive(second)


def test_the_status_is_asked_by_post_where_get_is_not_allowed(server: SpaazaServer, login: SpaazaLogin) -> None:
    server.logins.scripted = [refusal(405, 4), json_answer({"result": {"code": 1}, "results": {}})]
    assert login.is_alive(session())
    assert [request.method for request in server.requests] == ["GET", "POST"]
    assert parse_qs(server.requests[1].body.decode()) == {"user_id": ["1"], "session_key": [session().key]}


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
