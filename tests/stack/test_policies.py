"""The policies of the roles, where nothing on this machine could enforce them: wildcards, conditions, names."""

import json
from collections.abc import Mapping
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

from spaaza_snapshots.events.messages import SOURCE
from spaaza_snapshots.glue.tables import SNAPSHOTS, USERS, USERS_CSV, USERS_QUALITY
from spaaza_snapshots.model import keys
from spaaza_snapshots.model.snapshot_id import SnapshotId
from tools.template import deploy

PARAMETERS = {"ChainIds": "1743,1783"}
KEY = "arn:aws:kms:eu-west-1:123456789012:key/0f6d5a4e"


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_no_role_has_a_wildcard_where_a_name_can_stand() -> None:
    stack = deploy({**PARAMETERS, "BucketKmsKeyArn": KEY, "RenewSession": "true"})
    for statement in [found for role in stack.of_type("AWS::IAM::Role") for found in stack.policy(role)["Statement"]]:
        assert not [action for action in as_list(statement["Action"]) if "*" in action]
        for resource in as_list(statement["Resource"]):
            assert resource.count("*") <= 1
            assert "*" not in resource or resource.endswith(("/users/*", ":*"))


def test_every_key_that_the_code_lists_is_one_that_the_roles_may_list() -> None:
    stack = deploy(PARAMETERS)
    listed = [keys.chain_prefix(keys.MANIFESTS_ROOT, 1743), SnapshotId(1743, date(2026, 11, 22)).pending_prefix]
    condition = stack.statements("ExportRole")["ListWhatThisProductWrote"]["Condition"]
    patterns = condition["StringLikeIfExists"]["s3:prefix"]
    assert all(any(fnmatchcase(prefix, pattern) for pattern in patterns) for prefix in listed)
    roots = {f"{root}*" for root in (keys.RAW_ROOT, keys.MANIFESTS_ROOT, keys.PENDING_ROOT)}
    roots |= {f"{root}*" for root in (keys.PARQUET_ROOT, keys.QUALITY_ROOT)}
    assert set(patterns) == roots


def test_the_bus_takes_events_of_this_product_only() -> None:
    stack = deploy(PARAMETERS)
    for role, sid in (("ExportRole", "AskAndTellOnTheBus"), ("ParquetRole", "TellOnTheBus")):
        assert stack.statements(role)[sid]["Condition"] == {"StringEquals": {"events:source": SOURCE}}


def test_the_tables_that_the_export_function_may_keep_are_those_of_the_catalog() -> None:
    resources = deploy(PARAMETERS).statements("ExportRole")["KeepTheTables"]["Resource"]
    tables = {resource.rpartition("/")[2] for resource in resources if ":table/" in resource}
    assert tables == {table.name for table in (USERS, USERS_CSV, USERS_QUALITY, SNAPSHOTS)}


def test_what_only_starts_others_may_do_nothing_else() -> None:
    stack = deploy({**PARAMETERS, "RenewSession": "true"})
    schedule, renewal = (stack.statements(role) for role in ("ScheduleRole", "RenewalRole"))
    undelivered = {"KeepWhatCouldNotBeDelivered": "sqs:SendMessage"}
    assert actions(schedule) == {"StartTheExportFunction": "lambda:InvokeFunction", **undelivered}
    assert actions(renewal) == {
        "AskForARenewal": "secretsmanager:RotateSecret",
        "HaveItStarted": "lambda:InvokeFunction",
        **undelivered,
    }


def actions(statements: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {sid: statement["Action"] for sid, statement in statements.items()}


# --- Analysts --------------------------------------------------------------------------------------------------------

MANAGED_POLICY_CHARACTERS = 6144  # IAM quota, white space not counted
CATALOG = {"ListDatabases", "FindTheWorkgroupInTheConsole"}  # lists that AWS gives whole or not at all


def test_analysts_may_list_what_they_may_read_and_nothing_else() -> None:
    statements = deploy(PARAMETERS).statements("AnalystPolicy")
    listed = statements["ListWhatTheTablesShowAndResults"]["Condition"]["StringLike"]["s3:prefix"]
    objects = [*statements["ReadWhatTheTablesShow"]["Resource"], statements["WriteAndReadResults"]["Resource"]]
    assert [resource.partition("/")[2] for resource in objects] == listed
    assert listed == [
        f"{root}*" for root in (keys.PARQUET_ROOT, keys.MANIFESTS_ROOT, keys.QUALITY_ROOT, "athena-results/")
    ]


def test_analysts_write_nothing_but_results_and_delete_nothing() -> None:
    changing = {"Put", "Create", "Update", "Delete", "Start", "Stop", "Abort"}
    statements = deploy(PARAMETERS).statements("AnalystPolicy")
    found = {action for statement in statements.values() for action in as_list(statement["Action"])}
    assert {action for action in found if any(action.partition(":")[2].startswith(word) for word in changing)} == {
        "athena:StartQueryExecution",
        "athena:StopQueryExecution",
        "athena:CreateNamedQuery",
        "s3:PutObject",
        "s3:AbortMultipartUpload",
    }


def test_analysts_have_no_wildcard_where_a_name_can_stand_and_no_other_service() -> None:
    stack = deploy({**PARAMETERS, "BucketKmsKeyArn": KEY})
    for sid, statement in stack.statements("AnalystPolicy").items():
        assert all("*" not in action for action in as_list(statement["Action"]))
        assert {action.partition(":")[0] for action in as_list(statement["Action"])} <= {"athena", "glue", "s3", "kms"}
        for resource in as_list(statement["Resource"]):
            assert (
                sid in CATALOG
                or "*" not in resource
                or resource.endswith(("/users/*", "/athena-results/*", "/spaaza/*"))
            )


def test_analysts_use_the_key_of_the_bucket_through_s3_alone() -> None:
    assert "UseTheKeyOfTheBucket" not in deploy(PARAMETERS).statements("AnalystPolicy")
    statement = deploy({**PARAMETERS, "BucketKmsKeyArn": KEY}).statements("AnalystPolicy")["UseTheKeyOfTheBucket"]
    assert statement["Resource"] == KEY
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}


def test_the_policy_of_analysts_fits_into_its_quota_whatever_the_names() -> None:
    stack_name, database = "s" * 128, "d" * 63
    given = {**PARAMETERS, "BucketKmsKeyArn": KEY, "GlueDatabaseName": database}
    policy = deploy(given, {"Bucket": "b" * 63, "WorkGroup": stack_name}, stack_name).policy("AnalystPolicy")
    assert len(json.dumps(policy, separators=(",", ":"))) < MANAGED_POLICY_CHARACTERS


def test_a_query_ends_at_the_limit_of_the_workgroup_which_no_client_overrides() -> None:
    for gigabytes in ("1", "100", "10000"):
        stack = deploy({**PARAMETERS, "QueryScanLimitGigabytes": gigabytes})
        configuration = stack.properties("WorkGroup")["WorkGroupConfiguration"]
        assert int(configuration["BytesScannedCutoffPerQuery"]) == int(gigabytes) * 10**9
        assert configuration["EnforceWorkGroupConfiguration"] is True
    assert stack.outputs["AnalystPolicyArn"].startswith("arn:aws:iam::")
