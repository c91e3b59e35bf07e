"""What a run does where the session renews itself: wait for a renewal under way, and ask for one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from spaaza_snapshots.base.aws_errors import code_of
from spaaza_snapshots.base.background import in_background
from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import logger
from spaaza_snapshots.errors import CredentialsError
from spaaza_snapshots.spaaza.credentials import Session, read_session, read_version
from spaaza_snapshots.spaaza.login import SpaazaLogin

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

LONGEST_WAIT_SECONDS = 30.0
"""A rotation takes some seconds between its log-in, which ends the session in use, and its end."""

POLL_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class SessionRenewal:
    """The secret as one that a rotation function keeps filled."""

    secrets_manager: "SecretsManagerClient"
    secret_id: str
    spaaza: SpaazaLogin
    clock: Clock

    def wait_for_another(self, refused: Session) -> Session:
        """Return another session than the one refused, or that one where none comes within half a minute."""
        ends = self.clock.monotonic() + LONGEST_WAIT_SECONDS
        session = read_session(self.secrets_manager, self.secret_id)
        while session == refused and self.clock.monotonic() < ends and self.clock.seconds_left() > POLL_SECONDS:
            self.clock.sleep(POLL_SECONDS)
            session = read_session(self.secrets_manager, self.secret_id)
        return session

    def ask_if_refused(self) -> None:
        """Ask for one rotation if Spaaza does not know the session, or the secret holds none.

        Each scheduled run calls this once, so once an hour. No failure here, and no wait, keeps a run from its work.
        """
        asking = in_background(self._ask_if_refused, "renewal")
        try:
            asking.result(timeout=LONGEST_WAIT_SECONDS)
        except Exception as error:  # noqa: BLE001 # the run goes on in any case
            told = code_of(error) if isinstance(error, ClientError) else f"{type(error).__name__} {error}".strip()
            logger.warning("The session could not be checked", extra={"error": told})

    def _ask_if_refused(self) -> None:
        if not self._is_accepted():
            self.secrets_manager.rotate_secret(SecretId=self.secret_id)
            logger.warning("Spaaza does not know the session: a renewal was requested")

    def _is_accepted(self) -> bool:
        try:
            session = read_version(self.secrets_manager, self.secret_id, VersionStage="AWSCURRENT")
        except CredentialsError as error:
            if error.__cause__ is not None:
                raise  # AWS did not let us read it
            return False  # what is there is not a session
        return session is not None and self.spaaza.is_alive(session)
