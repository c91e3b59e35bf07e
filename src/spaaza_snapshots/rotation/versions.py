"""The versions of the session secret, as a rotation sees them.

A rotation's token is the id of the version that it makes. RotateSecret has put AWSPENDING on it, empty as it still is;
while that label is on another version than AWSCURRENT, Secrets Manager begins no further rotation.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from spaaza_snapshots.base.aws_errors import answer_of, storage_errors
from spaaza_snapshots.base.telemetry import logger
from spaaza_snapshots.errors import CredentialsError, InvalidRequest, StorageError
from spaaza_snapshots.spaaza.credentials import Session, prove_writable, read_version

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

CURRENT, PENDING = "AWSCURRENT", "AWSPENDING"


class SessionVersions:
    """The secret that holds the session."""

    def __init__(self, secrets_manager: "SecretsManagerClient", secret_id: str) -> None:
        self._secrets_manager = secrets_manager
        self._secret_id = secret_id

    def is_current(self, token: str) -> bool:
        """Tell whether this rotation has ended well; raises `InvalidRequest` where it is none that is under way."""
        labels = self._labels().get(token, ())
        if not {CURRENT, PENDING} & set(labels):
            detail = "its token is unknown, or the rotation was given up, or another one has followed it"
            raise InvalidRequest("This rotation is not under way", detail, "The next rotation begins with a new token.")
        return CURRENT in labels

    def session(self, token: str) -> Session | None:
        """Return the session of a version; None where the version is still empty. Raises `CredentialsError`."""
        return read_version(self._secrets_manager, self._secret_id, VersionId=token)

    def current_session(self) -> Session | None:
        """Return the session in use; None where there never was one, or what is there is not a session."""
        try:
            return read_version(self._secrets_manager, self._secret_id, VersionStage=CURRENT)
        except CredentialsError as error:
            logger.warning("The session in use cannot be read", extra={"error": str(error)})
            return None

    def prove_writable(self) -> None:
        """Raise `StorageError` unless a session could be stored: a login that cannot be kept only ends the old one."""
        with storage_errors("proving that the session can be stored"):
            prove_writable(self._secrets_manager, self._secret_id)

    def put_pending(self, token: str, session: Session) -> bool:
        """Store a session as this rotation's; False where the rotation has another one already."""
        with storage_errors("storing the new session"):
            stored = answer_of(
                self._secrets_manager.put_secret_value,
                ("ResourceExistsException",),
                SecretId=self._secret_id,
                ClientRequestToken=token,
                SecretString=session.to_secret(),
                VersionStages=[PENDING],
            )
        return stored is not None

    def make_current(self, token: str) -> None:
        """Give this rotation's session to the export function."""
        with storage_errors("making the new session the current one"):
            before = [version for version, labels in self._labels().items() if CURRENT in labels]
            source = {"RemoveFromVersionId": before[0]} if before else {}
            self._secrets_manager.update_secret_version_stage(
                SecretId=self._secret_id, VersionStage=CURRENT, MoveToVersionId=token, **source
            )

    def give_up(self, token: str) -> None:
        """Take AWSPENDING off this rotation's version, so that another can begin; what fails here is only logged."""
        try:
            if PENDING in self._labels().get(token, ()):
                with storage_errors("ending a rotation that has failed"):
                    self._secrets_manager.update_secret_version_stage(
                        SecretId=self._secret_id, VersionStage=PENDING, RemoveFromVersionId=token
                    )
        except (InvalidRequest, StorageError) as error:
            logger.warning("A rotation that has failed could not be taken out of the way", extra={"error": str(error)})

    def _labels(self) -> Mapping[str, Sequence[str]]:
        """Return the labels by version; versions without one are not listed. Raises `InvalidRequest`."""
        with storage_errors("reading the versions of the session"):
            found = self._secrets_manager.describe_secret(SecretId=self._secret_id)
        if not found.get("RotationEnabled"):
            hint = "Deploy the stack with RenewSession true, and let only Secrets Manager start this function."
            raise InvalidRequest("This secret is not set up for rotation", self._secret_id, hint)
        return found.get("VersionIdsToStages", {})
