"""Logging in to Spaaza: what is asked, what comes of it, and what counts as a refusal."""

from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from sandbox.spaaza.answers import Answer, json_answer, refusal
from sandbox.spaaza.server import SpaazaServer
from spaaza_snapshots.errors import (
    CredentialsError,
    LoginRefused,
)
from spaaza_snapshots.spaaza.credentials import Session
from spaaza_snapshots.spaaza.login import Passcode, SpaazaLogin, api_url
from tests.support.builders import HeldClock
from tests.support.login_calls import NAME, PASSWORD, PRIVATE, Act, refused


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
        ("POST", "/auth/get-login-status"),
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
