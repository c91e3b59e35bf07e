"""The log-in of the sandbox's Spaaza: users, the codes it e-mails, and the sessions that its endpoints know.

As the vendor's pages have it, but for what they do not tell, which is assumed: the status of a wrong password or code
(401), that a code is good for ten minutes and one use, and that five wrong passwords lock a user without saying so.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sandbox.spaaza.answers import ERROR_NAMES, Answer, json_answer

MOST_WRONG_PASSWORDS = 5
DUTCH = {
    4: "Deze HTTP-methode is niet toegestaan",
    5: "Het wachtwoord is onjuist of de gebruiker bestaat niet",
    6: "Er is geen geldige sessie",
}


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it came; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class KnownSession:
    """What the endpoints accept until it ends, None for never; the defaults are the sample of the vendor's page."""

    user_id: str = "1"
    key: str = "d7d91a80b5dd2cf040adc68bc2cb7974f0107dea35816bb3e14207444bf9e21a"
    expires_at: datetime | None = None


@dataclass
class User:
    """An admin; `exempt` is Spaaza's mark `login_2fa_exempt`."""

    user_id: str = "1"
    username: str = "admin@retailer.example"
    password: str = "correct horse battery staple"
    exempt: bool = False
    wrong_passwords: int = 0

    @property
    def is_locked(self) -> bool:
        """Whether the right password is refused too."""
        return self.wrong_passwords >= MOST_WRONG_PASSWORDS


@dataclass(frozen=True)
class _Passcode:
    user: User
    code: str
    expires_at: datetime


@dataclass
class Logins:
    """Answers the log-in calls. A test may change every public field at any time.

    `scripted` answers are said first, one to each call. `post` gets the text of each e-mail, of which `letters` are the
    codes; `now` is the clock by which sessions and codes end. `plural_errors`: errors as before version 1.4.0.
    `wrapped`: answers in a list of one. `ends_at_passcode`: whether the right password ends the user's other sessions
    even before the code, which the pages leave open.
    """

    users: list[User] = field(default_factory=lambda: [User()])
    session_lifetime: timedelta = timedelta(hours=336)
    code_lifetime: timedelta = timedelta(minutes=10)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    plural_errors: bool = False
    wrapped: bool = False
    ends_at_passcode: bool = False
    letters: list[str] = field(default_factory=list)
    post: Callable[[str], None] = lambda _: None
    scripted: list[Answer] = field(default_factory=list)
    newest: KnownSession = field(default_factory=KnownSession)
    _sessions: dict[str, KnownSession] = field(default_factory=dict)  # by user id: there is one of each
    _passcodes: dict[str, _Passcode] = field(default_factory=dict)  # by session_passcode_key
    _lock: RLock = field(default_factory=RLock)

    def __post_init__(self) -> None:
        """Begin with a session that never ends."""
        self.replace(self.newest)

    @property
    def admin(self) -> User:
        """The first of the users."""
        return self.users[0]

    def replace(self, session: KnownSession) -> None:
        """End all sessions but this one."""
        with self._lock:
            self._sessions = {session.user_id: session}
            self.newest = session

    def end(self, user_id: str = "1") -> None:
        """End the session of a user, as Spaaza may at any time."""
        with self._lock:
            self._sessions.pop(user_id, None)

    def session_of(self, request: ReceivedRequest) -> KnownSession | None:
        """Return the living session that a request names in its headers."""
        user_id, key = (request.headers.get(f"x-spaaza-session-{name}") for name in ("user-id", "key"))
        with self._lock:
            session = self._sessions.get(user_id or "")
        if session is None or session.key != key:
            return None
        return session if session.expires_at is None or self.now() < session.expires_at else None

    def answer(self, request: ReceivedRequest) -> Answer | None:
        """Answer a log-in call; None for a request that is none."""
        calls = {
            "/auth/login": ("POST", self._log_in),
            "/auth/session": ("POST", self._exchange),
            "/auth/get-login-status": ("GET, POST", self._status),
            "/auth/logout": ("DELETE", self._log_out),
        }
        method, call = calls.get(urlsplit(request.path).path, ("", None))
        if call is None:
            return None
        with self._lock:
            if self.scripted:
                return self.scripted.pop(0)
            if request.method not in method.split(", "):
                return self._refusal(405, 4)
            return call(request)

    def _log_in(self, request: ReceivedRequest) -> Answer:
        form = _form(request)
        user = next((user for user in self.users if user.username == form.get("username")), None)
        if user is None or user.is_locked or user.password != form.get("password"):
            if user is not None:
                user.wrong_passwords += 1
            return self._refusal(401, 5)
        user.wrong_passwords = 0
        if user.exempt:
            return self._new_session(user)
        if self.ends_at_passcode:
            self.end(user.user_id)
        return self._new_passcode(user)

    def _exchange(self, request: ReceivedRequest) -> Answer:
        form = _form(request)
        key = form.get("session_passcode_key", "")
        passcode = self._passcodes.get(key)
        if passcode is None or self.now() >= passcode.expires_at:
            return self._refusal(401, 6)
        if form.get("session_passcode") != passcode.code:
            return self._refusal(401, 5)
        del self._passcodes[key]
        return self._new_session(passcode.user)

    def _status(self, request: ReceivedRequest) -> Answer:
        if self.session_of(request) is None:
            return self._refusal(401, 6)
        somebody = {"first_name": "Wilhelmina", "birthday": "1982-05-21", "email": self.admin.username}
        return self._success({"user_info": somebody})

    def _log_out(self, request: ReceivedRequest) -> Answer:
        session = self.session_of(request)
        if session is None:
            return self._refusal(401, 6)
        self.end(session.user_id)
        return self._success({})

    def _new_passcode(self, user: User) -> Answer:
        key, code = secrets.token_hex(32), str(100_000 + secrets.randbelow(900_000))
        self._passcodes[key] = _Passcode(user, code, self.now() + self.code_lifetime)
        self.letters.append(code)
        self.post(f"E-mail to {user.username}: your code is {code}")
        expires = _text(self._passcodes[key].expires_at)
        return self._success({"session_passcode_key": key, "session_passcode_expiry_date": expires})

    def _new_session(self, user: User) -> Answer:
        """End the user's other session and begin one."""
        expires_at = (self.now() + self.session_lifetime).replace(microsecond=0)
        self.newest = self._sessions[user.user_id] = KnownSession(user.user_id, secrets.token_hex(32), expires_at)
        info = {
            "session_key": self.newest.key,
            "session_key_validity": str(int(self.session_lifetime.total_seconds() // 3600)),
            "session_auth_method": "password",
            "session_user_id": user.user_id,
            "session_username": user.username,
            "session_expires_date": _text(expires_at),
        }
        return self._success({"session_info": info})

    def _success(self, results: Mapping[str, Any]) -> Answer:
        return self._said({"result": {"code": 1, "status": "ok"}, "results": results}, 200)

    def _refusal(self, status: int, code: int) -> Answer:
        error = {"name": ERROR_NAMES[code], "description": DUTCH[code]}
        if self.plural_errors:
            told: dict[str, Any] = {"errors": {str(code): {**error, "extrainfo": {"msg": DUTCH[code]}}}}
        else:
            told = {"error": {"code": code, **error}}
        return self._said({"result": {"code": 2, "status": "error"}, **told}, status)

    def _said(self, document: Mapping[str, Any], status: int) -> Answer:
        return json_answer([document] if self.wrapped else document, status)


def _form(request: ReceivedRequest) -> dict[str, str]:
    """Read a form; nothing of any other body, as JSON is none."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        return {}
    return dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
