"""The four steps of a rotation, each safe to repeat: Secrets Manager does repeat them.

createSecret is the step that destroys: Spaaza's log-in ends the session in use. Whatever happens behind it, a kill at
any line included, the next rotation mends.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from spaaza_snapshots.base.telemetry import logger
from spaaza_snapshots.errors import CredentialsError, LoginRefused, SessionExpired, SnapshotError, StorageError
from spaaza_snapshots.rotation.event import StepRequest
from spaaza_snapshots.rotation.login_secret import Login, LoginSecret
from spaaza_snapshots.rotation.versions import SessionVersions
from spaaza_snapshots.spaaza.credentials import Session
from spaaza_snapshots.spaaza.login import Passcode, SpaazaLogin

ROTATE_AGAIN = "The next rotation logs in again; a scheduled run that is refused asks for one."


@dataclass(frozen=True, slots=True)
class RotationServices:
    """What a step works with."""

    versions: SessionVersions
    login_secret: LoginSecret
    spaaza: SpaazaLogin


def serve(request: StepRequest, services: RotationServices) -> None:
    """Do one step; raises a `SnapshotError`, by which Secrets Manager knows that the rotation has failed."""
    if services.versions.is_current(request.token):
        logger.info("This rotation has ended before")
        return
    STEPS[request.step](services, request.token)


def create_session(services: RotationServices, token: str) -> None:
    """Log in and store the session at once, unless this rotation has one: another log-in would end it."""
    if services.versions.session(token) is not None:
        logger.info("This rotation has logged in before")
        return
    try:
        services.versions.prove_writable()
        login, session = _log_in(services)
    except SnapshotError:
        # Nothing came of this rotation. Its empty version would bar every other one.
        services.versions.give_up(token)
        raise
    if not _store(services, token, login, session):
        # This step ran twice at once, and one log-in has ended the session of the other: testSecret tells which.
        logger.warning("Another try of this step was quicker")
        return
    expires_at = None if session.expires_at is None else session.expires_at.isoformat()
    logger.info("Logged in", extra={"session_expires_at": expires_at})


def _store(services: RotationServices, token: str, login: Login, session: Session) -> bool:
    """Store the new session; False where this rotation has another one already. The log-in went well either way."""
    try:
        return services.versions.put_pending(token, session)
    except StorageError:
        if services.versions.session(token) is None:  # an answer may get lost behind a session that was stored
            services.versions.give_up(token)
        raise
    finally:
        services.login_secret.forget_tries(login)


def set_session(_services: RotationServices, _token: str) -> None:
    """Do nothing: Spaaza made the session itself."""


def test_session(services: RotationServices, token: str) -> None:
    """Ask Spaaza whether it knows the new session, and give that up only if the current one is alive instead.

    In doubt the new one is kept: the login has ended the old one. Secrets Manager also runs this step alone, on a copy
    of the current value, whenever the rotation is configured: that must not fail because the old session has ended.
    """
    session, current = services.versions.session(token), services.versions.current_session()
    if session is None or session == current:
        logger.info("There is no new session to test")
        return
    if _is_alive(services, session) is False and current is not None and _is_alive(services, current):
        services.versions.give_up(token)
        detail = "somebody has logged in as this user since, or two rotations ran at once"
        raise SessionExpired("Spaaza does not know the new session any more", detail, ROTATE_AGAIN)


def finish(services: RotationServices, token: str) -> None:
    """Give the new session to the export function."""
    if services.versions.session(token) is None:
        raise CredentialsError("This rotation has no new session yet", "createSecret comes first", ROTATE_AGAIN)
    services.versions.make_current(token)
    logger.info("The session is renewed")


Step = Callable[[RotationServices, str], None]
STEPS: Mapping[str, Step] = {
    "createSecret": create_session,
    "setSecret": set_session,
    "testSecret": test_session,
    "finishSecret": finish,
}


def _log_in(services: RotationServices) -> tuple[Login, Session]:
    """Log in, once: after a refusal nothing does so again with this version of the log-in secret."""
    login = services.login_secret.read()
    label = services.login_secret.count_a_try(login)
    try:
        answer = services.spaaza.log_in(login.username, login.password)
    except LoginRefused:
        services.login_secret.mark_refused(login)
        raise
    except SnapshotError as error:
        if not error.spends_a_try:
            services.login_secret.forget_tries(login, [label])
        raise
    if isinstance(answer, Passcode):
        services.login_secret.mark_refused(login)
        hint = (
            "Ask Spaaza to mark this admin user as login_2fa_exempt; then put name and password into the log-in secret"
            " once more."
        )
        raise CredentialsError("Spaaza has e-mailed a code", "nobody is there to read it", hint)
    return login, answer


def _is_alive(services: RotationServices, session: Session) -> bool | None:
    """Return what Spaaza says of a session; None if it cannot tell."""
    try:
        return services.spaaza.is_alive(session)
    except SnapshotError as error:
        logger.warning("Spaaza cannot tell whether a session is alive", extra={"error": str(error)})
        return None
