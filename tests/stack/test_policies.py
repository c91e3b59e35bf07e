"""The policies of the roles, where nothing on this machine could enforce them: wildcards, conditions, names."""

from datetime import date
from fnmatch import fnmatchcase

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
    listed = [keys.manifests_prefix(1743), SnapshotId(1743, date(2026, 11, 22)).pending_prefix]
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
