"""The roles of the template: the whole flow runs with them, each of their actions is needed, and no other is let."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.moto import MotoAws
from sandbox.aws.stack import session_secret
from sandbox.spaaza.answers import csv_answer, generated_users
from sandbox.spaaza.server import SpaazaServer
from sandbox.wire.wire import Call, Wire
from spaaza_snapshots import export_handler, parquet_handler
from spaaza_snapshots.errors import NotAnExport, SnapshotHeld
from spaaza_snapshots.events.messages import SOURCE, snapshots_requested
from spaaza_snapshots.model import keys
from spaaza_snapshots.model.snapshot_id import SnapshotId
from tests.support.roles import Deployed, assume, create_buckets, enforced
from tools.template import deploy

CHAIN, SECOND_CHAIN = 1743, 1783
PARAMETERS = {"ChainIds": f"{CHAIN},{SECOND_CHAIN}", "SpaazaEnvironment": "test01"}
TODAY = datetime.now(UTC).date()
YESTERDAY = (TODAY - timedelta(days=1)).isoformat()

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


@pytest.fixture
def deployed(moto_aws: MotoAws) -> Iterator[Deployed]:
    bucket = f"iam-{next(_numbers)}"
    with Wire({"aws": moto_aws.endpoint_url}) as wire, SpaazaServer() as spaaza:
        names = {"Bucket": bucket, "SessionSecret": moto_aws.create_secret("session", session_secret(spaaza))}
        deployment = deploy(PARAMETERS, names)
        moto_aws.create_secret("other", {"session_key": "of somebody else"})
        for name in ("spaaza", "other"):
            moto_aws.create_bus(name)
            moto_aws.create_database(name)
        create_buckets(moto_aws, bucket, "other")
        yield Deployed(deployment, assume(moto_aws, deployment.policy("ExportRole")), moto_aws, wire, spaaza)


def export(deployed: Deployed, event: Mapping[str, Any]) -> Mapping[str, Any]:
    result: Mapping[str, Any] = deployed.invoke(export_handler.lambda_handler, "ExportFunction", event)
    return result


def export_in_every_way(deployed: Deployed) -> None:
    """Take every way that a run can take through AWS."""
    spaaza = deployed.spaaza
    spaaza.serve(generated_users(50))
    schedule = {"chain_ids": [CHAIN, SECOND_CHAIN], "scheduled_time": f"{TODAY}T00:00:00Z"}
    assert len(export(deployed, schedule)["requested"]) == 2
    assert export(deployed, {"chain_id": CHAIN, "date": YESTERDAY})["status"] == "complete"
    assert export(deployed, {"chain_id": CHAIN, "date": YESTERDAY})["status"] == "already_complete"
    assert export(deployed, {"chain_id": SECOND_CHAIN, "date": YESTERDAY})["status"] == "complete"
    spaaza.serve(generated_users(50, extra_columns=["Shoe Size"]))
    assert export(deployed, {"chain_id": CHAIN})["status"] == "complete"
    assert export(deployed, {"chain_id": CHAIN, "force": True})["status"] == "complete"
    spaaza.serve(generated_users(5))
    for _ in range(2):
        with pytest.raises(SnapshotHeld):
            export(deployed, {"chain_id": SECOND_CHAIN, "date": str(TODAY)})
    assert export(deployed, {"chain_id": SECOND_CHAIN, "date": str(TODAY), "accept": True})["status"] == "complete"
    spaaza.serve(csv_answer(b""))
    with pytest.raises(NotAnExport):
        export(deployed, {"chain_id": CHAIN, "force": True})


def actions_of(policy: Mapping[str, Any]) -> set[str]:
    listed = [statement["Action"] for statement in policy["Statement"]]
    return {action for actions in listed for action in ([actions] if isinstance(actions, str) else actions)}


def used(calls: Iterable[Call]) -> set[str]:
    return {used_by(call) for call in calls}


def used_by_conversion(call: Call) -> str:
    # the conversion asks for a version of the export; were it to ask for none, its role would not do
    if call.operation == "GetObject" and call.detail.startswith(keys.RAW_ROOT):
        return "s3:GetObjectVersion"
    return used_by(call)


def used_by(call: Call) -> str:
    return ACTIONS.get(call.operation, f"{call.service}:{call.operation}")


Record = Callable[[str, object], None]


def record_calls(record_property: Record, role: str, calls: Iterable[Call]) -> None:
    """Record what a role did, for `make iam`."""
    counts = Counter(
        (call.service, call.operation, call.detail.split("/")[0] if call.service == "s3" else "") for call in calls
    )
    for (service, operation, tree), times in sorted(counts.items()):
        record_property("call", f"{role:<12} did  {times:>3} x {service}:{operation} {tree}")


def test_every_way_of_the_export_runs_with_its_role_and_needs_each_action_of_it(
    deployed: Deployed, record_property: Record
) -> None:
    with enforced():
        export_in_every_way(deployed)
    calls = deployed.wire.calls
    assert [call for call in calls if call.status == 403] == []
    assert used(calls) | BY_LAMBDA == actions_of(deployed.deployment.policy("ExportRole"))
    record_calls(record_property, "ExportRole", calls)


def test_moto_judges_the_calls_of_every_service_that_it_was_told_resources_of(deployed: Deployed) -> None:
    with enforced() as asked:
        export(deployed, {"chain_id": CHAIN})
    assert {arn.split(":")[2] for arn in asked} == {"events", "glue", "secretsmanager"}


def test_the_conversion_to_parquet_runs_with_its_role_and_needs_each_action_of_it(
    deployed: Deployed, record_property: Record
) -> None:
    converting = as_role(deployed, "ParquetRole")
    with enforced():
        export(deployed, {"chain_id": CHAIN, "date": YESTERDAY})
        deployed.wire.clear()
        for status in ("complete", "already_complete"):
            event = {"chain_id": CHAIN, "date": YESTERDAY}
            assert converting.invoke(parquet_handler.lambda_handler, "ParquetFunction", event)["status"] == status
    calls = deployed.wire.calls
    assert [call for call in calls if call.status == 403] == []
    record_calls(record_property, "ParquetRole", calls)
    # S3 asks for ListBucket by itself, where a key is missing
    used_by_it = {used_by_conversion(call) for call in calls}
    assert used_by_it | BY_LAMBDA | {"s3:ListBucket"} == actions_of(deployed.deployment.policy("ParquetRole"))


Forbidden = Callable[[Deployed], object]
FORBIDDEN: Mapping[str, Forbidden] = {
    "reading what Athena answered": lambda d: d.client("s3").get_object(Bucket=d.bucket, Key="athena-results/1.csv"),
    "writing beside the trees": lambda d: d.client("s3").put_object(Bucket=d.bucket, Key="users.csv"),
    "writing another data set": lambda d: d.client("s3").put_object(Bucket=d.bucket, Key="raw/orders/users.csv.gz"),
    "writing Parquet": lambda d: d.client("s3").put_object(Bucket=d.bucket, Key=f"{keys.PARQUET_ROOT}users.parquet"),
    "deleting an export": lambda d: d.client("s3").delete_object(Bucket=d.bucket, Key=raw_key()),
    "deleting a manifest": lambda d: d.client("s3").delete_object(
        Bucket=d.bucket, Key=SnapshotId(CHAIN, TODAY).manifest_key
    ),
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
        QueueUrl=f"{d.aws.endpoint_url}/123456789012/spaaza-failedruns"
    ),
}


def raw_key() -> str:
    return SnapshotId(CHAIN, TODAY).raw_key


def entry(bus: str) -> Mapping[str, str]:
    (event,) = snapshots_requested([CHAIN], TODAY, force=False)
    told = {"DetailType": event.detail_type, "Detail": json.dumps(event.detail)}
    return {"EventBusName": bus, "Source": SOURCE, **told}


PARQUET_IS_REFUSED: Mapping[str, Forbidden] = {
    "writing an export": lambda d: d.client("s3").put_object(Bucket=d.bucket, Key=raw_key()),
    "writing a manifest": lambda d: d.client("s3").put_object(Bucket=d.bucket, Key=f"{keys.MANIFESTS_ROOT}1.json"),
    "reading what is held": lambda d: d.client("s3").get_object(Bucket=d.bucket, Key=f"{keys.PENDING_ROOT}1.json"),
    "deleting a typed copy": lambda d: d.client("s3").delete_object(Bucket=d.bucket, Key=f"{keys.PARQUET_ROOT}1"),
    "another bucket": lambda d: d.client("s3").put_object(Bucket="other", Key=f"{keys.PARQUET_ROOT}1"),
    "reading the session": lambda d: d.client("secretsmanager").get_secret_value(
        SecretId=d.deployment.outputs["SecretArn"]
    ),
    "changing a table": lambda d: d.client("glue").update_table(DatabaseName="spaaza", TableInput={"Name": "users"}),
}


@pytest.mark.parametrize("call", FORBIDDEN.values(), ids=FORBIDDEN)
def test_the_export_role_is_refused(deployed: Deployed, call: Forbidden, record_property: Record) -> None:
    refused(deployed, call, "ExportRole", record_property)


@pytest.mark.parametrize("call", PARQUET_IS_REFUSED.values(), ids=PARQUET_IS_REFUSED)
def test_the_parquet_role_is_refused(deployed: Deployed, call: Forbidden, record_property: Record) -> None:
    refused(as_role(deployed, "ParquetRole"), call, "ParquetRole", record_property)


def as_role(deployed: Deployed, role: str) -> Deployed:
    return replace(deployed, credentials=assume(deployed.aws, deployed.deployment.policy(role)))


def refused(deployed: Deployed, call: Forbidden, role: str, record_property: Record) -> None:
    """Make sure that it is the policy that refuses: the same call of a role that may do all gets past it."""
    allowed = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    everything = assume(deployed.aws, {"Version": "2012-10-17", "Statement": [allowed]})
    with enforced():
        assert status_of(call, deployed) == 403
        seen = [call for call in deployed.wire.calls if call.status == 403][-1]
        assert status_of(call, replace(deployed, credentials=everything)) != 403
    record_property("call", f"{role:<12} DENIED  {seen.service}:{seen.operation} {seen.detail}")


def status_of(call: Forbidden, deployed: Deployed) -> int:
    try:
        call(deployed)
    except ClientError as error:
        code: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return code
    return 200
