"""Secrets Manager as strict as AWS is about versions and their labels, where moto is not; and what starts rotations.

moto overwrites a value under a used ClientRequestToken, and goes on to return the old value after AWSCURRENT has moved.
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.secretsmanager.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    ResourceExistsException,
    ResourceNotFoundException,
    SecretHasNoValueException,
    SecretNotFoundException,
    SecretStageVersionMismatchException,
)
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend, secretsmanager_backends

CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")

StepEvent = Mapping[str, str]


@dataclass
class Rotation:
    """A rotation that was asked for; `failed_at` is the step that ended its last try, None where it went through."""

    secret_id: str
    token: str
    steps: tuple[str, ...] = STEPS
    failed_at: str | None = None

    def event(self, step: str) -> dict[str, str]:
        """Return what the rotation function is given."""
        return {"Step": step, "SecretId": self.secret_id, "ClientRequestToken": self.token}

    def play(self, invoke: Callable[[StepEvent], bool]) -> None:
        """Have the steps done in order, until one of them fails."""
        failed = (step for step in self.steps if not invoke(self.event(step)))
        self.failed_at = next(failed, None)


@dataclass
class _Described:
    """What DescribeSecret shows: AWS lists no version without a label, and has no list where there is none."""

    secret: FakeSecret

    def to_dict(self) -> dict[str, Any]:
        labels = {version: found["version_stages"] for version, found in self.secret.versions.items()}
        listed = {version: list(stages) for version, stages in labels.items() if stages}
        described = {name: value for name, value in self.secret.to_dict().items() if name != "VersionIdsToStages"}
        return described | ({"VersionIdsToStages": listed} if listed else {})


@dataclass
class _KeptVersion:
    """One version, as moto keeps it."""

    fields: dict[str, Any] = field(repr=False)

    @property
    def value(self) -> tuple[Any, Any]:
        return self.fields.get("secret_string"), self.fields.get("secret_binary")

    @property
    def has_value(self) -> bool:
        return self.value != (None, None)


class StrictSecrets(SecretsManagerBackend):
    """moto's Secrets Manager, with AWS's rules on versions."""

    __module__ = SecretsManagerBackend.__module__  # moto finds the addresses that it serves beside it

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.asked: list[Rotation] = []

    def play_rotations(self, invoke: Callable[[StepEvent], bool], *, tries: int = 1) -> list[Rotation]:
        """Play all rotations asked for since the last time, each whole up to `tries` times, as AWS repeats them.

        `invoke` does one step, and tells whether it went well.
        """
        played, self.asked = self.asked, []
        for rotation in played:
            for _ in range(tries):
                rotation.play(invoke)
                if rotation.failed_at is None:
                    break
            if rotation.steps != STEPS:
                self._found(rotation.secret_id).versions.pop(rotation.token)
        return played

    def put_secret_value(
        self,
        secret_id: str,
        secret_string: str,
        secret_binary: str,
        client_request_token: str,
        version_stages: list[str],
    ) -> str:
        """Add a value; another one under a used token is refused, the same one is taken again."""
        secret = self._found(secret_id)
        token = self._from_client_request_token(client_request_token)
        there = secret.versions.get(token)
        if there and _KeptVersion(there).has_value:
            if _KeptVersion(there).value != (secret_string, secret_binary):
                raise ResourceExistsException(
                    f"You can't use ClientRequestToken {token} because that value is already in use for a version of"
                    f" secret {secret.arn}."
                )
            return secret.to_short_dict(include_version_stages=True, version_id=token)
        first = [] if secret.versions else [CURRENT]
        version = {"createdate": int(time.time()), "version_id": token, "version_stages": []}
        values = {"secret_string": secret_string, "secret_binary": secret_binary}
        secret.versions[token] = version | {name: value for name, value in values.items() if value is not None}
        for label in dict.fromkeys([*version_stages, *first]):
            _move(secret, label, token)
        return secret.to_short_dict(include_version_stages=True, version_id=token)

    def get_secret_value(self, secret_id: str, version_id: str, version_stage: str) -> dict[str, Any]:
        """Return a value by its version, by its label, or by both; AWSCURRENT without either."""
        secret = self._found(secret_id)
        label = version_stage or (None if version_id else CURRENT)
        asked = version_id or _holder(secret, str(label))
        if asked not in secret.versions:
            raise ResourceNotFoundException(f"Secrets Manager can't find the specified secret value for: {label}")
        version = secret.versions[asked]
        if label and label not in version["version_stages"]:
            raise SecretStageVersionMismatchException
        if not _KeptVersion(version).has_value:
            raise SecretHasNoValueException(label or asked)
        found = {"ARN": secret.arn, "Name": secret.name, "VersionId": asked, "CreatedDate": version["createdate"]}
        texts = {"SecretString": version.get("secret_string"), "SecretBinary": version.get("secret_binary")}
        stages = {"VersionStages": list(version["version_stages"])}
        return found | stages | {name: text for name, text in texts.items() if text is not None}

    def describe_secret(self, secret_id: str) -> Any:
        """Return what DescribeSecret shows."""
        return _Described(self._found(secret_id))

    def list_secret_version_ids(self, secret_id: str) -> str:
        """Return the versions that have a label, each with when it was made, where moto says now."""
        labelled = {name: found for name, found in self._found(secret_id).versions.items() if found["version_stages"]}
        dates = {name: {"CreatedDate": found["createdate"]} for name, found in labelled.items()}
        stages = {name: {"VersionStages": found["version_stages"]} for name, found in labelled.items()}
        return json.dumps({"Versions": [{"VersionId": name, **dates[name], **stages[name]} for name in labelled]})

    def update_secret_version_stage(
        self, secret_id: str, version_stage: str, remove_from_version_id: str, move_to_version_id: str
    ) -> tuple[str, str]:
        """Move or remove a label; AWS wants to be told by name which version loses it.

        https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
        """
        secret = self._found(secret_id)
        holder = _holder(secret, version_stage)
        for version in (remove_from_version_id, move_to_version_id):
            if version and version not in secret.versions:
                raise ResourceNotFoundException("Secrets Manager can't find the specified secret version.")
        if remove_from_version_id and holder != remove_from_version_id:
            raise InvalidParameterException(f"{version_stage} is not attached to the version in RemoveFromVersionId.")
        if holder not in (None, move_to_version_id, remove_from_version_id):
            raise InvalidParameterException(
                f"The parameter RemoveFromVersionId can't be empty. Staging label {version_stage} is currently attached"
                f" to version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
            )
        if version_stage == CURRENT and not move_to_version_id:
            raise InvalidParameterException("You can't remove AWSCURRENT without moving it to another version.")
        _move(secret, version_stage, move_to_version_id)
        return secret.arn, secret.name

    def rotate_secret(
        self,
        secret_id: str,
        client_request_token: str | None = None,
        rotation_lambda_arn: str | None = None,
        rotation_rules: dict[str, Any] | None = None,  # noqa: ARG002 - it keeps no calendar
        rotate_immediately: bool = True,  # noqa: FBT001, FBT002 - moto's signature
    ) -> str:
        """Set the rotation up, and ask for one: its version is there at once, empty, with AWSPENDING.

        Where a rotation has not ended, that one is asked for again and the call is refused.
        """
        secret = self._found(secret_id)
        if rotation_lambda_arn:
            secret.rotation_lambda_arn = rotation_lambda_arn
            secret.rotation_enabled = secret.rotation_requested = True
        if not secret.rotation_enabled:
            raise InvalidRequestException("No Lambda rotation function ARN is associated with this secret.")
        pending, current = _holder(secret, PENDING), _holder(secret, CURRENT)
        if pending and pending != current:
            self.asked.append(Rotation(secret.arn, pending))
            raise InvalidRequestException("A previous rotation isn't complete. That rotation will be reattempted.")
        token = client_request_token or str(uuid4())
        version: dict[str, Any] = {"createdate": int(time.time()), "version_id": token, "version_stages": []}
        if not rotate_immediately:  # only a test of what was set up, on a copy of what is there
            version = {**secret.versions.get(current or "", {}), **version}
        secret.versions[token] = version
        _move(secret, PENDING, token)
        self.asked.append(Rotation(secret.arn, token, STEPS if rotate_immediately else ("testSecret",)))
        return json.dumps({"ARN": secret.arn, "Name": secret.name, "VersionId": token})

    def _found(self, secret_id: str) -> FakeSecret:
        secret = self.secrets.get(secret_id)
        if not isinstance(secret, FakeSecret):
            raise SecretNotFoundException
        if secret.is_deleted():
            raise InvalidRequestException("You can't perform this operation on the secret: it was marked for deletion.")
        return secret


def install() -> None:
    """Have moto use it from the next reset on."""
    secretsmanager_backends.backend = StrictSecrets


def strict_secrets(region: str) -> StrictSecrets:
    """Return the Secrets Manager of moto's account in a region, as it is until the next reset."""
    found = secretsmanager_backends[DEFAULT_ACCOUNT_ID][region]
    assert isinstance(found, StrictSecrets)
    return found


def _holder(secret: FakeSecret, label: str) -> str | None:
    return next((version for version, found in secret.versions.items() if label in found["version_stages"]), None)


def _move(secret: FakeSecret, label: str, version_id: str | None) -> None:
    """Put a label on a version, or on none, and AWSPREVIOUS on the one that loses AWSCURRENT to it."""
    holder = _holder(secret, label)
    if holder == version_id:
        return
    if holder:
        secret.versions[holder]["version_stages"].remove(label)
    if version_id:
        secret.versions[version_id]["version_stages"].append(label)
    if label == CURRENT:
        secret.set_default_version_id(version_id)
        if holder:
            _move(secret, PREVIOUS, holder)
        if _holder(secret, PREVIOUS) == version_id:
            _move(secret, PREVIOUS, None)
