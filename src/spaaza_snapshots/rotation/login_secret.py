"""Name and password of the admin user, as they lie in a secret of their own.

{"username": "…", "password": "…"}

A version that Spaaza has refused carries the staging label REFUSED: with it nothing logs in again, so that a wrong
password never becomes a lock-out. A person who puts a new version takes the label out of the way.
"""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from spaaza_snapshots.base.aws_errors import code_of, storage_errors
from spaaza_snapshots.errors import CredentialsError

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_secretsmanager.type_defs import GetSecretValueResponseTypeDef

REFUSED = "REFUSED"

_PUT_IT_IN = 'Put name and password into the log-in secret: {"username": "…", "password": "…"}.'


@dataclass(frozen=True, slots=True)
class Login:
    """What logs in; neither name nor password shows in a repr."""

    version_id: str
    username: str = field(repr=False)
    password: str = field(repr=False)


class LoginSecret:
    """The secret with name and password."""

    def __init__(self, secrets_manager: "SecretsManagerClient", secret_id: str) -> None:
        self._secrets_manager = secrets_manager
        self._secret_id = secret_id

    def read(self) -> Login:
        """Return what may log in; raises `CredentialsError` where there is nothing, or where Spaaza has refused it."""
        with storage_errors("reading the log-in secret"):
            found = self._value_at("AWSCURRENT")
        if found is None:
            raise CredentialsError("There is no log-in secret, or nothing in it", self._secret_id, _PUT_IT_IN)
        if REFUSED in found["VersionStages"]:
            hint = f"Nothing logs in with this version again, lest the user be locked out. {_PUT_IT_IN}"
            raise CredentialsError("Spaaza has refused this name and password before", self._secret_id, hint)
        return self._login(found["VersionId"], found.get("SecretString", ""))

    def mark_refused(self, login: Login) -> None:
        """Put the label REFUSED on the version that was refused, wherever it was before."""
        with storage_errors("marking the log-in secret as refused"):
            before = self._value_at(REFUSED)
            # without the version that it is taken from, Secrets Manager moves no label
            source = {} if before is None else {"RemoveFromVersionId": before["VersionId"]}
            self._secrets_manager.update_secret_version_stage(
                SecretId=self._secret_id, VersionStage=REFUSED, MoveToVersionId=login.version_id, **source
            )

    def _value_at(self, stage: str) -> "GetSecretValueResponseTypeDef | None":
        try:
            return self._secrets_manager.get_secret_value(SecretId=self._secret_id, VersionStage=stage)
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return None
            raise

    def _login(self, version_id: str, text: str) -> Login:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            document = None  # the parser's error would carry the text
        values = [document.get(name) for name in ("username", "password")] if isinstance(document, dict) else []
        texts = [value for value in values if isinstance(value, str) and value]
        if len(texts) != 2:
            raise CredentialsError("The log-in secret holds no name and password", self._secret_id, _PUT_IT_IN)
        return Login(version_id, *texts)
