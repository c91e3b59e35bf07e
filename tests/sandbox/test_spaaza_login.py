"""The sandbox's log-in, held to what the vendor's pages tell of it by a real HTTP client."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3

from sandbox.spaaza.login import MOST_WRONG_PASSWORDS, User
from sandbox.spaaza.server import SpaazaServer
from tests.support.builders import HeldClock

ROOT = Path(__file__).parents[2]
RIGHT = {"username": User.username, "password": User.password}
WRONG = {"username": User.username, "password": "wrong"}

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def server() -> Iterator[SpaazaServer]:
    with SpaazaServer() as server:
        yield server


@pytest.fixture
def exempt(server: SpaazaServer) -> SpaazaServer:
    """A Spaaza whose admin is marked `login_2fa_exempt`."""
    server.logins.admin.exempt = True
    return server


@pytest.fixture
def ask(server: SpaazaServer) -> Iterator[Ask]:
    """Send a form, or headers; return the status and the JSON of the answer."""
    with urllib3.PoolManager(retries=False, timeout=5) as http:

        def ask(
            method: str, path: str, form: dict[str, str] | None = None, session: dict[str, Any] | None = None
        ) -> tuple[int, Any]:
            headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
            if session:
                headers["X-Spaaza-Session-User-Id"] = str(session["session_user_id"])
                headers["X-Spaaza-Session-Key"] = session["session_key"]
            body = urlencode(form) if form else None
            answer = http.request(method, f"{server.base_url}{path}", headers=headers, body=body)
            return answer.status, answer.json()

        yield ask


def session_info(ask: Ask) -> dict[str, Any]:
    _, answer = ask("POST", "/auth/login", RIGHT)
    info: dict[str, Any] = answer["results"]["session_info"]
    return info


def export_status(server: SpaazaServer, session: dict[str, Any]) -> int:
    with urllib3.PoolManager(retries=False, timeout=5) as http:
        return http.request(
            "POST",
            f"{server.base_url}/segments/export/users",
            json={"entity": "people", "chain_id": 1743, "join": "all", "rules": []},
            headers={
                "X-Spaaza-Session-User-Id": session["session_user_id"],
                "X-Spaaza-Session-Key": session["session_key"],
                "X-Spaaza-Session-Chain-Id": "1743",
                "Content-Type": "application/json",
            },
        ).status


def test_an_exempt_user_gets_the_session_of_the_page_and_its_end_in_utc(exempt: SpaazaServer, ask: Ask) -> None:
    held = HeldClock()
    exempt.logins.now = lambda: held.now
    status, answer = ask("POST", "/auth/login", RIGHT)
    assert (status, answer["result"]) == (200, {"code": 1, "status": "ok"})
    info = answer["results"]["session_info"]
    assert re.fullmatch("[0-9a-f]{64}", info.pop("session_key"))
    assert info == {
        "session_key_validity": "336",
        "session_auth_method": "password",
        "session_user_id": "1",
        "session_username": User.username,
        "session_expires_date": "2026-12-06 03:00:00",
    }


def test_a_user_who_is_not_exempt_gets_a_key_for_the_code_that_is_e_mailed(server: SpaazaServer, ask: Ask) -> None:
    _, answer = ask("POST", "/auth/login", RIGHT)
    assert set(answer["results"]) == {"session_passcode_key", "session_passcode_expiry_date"}
    (code,) = server.logins.letters
    form = {"session_passcode": code, "session_passcode_key": answer["results"]["session_passcode_key"]}
    status, exchanged = ask("POST", "/auth/session", form)
    assert status == 200
    assert export_status(server, exchanged["results"]["session_info"]) == 200


def test_a_code_is_good_once_and_for_its_time(server: SpaazaServer, ask: Ask) -> None:
    held = HeldClock()
    server.logins.now = lambda: held.now
    keys = [ask("POST", "/auth/login", RIGHT)[1]["results"]["session_passcode_key"] for _ in range(2)]
    forms = [
        {"session_passcode": code, "session_passcode_key": key}
        for code, key in zip(server.logins.letters, keys, strict=True)
    ]
    assert ask("POST", "/auth/session", {**forms[0], "session_passcode": "1"})[0] == 401
    assert [ask("POST", "/auth/session", forms[0])[0] for _ in range(2)] == [200, 401]
    held.pass_by(600)
    assert ask("POST", "/auth/session", forms[1])[0] == 401


def test_a_log_in_ends_the_users_other_session_and_no_others(exempt: SpaazaServer, ask: Ask) -> None:
    exempt.logins.users.append(User("2", "other@retailer.example", "other", exempt=True))
    other = ask("POST", "/auth/login", {"username": "other@retailer.example", "password": "other"})[1]
    first, second = session_info(ask), session_info(ask)
    sessions = (first, second, other["results"]["session_info"])
    assert [export_status(exempt, session) for session in sessions] == [401, 200, 200]
    assert [ask("GET", "/auth/get-login-status", session=session)[0] for session in sessions] == [401, 200, 200]


@pytest.mark.parametrize(("ends_at_passcode", "status"), [(False, 200), (True, 401)])
def test_whether_the_password_alone_ends_the_other_session_can_be_chosen(
    server: SpaazaServer, ask: Ask, ends_at_passcode: bool, status: int
) -> None:
    server.logins.ends_at_passcode = ends_at_passcode
    ask("POST", "/auth/login", RIGHT)
    old = {"session_user_id": server.session.user_id, "session_key": server.session.key}
    assert export_status(server, old) == status


def test_a_session_lives_as_long_as_the_held_clock_says(exempt: SpaazaServer, ask: Ask) -> None:
    held = HeldClock()
    exempt.logins.now = lambda: held.now
    exempt.logins.session_lifetime = timedelta(days=14)
    session = session_info(ask)
    held.pass_by(14 * 86_400 - 1)
    assert export_status(exempt, session) == 200
    held.pass_by(1)
    assert export_status(exempt, session) == 401


def test_without_a_held_clock_time_is_real(exempt: SpaazaServer, ask: Ask) -> None:
    ends = datetime.strptime(session_info(ask)["session_expires_date"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    assert abs(ends - datetime.now(UTC) - timedelta(hours=336)) < timedelta(minutes=1)


def test_a_log_out_ends_the_session_and_a_second_one_finds_none(exempt: SpaazaServer, ask: Ask) -> None:
    session = session_info(ask)
    statuses = [ask("DELETE", "/auth/logout", session=session)[0] for _ in range(2)]
    assert statuses == [200, 401]
    assert export_status(exempt, session) == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_status_names_a_person_and_so_is_not_for_a_log(exempt: SpaazaServer, ask: Ask, method: str) -> None:
    _, answer = ask(method, "/auth/get-login-status", session=session_info(ask))
    assert answer["result"]["code"] == 1
    assert {"first_name", "birthday", "email"} == set(answer["results"]["user_info"])


def test_five_wrong_passwords_lock_the_user_who_hears_no_more_than_that_it_is_wrong(
    exempt: SpaazaServer, ask: Ask
) -> None:
    refused = [ask("POST", "/auth/login", WRONG) for _ in range(MOST_WRONG_PASSWORDS)]
    assert [ask("POST", "/auth/login", RIGHT), *refused] == [refused[0]] * (MOST_WRONG_PASSWORDS + 1)
    assert exempt.logins.admin.is_locked


def test_the_right_password_forgives_the_wrong_ones_before(exempt: SpaazaServer, ask: Ask) -> None:
    for _ in range(MOST_WRONG_PASSWORDS - 1):
        ask("POST", "/auth/login", WRONG)
    session_info(ask)
    assert exempt.logins.admin.wrong_passwords == 0


def test_a_refusal_is_told_in_dutch_in_either_shape_and_may_be_wrapped(server: SpaazaServer, ask: Ask) -> None:
    told = {
        "name": "password_error_or_non_existent",
        "description": "Het wachtwoord is onjuist of de gebruiker bestaat niet",
    }
    result = {"code": 2, "status": "error"}
    assert ask("POST", "/auth/login", WRONG) == (401, {"result": result, "error": {"code": 5, **told}})
    server.logins.plural_errors = True
    older = {"result": result, "errors": {"5": {**told, "extrainfo": {"msg": told["description"]}}}}
    assert ask("POST", "/auth/login", WRONG) == (401, older)
    server.logins.wrapped = True
    assert ask("POST", "/auth/login", WRONG) == (401, [older])


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/auth/login"), ("GET", "/auth/session"), ("DELETE", "/auth/get-login-status"), ("GET", "/auth/logout")],
)
def test_another_method_is_refused_as_the_page_has_it(ask: Ask, method: str, path: str) -> None:
    status, answer = ask(method, path)
    assert (status, answer["error"]["code"]) == (405, 4)
    assert answer["error"]["name"] == "http_request_method_not_allowed"


def test_json_is_no_form(exempt: SpaazaServer) -> None:
    with urllib3.PoolManager(retries=False, timeout=5) as http:
        assert http.request("POST", f"{exempt.base_url}/auth/login", json=RIGHT).status == 401


def test_by_hand_the_e_mail_is_printed_to_standard_error() -> None:
    command = [sys.executable, "-m", "sandbox.spaaza.server"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout and running.stderr
        base_url = running.stdout.readline().split()[3]
        with urllib3.PoolManager(retries=False, timeout=5) as http:
            http.request_encode_body("POST", f"{base_url}/auth/login", RIGHT, encode_multipart=False)
        assert re.fullmatch(r"E-mail to \S+: your code is \d{6}\n", running.stderr.readline())
        running.terminate()
