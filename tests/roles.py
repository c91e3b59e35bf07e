"""A role of the template on moto, enforced: moto judges each call by the very policy that a deployment would create."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import boto3
import pytest
from moto.core.authorization import enable_iam_authentication
from moto.events.responses import EventsHandler
from moto.glue.responses import GlueResponse
from moto.secretsmanager.responses import SecretsManagerResponse

from sandbox.template import ACCOUNT, REGION, Deployment

if TYPE_CHECKING:

    class Moto(Protocol):
        """The part of moto's responses that is read here."""

        body: str


def _bus(response: "Moto") -> str:
    bus = json.loads(response.body)["Entries"][0]["EventBusName"]
    return f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus}"


def _table(response: "Moto") -> str:
    asked = json.loads(response.body)
    name = asked.get("Name") or asked["TableInput"]["Name"]
    return f"arn:aws:glue:{REGION}:{ACCOUNT}:table/{asked['DatabaseName']}/{name}"


def _secret(response: "Moto") -> str:
    return str(json.loads(response.body)["SecretId"])


# For these services moto would compare every Resource with "*"; this is its own hook for telling it better.
_RESOURCES: tuple[tuple[type, Callable[["Moto"], str]], ...] = (
    (EventsHandler, _bus),
    (GlueResponse, _table),
    (SecretsManagerResponse, _secret),
)


@contextmanager
def enforced() -> Iterator[None]:
    """Have moto refuse, with HTTP 403, every call that the caller's policy does not allow.

    It judges actions and resources. Of conditions it knows none of ours: those are asserted on the policy itself.
    """
    with pytest.MonkeyPatch.context() as patch, enable_iam_authentication():
        for responses, resource in _RESOURCES:
            patch.setattr(responses, "_determine_resource", resource, raising=False)
        yield


def assume(endpoint_url: str, deployment: Deployment, role: str) -> Mapping[str, str]:
    """Create a role as the template has it and return the credentials of a session, as the SDK's variables."""
    iam, sts = (any_client(service, endpoint_url) for service in ("iam", "sts"))
    trust = deployment.properties(role)["AssumeRolePolicyDocument"]
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=json.dumps(deployment.policy(role)))
    session = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    for client in (iam, sts):
        client.close()
    return {
        "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["SessionToken"],
    }


def any_client(service: str, endpoint_url: str, credentials: Mapping[str, str] | None = None) -> Any:
    """Return a client with these variables' credentials, or with moto's all-powerful ones."""
    given = {name.lower(): value for name, value in (credentials or {}).items()}
    powerful = {"aws_access_key_id": "moto", "aws_secret_access_key": "moto"}
    make_client: Any = boto3.client
    return make_client(service, endpoint_url=endpoint_url, region_name=REGION, **(given or powerful))
