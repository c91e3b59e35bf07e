"""A role of the template on moto, enforced: moto judges each call by the very policy that a deployment would create."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

import boto3
import pytest
from moto.athena.models import athena_backends
from moto.athena.responses import AthenaResponse
from moto.core.authorization import enable_iam_authentication
from moto.events.responses import EventsHandler
from moto.glue.responses import GlueResponse
from moto.secretsmanager.responses import SecretsManagerResponse

from sandbox.aws.moto import MotoAws
from sandbox.spaaza.server import SpaazaServer
from sandbox.wire.wire import Wire
from tools.template import ACCOUNT, REGION, Deployment

if TYPE_CHECKING:

    class Moto(Protocol):
        """The part of moto's responses that is read here."""

        body: str


Handler = Callable[[dict[str, Any], Any], Any]


def _bus(response: "Moto") -> str:
    bus = json.loads(response.body)["Entries"][0]["EventBusName"]
    return f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus}"


def _in_glue(response: "Moto") -> str:
    asked = json.loads(response.body)
    database = asked.get("DatabaseName")
    if database is None:
        return f"arn:aws:glue:{REGION}:{ACCOUNT}:" + (f"database/{asked['Name']}" if "Name" in asked else "catalog")
    name = asked.get("Name") or asked.get("TableName") or asked.get("TableInput", {}).get("Name", "*")
    return f"arn:aws:glue:{REGION}:{ACCOUNT}:table/{database}/{name}"


def _in_athena(response: "Moto") -> str:
    asked = json.loads(response.body)
    backend = athena_backends[ACCOUNT][REGION]
    catalog = asked.get("CatalogName") or asked.get("Name" if "WorkGroup" not in asked else "")
    group = asked.get("WorkGroup")
    for kept, name in ((backend.executions, "QueryExecutionId"), (backend.named_queries, "NamedQueryId")):
        if name in asked and (found := kept[asked[name]].workgroup):
            group = found.name
    named = f"workgroup/{group}" if group else f"datacatalog/{catalog}"
    return f"arn:aws:athena:{REGION}:{ACCOUNT}:{named}" if group or catalog else "*"


def _secret(response: "Moto") -> str:
    return str(json.loads(response.body)["SecretId"])


_TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
_numbers = count(1)

# For these services moto would compare every Resource with "*". It asks a class of responses that has this method which
# resource a call is for; no class of these services has it yet, and there is no public way to tell.
HOOK = "_determine_resource"
RESOURCES: tuple[tuple[type, Callable[["Moto"], str]], ...] = (
    (EventsHandler, _bus),
    (AthenaResponse, _in_athena),
    (GlueResponse, _in_glue),
    (SecretsManagerResponse, _secret),
)


@contextmanager
def enforced() -> Iterator[set[str]]:
    """Have moto refuse, with HTTP 403, every call that the caller's policy does not allow.

    It judges actions and resources. Of conditions it knows none of ours: those are asserted on the policy itself.
    Yields the ARNs that it has asked the hook for.
    """
    asked: set[str] = set()
    with pytest.MonkeyPatch.context() as patch, enable_iam_authentication():
        for responses, resource in RESOURCES:
            # moto calls the hook where a class has it, and these have none: there is nothing that `raising` could miss.
            # That it is called at all is asserted in tests/stack/test_iam.py.
            patch.setattr(responses, HOOK, _noting(resource, asked), raising=False)
        yield asked


def _noting(resource: Callable[["Moto"], str], asked: set[str]) -> Callable[["Moto"], str]:
    def noted(response: "Moto") -> str:
        arn = resource(response)
        asked.add(arn)
        return arn

    return noted


def assume(aws: MotoAws, policy: Mapping[str, Any]) -> Mapping[str, str]:
    """Create a role with a policy and return the credentials of a session of it, as the SDK's variables."""
    with closing(any_client("iam", aws.endpoint_url)) as iam, closing(any_client("sts", aws.endpoint_url)) as sts:
        name = f"role-{next(_numbers)}"
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
        session = sts.assume_role(RoleArn=arn, RoleSessionName=name)["Credentials"]
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


def create_buckets(aws: MotoAws, versioned: str, *others: str) -> None:
    """Create the stack's bucket, which keeps versions, and others."""
    with closing(any_client("s3", aws.endpoint_url)) as s3:
        for name in (versioned, *others):
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=versioned, VersioningConfiguration={"Status": "Enabled"})


@dataclass(frozen=True)
class Deployed:
    """The stack's resources on moto, and the credentials of one of its roles."""

    deployment: Deployment
    credentials: Mapping[str, str]
    aws: MotoAws
    wire: Wire
    spaaza: SpaazaServer

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return self.deployment.outputs["BucketName"]

    def client(self, service: str) -> Any:
        """Return a client of the role."""
        return any_client(service, self.wire.url("aws"), self.credentials)

    def invoke(self, handler: Handler, function: str, event: Mapping[str, Any]) -> Any:
        """Call a handler in this process, with the role and the environment that the template gives the function."""
        context = SimpleNamespace(
            function_name=function,
            memory_limit_in_mb=self.deployment.properties(function)["MemorySize"],
            invoked_function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}",
            aws_request_id="1",
            get_remaining_time_in_millis=lambda: 900_000,
        )
        sandbox = {
            "SPAAZA_SERVICES_URL": self.spaaza.base_url,
            "SPAAZA_API_URL": self.spaaza.base_url,
            "AWS_ENDPOINT_URL": self.wire.url("aws"),
            "AWS_DEFAULT_REGION": REGION,
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**self.deployment.variables(function), **self.credentials, **sandbox}.items():
                patch.setenv(name, value)
            return handler(dict(event), context)
