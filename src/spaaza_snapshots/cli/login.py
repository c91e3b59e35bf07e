"""`spaaza-snapshots login` and `logout`: a person gives the stack's secret a new session, or ends the one in it.

A log-in ends the session in use, so nothing is asked of Spaaza before it is proven that the new one can be stored, and
Ctrl-C waits while a session is on its way from Spaaza into the secret. Name, password and code are asked for at the
terminal alone, and kept nowhere.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from getpass import getpass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError
from rich.markup import escape

from spaaza_snapshots.base.aws_errors import code_of
from spaaza_snapshots.base.sdk import SDK_CONFIG
from spaaza_snapshots.cli import deployed
from spaaza_snapshots.cli.command import Answer, Command, ExitCode, Stopped, aside, exit_code_of
from spaaza_snapshots.errors import InvalidRequest, LoginRefused, SessionExpired, SnapshotError, StorageError
from spaaza_snapshots.spaaza.connections import http_pool
from spaaza_snapshots.spaaza.credentials import Session, prove_writable, read_session
from spaaza_snapshots.spaaza.login import API_URLS, Passcode, SpaazaLogin, api_url

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

CODE_TRIES: Final = 3

UNCHANGED: Final = "nothing was changed"
UNSTORED: Final = "the secret is unchanged"
DOUBTFUL: Final = "the secret is unchanged, but Spaaza may have ended the session in it: log in again soon"
LOST: Final = "the secret is unchanged, but Spaaza has ended the session in it: log in again"
STORED: Final = "the new session is in the secret"


@dataclass(frozen=True, slots=True)
class _Place:
    secrets_manager: "SecretsManagerClient"
    secret_id: str
    login: SpaazaLogin
    title: str


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; never a name, a password or a code, which a process list would show."""
    deployed.add_arguments(parser)
    parser.add_argument("--secret", help="name or ARN of the secret; without it, that of the stack")
    parser.add_argument("--environment", choices=tuple(API_URLS), help="without it, that of the stack")


def _log_in(options: argparse.Namespace) -> Answer:
    """Ask for what Spaaza asks for, and store the session; raises `Stopped`, and what finding the stack raises."""
    if not sys.stdin.isatty():
        raise InvalidRequest("A password is asked for at a terminal only", "standard input is none", "Use no pipe.")
    with _telling(UNCHANGED), _place(options) as place:
        _say(f"[dim]{escape(place.title)}[/dim]")
        session = _new_session(place)
        with _telling(STORED):
            if not place.login.is_alive(session):
                raise SessionExpired("Spaaza does not know the session that it has just begun", "", "")
    sentence = f"Logged in: {_validity(session, datetime.now(UTC))} The next run uses it."
    return Answer({"secret": place.secret_id, "session_expires_at": session.expires_at}, [sentence])


def _log_out(options: argparse.Namespace) -> Answer:
    """End the session in the secret, which stays there; raises `Stopped`."""
    with _telling(UNCHANGED), _place(options) as place:
        try:
            place.login.log_out(read_session(place.secrets_manager, place.secret_id))
            ended = "Logged out: Spaaza has ended the session."
        except SessionExpired:
            ended = "Spaaza had ended the session already."
    return Answer({"secret": place.secret_id}, [f"{ended} The next run will fail until somebody logs in."])


def _say(sentence: str) -> None:
    aside().print(sentence, soft_wrap=True)


@contextmanager
def _place(options: argparse.Namespace) -> Iterator[_Place]:
    """Find the secret and its environment; the stack is asked only for what the options leave out."""
    session = deployed.session_of(options)
    deployment = cache(lambda: deployed.deployment_of(options))
    secret_id = options.secret or deployment().output("SecretArn")
    environment = options.environment or deployment().parameter("SpaazaEnvironment")
    try:
        url = api_url(environment, os.environ.get("SPAAZA_API_URL", ""))
    except ValueError as problem:
        raise InvalidRequest("SPAAZA_API_URL cannot be used", f"it {problem}", "Unset it outside a sandbox.") from None
    title = f"Logging in at {url} ({environment}), for the secret {secret_id}"
    with http_pool() as http, closing(session.client("secretsmanager", config=SDK_CONFIG)) as secrets_manager:
        yield _Place(secrets_manager, secret_id, SpaazaLogin(http, url), title)


