"""Spaaza's log-in: a name and a password, a code where Spaaza e-mails one, and the session that comes of it.

A log-in ends the user's other sessions, and a refused one counts towards a lock-out: nothing here is tried twice. What
is told of an answer is its status and Spaaza's error code: its texts are localised, and its fields are personal.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError

from spaaza_snapshots.base.environment import base_url
from spaaza_snapshots.errors import ExportRejected, ExportUnavailable, LoginRefused, SessionExpired, SnapshotError
from spaaza_snapshots.spaaza.connections import reason, was_never_sent
from spaaza_snapshots.spaaza.credentials import Session, is_header_value, utc_date
from spaaza_snapshots.spaaza.export_api import NO_VALID_SESSION, PERMISSION_DENIED, error_code, json_answer

API_URLS: Final = {"prod": "https://api0.spaaza.com", "test01": "https://apistage0.spaaza.com"}
"""Which host logs in for which environment."""

API_VERSION: Final = "1.6.3"
"""Of Spaaza's own sample; from 1.5.8 on an admin's log-in asks for a code: https://docs.spaaza.com/api/login"""

ANSWER_BYTES = 65_536
"""Far more than any answer of the log-in; the rest is not read."""

WRONG_PASSWORD = 5
AUTH_METHOD_INVALID = 228
REFUSALS = frozenset({WRONG_PASSWORD, NO_VALID_SESSION, PERMISSION_DENIED, AUTH_METHOD_INVALID})
"""Error codes that speak of the user, whatever status they come with."""

BUSY = frozenset({408, 429})
UNKNOWN_FORM = frozenset({400, 404, 405})
"""Statuses of a server that does not know this form of a call."""

LATER = "Try again later; look at Spaaza's status if this keeps happening"


@dataclass(frozen=True, slots=True)
class Passcode:
    """Spaaza has e-mailed a code; this is what it is exchanged with. The key shows in no repr."""

    key: str = field(repr=False)
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class _LoginAnswer:
    """`code` is Spaaza's error code; `results` is None in an answer that is not a success."""

    status: int
    code: int | None
    results: Mapping[str, Any] | None = field(repr=False)

    @property
    def detail(self) -> str:
        return f"HTTP {self.status}" if self.code is None else f"HTTP {self.status}, Spaaza's error code {self.code}"

    def speaks_of_the_user(self) -> bool:
        """Whether to ask again unchanged would be one refusal more; in doubt it would."""
        if self.code in REFUSALS or self.status == 401:
            return True
        return self.code is not None and self.status < 500 and self.status not in (405, *BUSY)

    def spends_a_try(self) -> bool:
        """Whether name and password may have been looked at: a bare 403 may be how Spaaza refuses them."""
        return not (300 <= self.status < 400 or self.status >= 500 or self.status in BUSY)


