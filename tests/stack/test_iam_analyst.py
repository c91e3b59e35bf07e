"""The policy for analysts: every saved query runs under it, and it allows nothing but that."""

import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from sandbox.athena.saved_queries import saved_queries
from sandbox.athena.warehouse import Warehouse, glue_schema
from sandbox.aws.moto import MotoAws
from sandbox.aws.stack import session_secret
from sandbox.spaaza.answers import generated_users
from sandbox.spaaza.server import SpaazaServer
from sandbox.wire.wire import Wire
from spaaza_snapshots import export_handler, parquet_handler
from spaaza_snapshots.cli.athena import SavedQuery
from spaaza_snapshots.model import keys
from spaaza_snapshots.model.snapshot_id import SnapshotId
from tests.stack.test_iam import (
    ACTIONS,
    CHAIN,
    PARAMETERS,
    TODAY,
    YESTERDAY,
    Forbidden,
    Record,
    actions_of,
    entry,
    raw_key,
    record_calls,
    status_of,
)
from tests.support.roles import Deployed, any_client, assume, create_buckets, enforced
from tools.template import deploy

ROLE, GROUP, DATABASE = "AnalystPolicy", "spaaza", "spaaza"
LARGE = 5 * 2**20
OPERATIONS = {
    **ACTIONS,
    "ListParts": "s3:ListMultipartUploadParts",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
}
# Allowed for the console and the drivers, and not known to moto.
NOT_PLAYED = {
    "athena:BatchGetNamedQuery",
    "athena:BatchGetQueryExecution",
    "athena:GetDatabase",
    "athena:GetQueryResultsStream",
    "athena:GetTableMetadata",
    "athena:ListEngineVersions",
    "athena:ListTableMetadata",
}
_numbers = count(1)


@pytest.fixture
def deployed(moto_aws: MotoAws) -> Iterator[Deployed]:
    """The stack with its workgroup and the saved queries, and another workgroup; the credentials are an analyst's."""
    bucket = f"analysts-{next(_numbers)}"
    with Wire({"aws": moto_aws.endpoint_url}) as wire, SpaazaServer() as spaaza:
        names = {"Bucket": bucket, "SessionSecret": moto_aws.create_secret("session", session_secret(spaaza))}
        deployment = deploy(PARAMETERS, names)
        create_places(moto_aws, bucket)
        yield Deployed(deployment, assume(moto_aws, deployment.policy(ROLE)), moto_aws, wire, spaaza)


@pytest.fixture
def analyst(deployed: Deployed) -> Deployed:
    """An analyst, with snapshots of two days there."""
    exporting = replace(deployed, credentials=assume(deployed.aws, deployed.deployment.policy("ExportRole")))
    deployed.spaaza.serve(generated_users(50))
    for day in (YESTERDAY, TODAY.isoformat()):
        exporting.invoke(export_handler.lambda_handler, "ExportFunction", {"chain_id": CHAIN, "date": day})
        exporting.invoke(parquet_handler.lambda_handler, "ParquetFunction", {"chain_id": CHAIN, "date": day})
    deployed.wire.clear()
    return deployed


def create_places(aws: MotoAws, bucket: str) -> None:
    for name in (DATABASE, "other", "default"):
        aws.create_database(name)
    aws.create_bus("spaaza")
    create_buckets(aws, bucket, "other")
    with closing(any_client("athena", aws.endpoint_url)) as athena:
        for group in (GROUP, "other"):
            athena.create_work_group(Name=group)
        for query in saved_queries():
            athena.create_named_query(Name=query.name, Database=DATABASE, QueryString=query.sql, WorkGroup=GROUP)