@contextmanager
def _telling(state: str) -> Iterator[None]:
    """Make every early end one sentence that says how things stand; nothing of what was typed is in it."""
    try:
        yield
    except (KeyboardInterrupt, EOFError):
        # on a new line: the prompt stands there
        raise Stopped(f"\nStopped; {state}.", ExitCode.INTERRUPTED) from None
    except UnicodeError:
        raise Stopped(f"What was typed is not in the terminal's encoding; {state}.", ExitCode.FAILED) from None
    except InvalidRequest:
        raise  # of the command itself, whose hint says what to change in it
    except SnapshotError as error:
        detail = f" ({error.detail})" if error.detail else ""
        raise Stopped(f"{error.what}{detail}; {state}.", exit_code_of(error)) from None


@contextmanager
def _without_ctrl_c() -> Iterator[list[int]]:
    """Let Ctrl-C wait; yields what becomes non-empty once it was pressed."""
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _new_session(place: _Place) -> Session:
    with _telling(UNCHANGED):
        _prove_writable(place)
        username, password = _typed(input, "Spaaza user name: ").strip(), _typed(getpass, "Password: ")
    with _telling(UNSTORED), _without_ctrl_c() as pressed:
        answer = place.login.log_in(username, password)
        if isinstance(answer, Session):
            return _stored(place, answer)
    with _telling(DOUBTFUL):
        if pressed:
            raise KeyboardInterrupt
        return _exchanged(place, answer)


def _prove_writable(place: _Place) -> None:
    try:
        prove_writable(place.secrets_manager, place.secret_id)
    except (ClientError, BotoCoreError) as error:
        raise StorageError("The secret cannot be written", _reason(place, error), "") from error


def _exchanged(place: _Place, passcode: Passcode) -> Session:
    _say("Spaaza has e-mailed a code.")
    for tries_left in reversed(range(CODE_TRIES)):
        code = _code()
        try:
            with _without_ctrl_c() as pressed:
                return _stored(place, place.login.exchange(passcode, code))
        except LoginRefused as refused:
            if pressed:
                raise KeyboardInterrupt from None
            if passcode.expires_at is not None and passcode.expires_at <= datetime.now(UTC):
                raise LoginRefused("The code has expired", refused.detail, "") from None
            if not tries_left:
                raise
            _say(f"Spaaza refuses the code ({refused.detail}); tries left: {tries_left}.")
    raise AssertionError("the last try returns or raises")


def _typed(ask: Callable[[str], str], prompt: str) -> str:
    """Ask until there is something: an empty line is a slip, and would be one wrong password."""
    while not (text := ask(prompt)):
        pass
    return text


def _code() -> str:
    """Ask until it is a number: anything else is a slip that Spaaza need not see."""
    while True:
        code = "".join(input("Code: ").split())
        if code.isascii() and code.isdecimal():
            return code
        _say("The code is a number.")


def _stored(place: _Place, session: Session) -> Session:
    """Make the session the secret's current version; one that nobody will have is ended."""
    with _telling(LOST):
        try:
            place.secrets_manager.put_secret_value(SecretId=place.secret_id, SecretString=session.to_secret())
        except (ClientError, BotoCoreError) as error:
            with suppress(SnapshotError):
                place.login.log_out(session)
            raise StorageError("The new session cannot be stored", _reason(place, error), "") from error
    return session


def _reason(place: _Place, error: ClientError | BotoCoreError) -> str:
    """Return the secret and the kind of error: its text may quote a request."""
    return f"{place.secret_id}, {code_of(error)}"


def _validity(session: Session, now: datetime) -> str:
    days = session.days_left(now)
    if session.expires_at is None or days is None:
        return "Spaaza does not say until when the session holds."
    return f"the session holds for {days:.1f} days, until {session.expires_at.astimezone():%A %-d %B %Y, %H:%M %Z}."


LOGIN = Command("login", "log in to Spaaza, and put the session into the stack's secret", _add_arguments, _log_in)
LOGOUT = Command("logout", "end the session in the stack's secret", _add_arguments, _log_out)