class SpaazaLogin:
    """Logs in and out at one address. `timeout_seconds` holds for the connection, and again for the whole answer.

    Every method raises `ExportUnavailable` where Spaaza does not answer, or not as documented, and `ExportRejected`
    where it answers at this address with a redirect or a refusal that is not about the user. Either says in its
    `spends_a_try` whether Spaaza may have looked at name and password all the same.
    """

    def __init__(self, http: urllib3.PoolManager, base_url: str, timeout_seconds: float = 20.0) -> None:
        self._http = http
        self._base_url = base_url
        self._timeout_seconds = timeout_seconds

    def log_in(self, username: str, password: str) -> Session | Passcode:
        """Return a session, or a `Passcode` where Spaaza has e-mailed a code; raises `LoginRefused`."""
        results = self._results("/auth/login", {"username": username, "password": password}, "name or password")
        key = results.get("session_passcode_key")
        if isinstance(key, str) and key:
            return Passcode(key, utc_date(results.get("session_passcode_expiry_date")))
        return _session(results)

    def exchange(self, passcode: Passcode, code: str) -> Session:
        """Return the session that an e-mailed code stands for; raises `LoginRefused` for a wrong or expired one."""
        form = {"session_passcode": code, "session_passcode_key": passcode.key}
        return _session(self._results("/auth/session", form, "code"))

    def is_alive(self, session: Session) -> bool:
        """Ask Spaaza's status call; false only if Spaaza denies the session in both documented forms of it.

        The newest page has a POST with a form, an older one and Spaaza's own sample a GET. A form that is not
        understood may be denied like a dead session, so one denial alone says nothing.
        """
        form = {"user_id": session.user_id, "session_key": session.key}
        posted = self._ask("POST", "/auth/get-login-status", _headers(session), form)
        if posted.results is not None:
            return True
        if not (_is_unknown(posted) or posted.status in UNKNOWN_FORM):
            raise _failure(posted, "the status of a session")
        got = self._ask("GET", "/auth/get-login-status", _headers(session))
        if got.results is not None:
            return True
        if _is_unknown(posted) and _is_unknown(got):
            return False
        raise _failure(posted if _is_unknown(got) else got, "the status of a session")

    def log_out(self, session: Session) -> None:
        """End the session; raises `SessionExpired` where Spaaza does not know it any more."""
        answer = self._ask("DELETE", "/auth/logout", _headers(session))
        if _is_unknown(answer):
            raise SessionExpired("Spaaza does not know the session", answer.detail, "There is nothing to end.")
        if answer.results is None:
            raise _failure(answer, "a log-out")

    def _results(self, path: str, form: Mapping[str, str], asked: str) -> Mapping[str, Any]:
        answer = self._ask("POST", path, {}, form)
        if answer.speaks_of_the_user():
            hint = "Be sure of it before the next try: Spaaza may lock the user after a few wrong ones."
            raise LoginRefused(f"Spaaza refuses the {asked}", answer.detail, hint)
        if answer.results is None:
            raise _failure(answer, "a log-in")
        return answer.results

    def _ask(
        self, method: str, path: str, headers: Mapping[str, str], form: Mapping[str, str] | None = None
    ) -> _LoginAnswer:
        form_type = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
        self._http.clear()  # a kept connection may be dead by now, and a log-in is not sent twice
        try:
            response = self._http.request(
                method,
                f"{self._base_url}{path}",
                headers={"X-Spaaza-API-Version": API_VERSION, **form_type, **headers},
                # surrogatepass: an encoding error would carry the password in its text
                body=urlencode(form, errors="surrogatepass") if form else None,
                timeout=urllib3.Timeout(connect=self._timeout_seconds, read=self._timeout_seconds),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            with response:
                return _read(response.status, _body(response, self._timeout_seconds))
        except (HTTPError, OSError) as error:
            failed, sent = reason(error), not was_never_sent(error)
        # not while that error is handled: its text quotes what came in place of a status
        unavailable = ExportUnavailable("Spaaza did not answer the log-in", failed, f"{LATER}.")
        unavailable.spends_a_try = sent
        raise unavailable


def api_url(environment: str, override: str = "") -> str:
    """Return the base of the log-in calls; raises `ValueError` for an override that is not a plain https address."""
    return base_url(override) if override else API_URLS[environment]


def default_api_url(environment: str) -> str:
    """Return the base of an environment's log-in calls; of a wrong name, which settings have refused, any."""
    return API_URLS.get(environment, API_URLS["prod"])


def _body(response: urllib3.BaseHTTPResponse, seconds: float) -> bytes:
    """Read the answer, within these seconds: a body that trickles in knows no timeout of its own."""
    ends, body = time.monotonic() + seconds, b""
    while len(body) < ANSWER_BYTES and (piece := response.read1(ANSWER_BYTES)):
        body += piece
        if time.monotonic() > ends:
            raise TimeoutError
    return body


def _read(status: int, body: bytes) -> _LoginAnswer:
    document, code = json_answer(body), error_code(body)
    result = document.get("result")
    if status != 200 or code is not None or not isinstance(result, dict) or result.get("code") != 1:
        return _LoginAnswer(status, code, None)
    results = document.get("results")
    return _LoginAnswer(status, code, results if isinstance(results, dict) else {})


def _session(results: Mapping[str, Any]) -> Session:
    info = results.get("session_info")
    fields = info if isinstance(info, dict) else {}
    user_id, key = fields.get("session_user_id"), fields.get("session_key")
    if not is_header_value(user_id) or not is_header_value(key):
        raise ExportUnavailable("Spaaza's answer to the log-in has no session", "", "Ask Spaaza what has changed.")
    return Session(str(user_id), str(key), utc_date(fields.get("session_expires_date")))


def _headers(session: Session) -> dict[str, str]:
    return {"X-Spaaza-Session-User-Id": session.user_id, "X-Spaaza-Session-Key": session.key}


def _is_unknown(answer: _LoginAnswer) -> bool:
    return answer.status == 401 or answer.code == NO_VALID_SESSION


def _failure(answer: _LoginAnswer, asked: str) -> SnapshotError:
    error: SnapshotError = ExportUnavailable(f"Spaaza cannot answer {asked} now", answer.detail, f"{LATER}.")
    if 300 <= answer.status < 500 and answer.status not in BUSY:
        hint = "Ask Spaaza whether your address is allowed, and check SPAAZA_API_URL if you have set it."
        error = ExportRejected(f"Spaaza rejects {asked} at this address", answer.detail, hint)
    error.spends_a_try = answer.spends_a_try()
    return error
