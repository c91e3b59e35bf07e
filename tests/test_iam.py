"""The roles of the template: the whole flow runs with them, each of their actions is needed, and nothing else is let."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.answers import generated_users, gzip_answer
from sandbox.aws import MotoAws
from sandbox.spaaza import SpaazaServer
from sandbox.stack import session_secret
from sandbox.template import Deployment, deploy
from sandbox.wire import Wire
from spaaza_snapshots import keys
from spaaza_snapshots.errors import NotAnExport, SnapshotHeld
from spaaza_snapshots.export_handler import lambda_handler
from tests.roles import any_client, assume, enforced

CHAIN, SECOND_CHAIN = 1743, 1783
TODAY = datetime.now(UTC).date()
YESTERDAY = (TODAY - timedelta(days=1)).isoformat()
EMPTY_GZIP = bytes.fromhex("1f8b08000000000000030300000000000000 0000".replace(" ", ""))

# Which permission an operation takes, where it is not the operation's own name.
ACTIONS = {
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "HeadObject": "s3:GetObject",
    "ListObjectsV2": "s3:ListBucket",
}
# Not called by the function itself: Lambda does both in the name of its role.
BY_LAMBDA = {"sqs:SendMessage", "logs:CreateLogStream", "logs:PutLogEvents"}

_numbers = count(1)


@dataclass(frozen=True)
class Deployed:
    """The stack's resources on moto, and the role of its export function."""

    deployment: Deployment
    credentials: Mapping[str, str]
    endpoint_url: str
    wire: Wire
    spaaza: SpaazaServer

    @property
    def bucket(self) -> str:
        return self.deployment.variables("ExportFunction")["SNAPSHOT_BUCKET"]

    def client(self, service: str) -> Any:
        return any_client(service, self.wire.url("aws"), self.credentials)


