"""A deployed stack's secret, a Spaaza and a keyboard, for the tests of login and logout."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.aws import deployed
from sandbox.aws.moto import MotoAws
from sandbox.spaaza.server import SpaazaServer
from sandbox.wire import faults
from sandbox.wire.wire import Wire
from spaaza_snapshots.spaaza.credentials import Session, read_session

MARK_NAME, MARK_PASSWORD = "mark-name@retailer.example", "mark password é"
OLD = '{"session_user_id": "1", "session_key": "the-old-key"}'
DENIED = faults.error(400, "AccessDeniedException")
NO_RIGHT = "AccessDeniedException); nothing was changed."

Typed = str | Callable[[], str] | type[BaseException]


@dataclass
class LoginPlace:
    """A deployed stack's secret, a Spaaza, and the keyboard."""

    secrets: Any
    wire: Wire
    spaaza: SpaazaServer
    secret_id: str
    typed: list[Typed]
    prompts: list[str]

    def type(self, *answers: Typed) -> None:
        self.typed.extend(answers)

    def current(self) -> str | None:
        """What the secret holds at AWSCURRENT."""
        text: str = self.secrets.get_secret_value(SecretId=self.secret_id)["SecretString"]
        return text

    def labels(self) -> list[str]:
        """All labels there are, of all versions."""
        stages = self.secrets.describe_secret(SecretId=self.secret_id)["VersionIdsToStages"]
        return sorted(label for labels in stages.values() for label in labels)

    def asked(self) -> list[str]:
        return [request.path for request in self.spaaza.requests]

    def session(self) -> Session:
        return read_session(self.secrets, self.secret_id)

    def last_code(self) -> str:
        return self.spaaza.logins.letters[-1]


def environment(aws_url: str, spaaza_url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_MAX_ATTEMPTS": "1",
        "SPAAZA_API_URL": spaaza_url,
        "COLUMNS": "400",
    }


def deploy(moto_aws: MotoAws) -> str:
    """Make a stack with a secret that is empty, as the template does; return the secret's ARN."""
    arn = moto_aws.client("secretsmanager").create_secret(Name="session")["ARN"]
    deployed.deploy(moto_aws, "members", {"SecretArn": arn}, {"SpaazaEnvironment": "test01"})
    return arn


def answered(place: LoginPlace, prompt: str) -> str:
    place.prompts.append(prompt)
    answer = place.typed.pop(0)
    if isinstance(answer, str):
        return answer
    if isinstance(answer, type):
        raise answer
    return answer()


def sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one sentence in which a command ended, behind what it said on its way."""
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.strip().splitlines()[-1]
