"""The admin session, as it lies in Secrets Manager.

{"session_user_id": "1", "session_key": "…", "session_expires_date": "2026-12-06 11:19:10"}
"""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from botocore.exceptions import BotoCoreError, ClientError

from spaaza_snapshots.base.aws_errors import answer_of, code_of
from spaaza_snapshots.base.telemetry import logger
from spaaza_snapshots.errors import CredentialsError

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

_FORMAT = '{"session_user_id": "…", "session_key": "…", "session_expires_date": "YYYY-MM-DD HH:MM:SS"}'
PROOF_STAGE = "SPAAZA_LOGIN_PROOF"
_DATE_FORMAT = "%Y-%m-%d %H:%M:%S"


class _Version(TypedDict, total=False):
    VersionId: str
    VersionStage: str


@dataclass(frozen=True, slots=True)
class Session:
    """A session of a Spaaza admin; the key shows in no repr."""

    user_id: str
    key: str = field(repr=False)
    expires_at: datetime | None

    def days_left(self, now: datetime) -> float | None:
        """Return the days until the session ends, negative once it has; None where the secret does not tell."""
        return None if self.expires_at is None else (self.expires_at - now).total_seconds() / 86_400

    def to_secret(self) -> str:
        """Return what `read_session` reads, as the text of the secret: it holds the key."""
        document = {"session_user_id": self.user_id, "session_key": self.key}
        if self.expires_at is not None:
            # as _DATE_FORMAT has it; strftime writes the years before 1000 with fewer digits than strptime reads
            ends = self.expires_at.astimezone(UTC).replace(tzinfo=None)
            document["session_expires_date"] = ends.isoformat(" ", "seconds")
        return json.dumps(document)


def prove_writable(secrets_manager: "SecretsManagerClient", secret_id: str) -> None:
    """Write a version under a label of its own, and take the label off again: neither changes what is current.

    It is the call that stores a session later, so it proves the right to it, the key that encrypts, and that the secret
    is not a replica and not about to be deleted; a simulation of policies would prove less. It needs no right to read,
    and Secrets Manager forgets a version without a label. A label that may not be taken off does no harm. The first
    version of an empty secret is current whatever its label: that one then holds `{}`, no session, as before. Raises
    `ClientError` and `BotoCoreError`.
    """
    made = secrets_manager.put_secret_value(SecretId=secret_id, SecretString="{}", VersionStages=[PROOF_STAGE])
    with suppress(ClientError, BotoCoreError):
        secrets_manager.update_secret_version_stage(
            SecretId=secret_id, VersionStage=PROOF_STAGE, RemoveFromVersionId=made["VersionId"]
        )


def read_session(secrets_manager: "SecretsManagerClient", secret_id: str) -> Session:
    """Read the secret afresh; raises `CredentialsError`, without a word of what the secret holds."""
    session = read_version(secrets_manager, secret_id, VersionStage="AWSCURRENT")
    if session is None:
        raise _unusable("The secret does not exist or has no value yet", f"{secret_id}, ResourceNotFoundException")
    return session


def read_version(
    secrets_manager: "SecretsManagerClient", secret_id: str, **version: Unpack[_Version]
) -> Session | None:
    """Read one version by its id or its label; None where it is not there or was never filled.

    Raises `CredentialsError` where it cannot be read, or holds something else.
    """
    try:
        ask = secrets_manager.get_secret_value
        found = answer_of(ask, ("ResourceNotFoundException",), SecretId=secret_id, **version)
    except (ClientError, BotoCoreError) as error:
        hint = (
            "The session itself may be good, so do not log in again: check the function's role, the key of the secret,"
            " and the AWS status of this region."
        )
        raise CredentialsError("The secret cannot be read", f"{secret_id}, {code_of(error)}", hint) from error
    if found is None:
        return None
    try:
        document = json.loads(found.get("SecretString", ""))
    except (ValueError, RecursionError):
        pass  # it carries the text that it could not parse: nothing is raised while it is handled
    else:
        return _session(document, secret_id)
    raise _unusable("The secret is empty or not JSON", secret_id)


def _session(document: Any, secret_id: str) -> Session:
    if not isinstance(document, dict):
        raise _unusable("The secret is not a JSON object", secret_id)
    for name in ("session_user_id", "session_key"):
        if not is_header_value(document.get(name)):
            raise _unusable(f"The secret has no usable {name}", secret_id)
    return Session(
        user_id=str(document["session_user_id"]),
        key=str(document["session_key"]),
        expires_at=_expiry(document.get("session_expires_date")),
    )


def is_header_value(value: Any) -> bool:
    """Whether this can be a user id or a key: both are HTTP headers, where a line break would begin another one."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return bool(text) and text.isascii() and text.isprintable() and not text.isspace()


def utc_date(value: Any) -> datetime | None:
    """Read a date as Spaaza writes it, in UTC; None for what is none."""
    try:
        return datetime.strptime(value, _DATE_FORMAT).replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return None


def _expiry(value: Any) -> datetime | None:
    """Read the date that only warns: a bad one must not cost a day's snapshot."""
    if value is None or value == "":
        return None
    date = utc_date(value)
    if date is None:
        logger.warning("The secret's session_expires_date is not YYYY-MM-DD HH:MM:SS")
    return date


def _unusable(what: str, detail: str) -> CredentialsError:
    return CredentialsError(what, detail, f"Log in to Spaaza and put the session into the secret: {_FORMAT}.")