def run(analyst: Deployed, warehouse: Warehouse, query: SavedQuery) -> list[dict[str, Any]]:
    """Run a saved query as the analyst: Athena's calls to it, and those that Athena does in the analyst's name."""
    athena, s3 = analyst.client("athena"), analyst.client("s3")
    days = [YESTERDAY, TODAY.isoformat()][: query.sql.count("?")]
    context = {"Database": DATABASE}
    started = athena.start_query_execution(QueryString=query.sql, QueryExecutionContext=context, WorkGroup=GROUP)
    rows = warehouse.ask(query.sql, *days)
    text = io.StringIO()
    csv.writer(text).writerows([list(rows[0]), *(row.values() for row in rows)] if rows else [])
    key = f"athena-results/{started['QueryExecutionId']}.csv"
    s3.put_object(Bucket=analyst.bucket, Key=key, Body=text.getvalue().encode())
    athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])
    athena.get_query_results(QueryExecutionId=started["QueryExecutionId"])
    assert s3.get_object(Bucket=analyst.bucket, Key=key)["Body"].read() == text.getvalue().encode()
    return rows


def look_around(analyst: Deployed) -> None:
    """Ask what the console and the drivers ask before and after a query."""
    athena, glue = analyst.client("athena"), analyst.client("glue")
    athena.list_work_groups()
    athena.get_work_group(WorkGroup=GROUP)
    athena.list_data_catalogs()
    athena.get_data_catalog(Name="AwsDataCatalog")
    athena.list_databases(CatalogName="AwsDataCatalog")
    for query in athena.list_named_queries(WorkGroup=GROUP)["NamedQueryIds"]:
        athena.get_named_query(NamedQueryId=query)
    athena.create_named_query(Name="mine", Database=DATABASE, QueryString="SELECT 1", WorkGroup=GROUP)
    for execution in athena.list_query_executions(WorkGroup=GROUP)["QueryExecutionIds"]:
        athena.get_query_runtime_statistics(QueryExecutionId=execution)
        athena.stop_query_execution(QueryExecutionId=execution)
    glue.get_databases()
    for database in (DATABASE, "default"):
        glue.get_database(Name=database)
    glue.get_tables(DatabaseName=DATABASE)
    glue.get_partitions(DatabaseName=DATABASE, TableName="users")
    glue.batch_get_partition(DatabaseName=DATABASE, TableName="users", PartitionsToGet=[])
    with pytest.raises(glue.exceptions.EntityNotFoundException):  # the tables have projected partitions only
        glue.get_partition(DatabaseName=DATABASE, TableName="users", PartitionValues=["1743", YESTERDAY])