@pytest.fixture
def deployed(moto_aws: MotoAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    bucket = f"iam-{next(_numbers)}"
    with Wire({"aws": moto_aws.endpoint_url}) as wire, SpaazaServer() as spaaza:
        names = {"Bucket": bucket, "SessionSecret": moto_aws.create_secret("session", session_secret(spaaza))}
        deployment = deploy({"ChainIds": f"{CHAIN},{SECOND_CHAIN}", "SpaazaEnvironment": "test01"}, names)
        moto_aws.create_secret("other", {"session_key": "of somebody else"})
        for name in ("spaaza", "other"):
            moto_aws.create_bus(name)
            moto_aws.create_database(name)
        s3 = any_client("s3", moto_aws.endpoint_url)
        for name in (bucket, "other"):
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.close()
        credentials = assume(moto_aws.endpoint_url, deployment, "ExportRole")
        yield Deployed(deployment, credentials, moto_aws.endpoint_url, wire, spaaza)


def invoke(deployed: Deployed, event: Mapping[str, Any]) -> Mapping[str, Any]:
    context: Any = SimpleNamespace(
        function_name="export",
        memory_limit_in_mb="1769",
        invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:export",
        aws_request_id="1",
        get_remaining_time_in_millis=lambda: 900_000,
    )
    environment = {
        **deployed.deployment.variables("ExportFunction"),
        **deployed.credentials,
        "SPAAZA_SERVICES_URL": deployed.spaaza.base_url,
        "AWS_ENDPOINT_URL": deployed.wire.url("aws"),
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return lambda_handler(dict(event), context)


def run_the_whole_flow(deployed: Deployed) -> None:
    """Every way that a run can take through AWS."""
    spaaza = deployed.spaaza
    spaaza.serve(generated_users(50))
    schedule = {"chain_ids": [CHAIN, SECOND_CHAIN], "scheduled_time": f"{TODAY}T00:00:00Z"}
    assert len(invoke(deployed, schedule)["requested"]) == 2
    assert invoke(deployed, {"chain_id": CHAIN, "date": YESTERDAY})["status"] == "complete"
    assert invoke(deployed, {"chain_id": CHAIN, "date": YESTERDAY})["status"] == "already_complete"
    assert invoke(deployed, {"chain_id": SECOND_CHAIN, "date": YESTERDAY})["status"] == "complete"
    spaaza.serve(generated_users(50, extra_columns=["Shoe Size"]))
    assert invoke(deployed, {"chain_id": CHAIN})["status"] == "complete"
    assert invoke(deployed, {"chain_id": CHAIN, "force": True})["status"] == "complete"
    spaaza.serve(generated_users(5))
    with pytest.raises(SnapshotHeld):
        invoke(deployed, {"chain_id": SECOND_CHAIN})
    with pytest.raises(SnapshotHeld):
        invoke(deployed, {"chain_id": SECOND_CHAIN})
    accept = {"chain_id": SECOND_CHAIN, "date": TODAY.isoformat(), "accept": True}
    assert invoke(deployed, accept)["status"] == "complete"
    spaaza.serve(gzip_answer(EMPTY_GZIP))
    with pytest.raises(NotAnExport):
        invoke(deployed, {"chain_id": CHAIN, "force": True})


def actions_of(policy: Mapping[str, Any]) -> set[str]:
    listed = [statement["Action"] for statement in policy["Statement"]]
    return {action for actions in listed for action in ([actions] if isinstance(actions, str) else actions)}


def test_the_whole_flow_runs_with_the_role_of_the_template_and_needs_each_of_its_actions(deployed: Deployed) -> None:
    with enforced():
        run_the_whole_flow(deployed)
    calls = deployed.wire.calls
    assert [call for call in calls if call.status == 403] == []
    used = {ACTIONS.get(call.operation, f"{call.service}:{call.operation}") for call in calls}
    assert used | BY_LAMBDA == actions_of(deployed.deployment.policy("ExportRole"))


Forbidden = Callable[[Deployed], object]
FORBIDDEN: Mapping[str, Forbidden] = {
    "reading what Athena answered": lambda d: d.client("s3").get_object(Bucket=d.bucket, Key="athena-results/1.csv"),
    "writing beside the trees": lambda d: d.client("s3").put_object(Bucket=d.bucket, Key="users.csv"),
    "writing another data set": lambda d: d.client("s3").put_object(Bucket=d.bucket, Key="raw/orders/users.csv.gz"),
    "writing Parquet": lambda d: d.client("s3").put_object(Bucket=d.bucket, Key=f"{keys.PARQUET_ROOT}users.parquet"),
    "deleting an export": lambda d: d.client("s3").delete_object(Bucket=d.bucket, Key=raw_key()),
    "deleting a manifest": lambda d: d.client("s3").delete_object(Bucket=d.bucket, Key=keys.manifest_key(CHAIN, TODAY)),
    "deleting an old version": lambda d: d.client("s3").delete_object(Bucket=d.bucket, Key=raw_key(), VersionId="1"),
    "deleting the bucket": lambda d: d.client("s3").delete_bucket(Bucket=d.bucket),
    "ending the versions of the bucket": lambda d: d.client("s3").put_bucket_versioning(
        Bucket=d.bucket, VersioningConfiguration={"Status": "Suspended"}
    ),
    "another bucket": lambda d: d.client("s3").put_object(Bucket="other", Key=raw_key()),
    "listing another bucket": lambda d: d.client("s3").list_objects_v2(Bucket="other", Prefix=keys.RAW_ROOT),
    "reading another secret": lambda d: d.client("secretsmanager").get_secret_value(SecretId="other"),
    "overwriting the session": lambda d: d.client("secretsmanager").put_secret_value(
        SecretId=d.deployment.outputs["SecretArn"], SecretString="{}"
    ),
    "telling another bus": lambda d: d.client("events").put_events(Entries=[entry("other")]),
    "another database": lambda d: d.client("glue").get_table(DatabaseName="other", Name="users"),
    "another table": lambda d: d.client("glue").create_table(DatabaseName="spaaza", TableInput={"Name": "orders"}),
    "dropping a table": lambda d: d.client("glue").delete_table(DatabaseName="spaaza", Name="users"),
    "taking a failed run from its queue": lambda d: d.client("sqs").receive_message(
        QueueUrl=f"{d.endpoint_url}/123456789012/spaaza-failedruns"
    ),
}


def raw_key() -> str:
    return keys.raw_key(CHAIN, TODAY)


def entry(bus: str) -> Mapping[str, str]:
    return {"EventBusName": bus, "Source": "spaaza.snapshots", "DetailType": "Snapshot Requested", "Detail": "{}"}


@pytest.mark.parametrize("call", FORBIDDEN.values(), ids=FORBIDDEN)
def test_the_export_role_is_refused(deployed: Deployed, call: Forbidden) -> None:
    with enforced(), pytest.raises(ClientError) as refused:
        call(deployed)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
