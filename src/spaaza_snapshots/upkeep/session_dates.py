"""How long the session in the secret lasts, and when it renews itself. Never its key."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from spaaza_snapshots.errors import CredentialsError
from spaaza_snapshots.spaaza.credentials import read_session

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient


@dataclass(frozen=True, slots=True)
class SessionDates:
    """When the session ends, None where the secret does not say; `problem`: why there is no session in the secret."""

    expires_at: datetime | None = None
    days_left: float | None = None
    problem: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether there is no session, or none that lasts."""
        return self.problem is not None or (self.days_left is not None and self.days_left <= 0)


@dataclass(frozen=True, slots=True)
class Renewal:
    """When the session last renewed itself, and when Secrets Manager will at the latest; None for never.

    `is_on`: the secret rotates at all.
    """

    last_at: datetime | None
    next_at: datetime | None
    is_on: bool = True


def session_dates(secrets_manager: "SecretsManagerClient", secret_id: str, now: datetime) -> SessionDates:
    """Return the dates of the current session; raises `CredentialsError` where the secret cannot be read."""
    try:
        session = read_session(secrets_manager, secret_id)
    except CredentialsError as error:
        if isinstance(error.__cause__, ClientError | BotoCoreError):
            raise  # the session may be good
        return SessionDates(problem=error.what)
    days_left = session.days_left(now)
    return SessionDates(session.expires_at, None if days_left is None else round(days_left, 1))


def renewal(secrets_manager: "SecretsManagerClient", secret_id: str) -> Renewal:
    """Return the dates of the renewals; raises the SDK's errors."""
    described = secrets_manager.describe_secret(SecretId=secret_id)
    is_on = bool(described.get("RotationEnabled"))
    return Renewal(_utc(described.get("LastRotatedDate")), _utc(described.get("NextRotationDate")), is_on)


def stored_at(secrets_manager: "SecretsManagerClient", secret_id: str) -> datetime | None:
    """Return when the current session was put into the secret; raises the SDK's errors."""
    versions = secrets_manager.list_secret_version_ids(SecretId=secret_id)["Versions"]
    current = (version for version in versions if "AWSCURRENT" in version.get("VersionStages", ()))
    return _utc(next((version.get("CreatedDate") for version in current), None))


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC)
