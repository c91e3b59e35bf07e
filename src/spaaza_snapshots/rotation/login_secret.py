"""Name and password of the admin user, as they lie in a secret of their own.

{"username": "…", "password": "…"}

A version that Spaaza has refused carries the staging label REFUSED: with it nothing logs in again, so that a wrong
password never becomes a lock-out. A person who puts a new version takes the label out of the way.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spaaza_snapshots.base.aws_errors import answer_of, storage_errors
from spaaza_snapshots.base.telemetry import logger
from spaaza_snapshots.errors import CredentialsError, StorageError

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_secretsmanager.type_defs import GetSecretValueResponseTypeDef

REFUSED = "REFUSED"
TRIED = ("TRIED_1", "TRIED_2", "TRIED_3")
"""One more of these labels before each login: three tries lock nobody out.

A session takes all of them off again; a login that Spaaza surely did not look at takes off its own.
"""

_PUT_IT_IN = 'Put name and password into the login secret: {"username": "…", "password": "…"}.'


@dataclass(frozen=True, slots=True)
class Login:
    """What logs in, and the labels of its version when it was read; neither name nor password shows in a repr."""

    version_id: str
    labels: tuple[str, ...]
    username: str = field(repr=False)
    password: str = field(repr=False)


class LoginSecret:
    """The secret with name and password."""

    def __init__(self, secrets_manager: "SecretsManagerClient", secret_id: str) -> None:
        self._secrets_manager = secrets_manager
        self._secret_id = secret_id

    def read(self) -> Login:
        """Return what may log in; raises `CredentialsError` where there is nothing, or where Spaaza has refused it."""
        with storage_errors("reading the login secret"):
            found = self._value_at("AWSCURRENT")
        if found is None:
            raise CredentialsError("The login secret does not exist or has no value yet", self._secret_id, _PUT_IT_IN)
        if REFUSED in found["VersionStages"]:
            hint = f"Nothing logs in with this version again, lest the user be locked out. {_PUT_IT_IN}"
            raise CredentialsError("Spaaza has refused this name and password before", self._secret_id, hint)
        return self._login(found)

    def count_a_try(self, login: Login) -> str:
        """Write the try ahead, and return its label: a function that is killed must not try for ever.

        Raises `CredentialsError` after three whose end nobody knows, and `StorageError` if the try cannot be counted.
        """
        left = [label for label in TRIED if label not in login.labels]
        if not left:
            hint = f"Spaaza may have refused them: see the log, be sure of them, and put them in again. {_PUT_IT_IN}"
            raise CredentialsError(f"{len(TRIED)} logins had no known end", self._secret_id, hint)
        with storage_errors("counting a login"):
            self._move(left[0], login)
        return left[0]

    def forget_tries(self, login: Login, labels: Sequence[str] = TRIED) -> None:
        """Take labels of tries off again; those that cannot be taken off are only logged."""
        try:
            with storage_errors("forgetting the tries"):
                now = self._secrets_manager.get_secret_value(SecretId=self._secret_id, VersionId=login.version_id)
                for label in set(labels) & set(now["VersionStages"]):
                    self._secrets_manager.update_secret_version_stage(
                        SecretId=self._secret_id, VersionStage=label, RemoveFromVersionId=login.version_id
                    )
        except StorageError as error:
            logger.warning("The tries could not be forgotten", extra={"error": str(error)})

    def mark_refused(self, login: Login) -> None:
        """Put the label REFUSED on the version that was refused, wherever it was before."""
        with storage_errors("marking the login secret as refused"):
            self._move(REFUSED, login)

    def _move(self, label: str, login: Login) -> None:
        before = self._value_at(label)
        # without the version that it is taken from, Secrets Manager moves no label
        source = {} if before is None else {"RemoveFromVersionId": before["VersionId"]}
        self._secrets_manager.update_secret_version_stage(
            SecretId=self._secret_id, VersionStage=label, MoveToVersionId=login.version_id, **source
        )

    def _value_at(self, stage: str) -> "GetSecretValueResponseTypeDef | None":
        ask = self._secrets_manager.get_secret_value
        return answer_of(ask, ("ResourceNotFoundException",), SecretId=self._secret_id, VersionStage=stage)

    def _login(self, found: "GetSecretValueResponseTypeDef") -> Login:
        try:
            document = json.loads(found["SecretString"])
        except (KeyError, ValueError, RecursionError):
            document = {}  # the parser's error would carry the text
        values = [document.get(name) for name in ("username", "password")] if isinstance(document, dict) else []
        texts = [value for value in values if isinstance(value, str) and value]
        if len(texts) != 2:
            raise CredentialsError("The login secret holds no name and password", self._secret_id, _PUT_IT_IN)
        return Login(found["VersionId"], tuple(found["VersionStages"]), *texts)