def write_a_large_result(analyst: Deployed) -> None:
    s3, key = analyst.client("s3"), {"Bucket": analyst.bucket, "Key": "athena-results/large.csv"}
    s3.get_bucket_location(Bucket=analyst.bucket)
    for ending in (s3.complete_multipart_upload, s3.abort_multipart_upload):
        upload = {**key, "UploadId": s3.create_multipart_upload(**key)["UploadId"]}
        part = s3.upload_part(**upload, PartNumber=1, Body=bytes(LARGE))
        s3.list_parts(**upload)
        s3.list_multipart_uploads(Bucket=analyst.bucket)
        parts = {"MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}}
        ending(**upload, **(parts if ending == s3.complete_multipart_upload else {}))


LATEST = SavedQuery("latest", "", "SELECT chain_id, dt, count(*) AS users FROM users_latest GROUP BY chain_id, dt")


def test_every_saved_query_runs_under_the_policy_and_so_does_one_on_the_view(
    analyst: Deployed, tmp_path: Path, record_property: Record
) -> None:
    queries = {query.name: query for query in saved_queries()}
    with enforced():
        look_around(analyst)
        schema = {**glue_schema(analyst.client("glue"), DATABASE)}
        del schema["users_csv"]  # its objects are under raw/
        with closing(Warehouse(schema, TODAY.isoformat())) as warehouse:
            warehouse.load(analyst.client("s3"), analyst.bucket, tmp_path)
            warehouse.ask(queries["users_latest"].sql)  # whoever deploys makes the view: make athena
            asked = [LATEST, *(query for query in queries.values() if not query.is_view)]
            rows = {query.name: run(analyst, warehouse, query) for query in asked}
        write_a_large_result(analyst)
        look_around(analyst)
    assert rows["latest"] == [{"chain_id": str(CHAIN), "dt": TODAY.isoformat(), "users": 50}]
    assert len(rows["snapshot_history"]) == 2
    assert len(rows["opt_ins_by_country"]) > 0
    calls = analyst.wire.calls
    assert [call for call in calls if call.status == 403] == []
    used = {OPERATIONS.get(call.operation, f"{call.service}:{call.operation}") for call in calls}
    assert used | NOT_PLAYED == actions_of(analyst.deployment.policy(ROLE))
    record_calls(record_property, ROLE, calls)


def s3_call(operation: str, key: str, **more: object) -> Forbidden:
    return lambda d: getattr(d.client("s3"), operation)(Bucket=d.bucket, Key=key, **more)


def glue_call(operation: str, **more: object) -> Forbidden:
    return lambda d: getattr(d.client("glue"), operation)(DatabaseName=DATABASE, **more)


def start_query(d: Deployed, group: str) -> object:
    return d.client("athena").start_query_execution(QueryString="SELECT 1", WorkGroup=group)


def lift_the_limit(d: Deployed) -> object:
    return d.client("athena").update_work_group(
        WorkGroup=GROUP, ConfigurationUpdates={"RemoveBytesScannedCutoffPerQuery": True}
    )


def delete_a_saved_query(d: Deployed) -> object:
    athena = d.client("athena")
    query = athena.list_named_queries(WorkGroup=GROUP)["NamedQueryIds"][0]
    return athena.delete_named_query(NamedQueryId=query)


SNAPSHOT = SnapshotId(CHAIN, TODAY)
FORBIDDEN: Mapping[str, Forbidden] = {
    "reading an export as received": s3_call("get_object", raw_key()),
    "reading what is held": s3_call("get_object", SNAPSHOT.pending_key("1")),
    "writing typed users": s3_call("put_object", SNAPSHOT.parquet_key),
    "writing a manifest": s3_call("put_object", SNAPSHOT.manifest_key),
    "writing an export": s3_call("put_object", raw_key()),
    "deleting typed users": s3_call("delete_object", SNAPSHOT.parquet_key),
    "deleting an export": s3_call("delete_object", raw_key()),
    "deleting a manifest": s3_call("delete_object", SNAPSHOT.manifest_key),
    "deleting a result": s3_call("delete_object", "athena-results/large.csv"),
    "reading another bucket": lambda d: d.client("s3").list_objects_v2(Bucket="other", Prefix=keys.PARQUET_ROOT),
    "querying in another workgroup": lambda d: start_query(d, "other"),
    "lifting the scan limit": lift_the_limit,
    "deleting a saved query": delete_a_saved_query,
    "another database": lambda d: d.client("glue").get_table(DatabaseName="other", Name="users"),
    "the tables of another database": lambda d: d.client("glue").get_tables(DatabaseName="other"),
    "making a table": glue_call("create_table", TableInput={"Name": "mine"}),
    "changing a table": glue_call("update_table", TableInput={"Name": "users"}),
    "dropping a table": glue_call("delete_table", Name="users"),
    "reading the session": lambda d: d.client("secretsmanager").get_secret_value(
        SecretId=d.deployment.outputs["SecretArn"]
    ),
    "asking for a snapshot": lambda d: d.client("events").put_events(Entries=[entry("spaaza")]),
    "reading failed runs": lambda d: d.client("sqs").receive_message(
        QueueUrl=f"{d.aws.endpoint_url}/123456789012/spaaza-failedruns"
    ),
}


@pytest.mark.parametrize("call", FORBIDDEN.values(), ids=FORBIDDEN)
def test_an_analyst_is_refused(deployed: Deployed, call: Forbidden, record_property: Record) -> None:
    allowed = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    everything = assume(deployed.aws, {"Version": "2012-10-17", "Statement": [allowed]})
    with enforced():
        assert status_of(call, deployed) == 403
        seen = [called for called in deployed.wire.calls if called.status == 403][-1]
        # it is the policy that refuses: the same call of a role that may do all gets past it
        assert status_of(call, replace(deployed, credentials=everything)) != 403
    record_property("call", f"{ROLE} DENIED  {seen.service}:{seen.operation} {seen.detail}")
