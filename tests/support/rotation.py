"""A session secret that is set up for rotation, its log-in secret, and the steps played on them in this process."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.moto import MotoAws
from sandbox.aws.secrets import Rotation
from sandbox.aws.stack import Stack
from sandbox.spaaza.server import SpaazaServer
from spaaza_snapshots.errors import SessionExpired, SnapshotError
from spaaza_snapshots.rotation.event import parse_event
from spaaza_snapshots.rotation.settings import RotationSettings
from spaaza_snapshots.rotation.steps import serve
from spaaza_snapshots.rotation.wiring import clients_of, services_for
from spaaza_snapshots.spaaza.connections import http_pool
from spaaza_snapshots.spaaza.credentials import Session, read_version
from spaaza_snapshots.spaaza.login import SpaazaLogin
from tests.support.builders import HeldClock
from tests.support.flow import invoke

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

LOGIN_SECRET = "spaaza-admin-login"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:rotation"
LOG_INS = "/auth/login"


@dataclass
class Renewing:
    """The secrets and who logs in with them; `errors` are those of the steps, in the order in which they came."""

    aws: MotoAws
    spaaza: SpaazaServer
    secret: str
    errors: list[SnapshotError] = field(default_factory=list)

    @property
    def secrets(self) -> "SecretsManagerClient":
        """A client past the wire."""
        return self.aws.client("secretsmanager")

    def set_up(self) -> None:
        """Do what a deployment does, on a Spaaza whose admin needs no code."""
        clients_of.cache_clear()
        self.spaaza.logins.admin.exempt = True
        self.secrets.create_secret(Name=LOGIN_SECRET)
        self.put_login(self.spaaza.logins.admin.password)
        self.secrets.rotate_secret(SecretId=self.secret, RotationLambdaARN=FUNCTION, RotateImmediately=False)
        self.aws.secrets.play_rotations(self.step)

    def put_login(self, password: str) -> None:
        """Do what a person does who has changed the password."""
        login = {"username": self.spaaza.logins.admin.username, "password": password}
        self.secrets.put_secret_value(SecretId=LOGIN_SECRET, SecretString=json.dumps(login))

    def log_in_by_hand(self) -> None:
        """Do what a person does with `spaaza-snapshots login`."""
        admin = self.spaaza.logins.admin
        session = SpaazaLogin(http_pool(), self.spaaza.base_url).log_in(admin.username, admin.password)
        assert isinstance(session, Session)
        self.secrets.put_secret_value(SecretId=self.secret, SecretString=session.to_secret())

    def environment(self) -> dict[str, str]:
        """What the function finds in its environment."""
        return {
            "SPAAZA_LOGIN_SECRET_ID": LOGIN_SECRET,
            "SPAAZA_ENVIRONMENT": "test01",
            "SPAAZA_API_URL": self.spaaza.base_url,
        }

    def ask(self) -> str:
        """Ask for a rotation, as the schedule does, and return its token."""
        return self.secrets.rotate_secret(SecretId=self.secret)["VersionId"]

    def step(self, event: Mapping[str, str]) -> bool:
        """Do one step; what it raises is kept."""
        settings = RotationSettings.from_environment(self.environment())
        try:
            request = parse_event(event)
            serve(request, services_for(settings, request.secret_id))
        except SnapshotError as error:
            self.errors.append(error)
            return False
        return True

    def do(self, step: str, token: str) -> bool:
        """Do this step of this rotation."""
        return self.step(Rotation(self.secret, token).event(step))

    def play_with(self, function: LambdaFunction, *, tries: int = 1) -> list[Rotation]:
        """Play what was asked for with a function in a process of its own, as Lambda runs it."""
        return self.aws.secrets.play_rotations(lambda event: _went_well(function, event), tries=tries)

    def play(self) -> list[Rotation]:
        """Play what was asked for."""
        return self.aws.secrets.play_rotations(self.step)

    def rotate(self) -> Rotation:
        """Ask for a rotation and play it."""
        self.ask()
        (played,) = self.play()
        return played

    def current(self) -> Session | None:
        """Return the session that the export function would use."""
        return read_version(self.secrets, self.secret, VersionStage="AWSCURRENT")

    def is_renewed(self) -> bool:
        """Whether that is Spaaza's newest session, and nothing bars the next rotation."""
        current, newest = self.current(), self.spaaza.session
        pending = [labels for labels in self.labels().values() if "AWSPENDING" in labels and "AWSCURRENT" not in labels]
        return current is not None and current.key == newest.key and not pending

    def labels(self, secret: str | None = None) -> Mapping[str, set[str]]:
        """Return the labels of a secret by version."""
        found = self.secrets.describe_secret(SecretId=secret or self.secret).get("VersionIdsToStages", {})
        return {version: set(labels) for version, labels in found.items()}

    def log_ins(self) -> int:
        """Return how often anybody has tried to log in."""
        return sum(request.path == LOG_INS for request in self.spaaza.requests)


def _went_well(function: LambdaFunction, event: Mapping[str, str]) -> bool:
    return function.invoke(event).error_type is None


def invoke_at_once(stack: Stack, held: HeldClock | None = None) -> HeldClock:
    """Run one chain by hand, on a session that nobody renews, and return the clock."""
    clock = held or HeldClock()
    with pytest.raises(SessionExpired):
        invoke(stack, held=clock, variables={"SESSION_ROTATION": "on", "SPAAZA_API_URL": stack.spaaza.base_url})
    return clock
