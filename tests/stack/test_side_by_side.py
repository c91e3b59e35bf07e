"""Two stacks in one account and region share no name; what is kept, and what bounds the roles."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tools.template import Deployment, deploy, source

PARAMETERS = {"ChainIds": "1743", "AlarmEmail": "ops@example.com", "RenewSession": "true"}
BOUNDARY = "arn:aws:iam::123456789012:policy/teams/data"
PROD, TEST01 = "spaaza-snapshots-prod", "spaaza-snapshots-test01"


def names(stack: Deployment) -> Iterator[str]:
    """Yield every name that the template gives, with the kind of thing it names; references to named things too."""
    for resource in stack.resources.values():
        properties = {**resource.get("Properties", {}), **resource.get("Properties", {}).get("DatabaseInput", {})}
        for key, value in properties.items():
            if key.endswith("Name") and key != "MetricName":  # AWS's own
                # a saved query belongs to its workgroup, and two workgroups may have one of each name
                yield f"{resource['Type']} {properties.get('WorkGroup', '')} {value}"


def deployed(stack_name: str) -> Deployment:
    return deploy(PARAMETERS, stack_name=stack_name)


def test_two_stacks_share_no_name() -> None:
    prod, test01 = set(names(deployed(PROD))), set(names(deployed(TEST01)))
    assert len(prod) == len(test01) > 30
    assert prod & test01 == set()


def test_what_cloudformation_names_itself_begins_with_the_stack_as_everything_that_the_template_names() -> None:
    named = {"Name", "AlarmName", "DashboardName", "LayerName", "DisplayName"}
    for logical_id, resource in deployed(TEST01).resources.items():
        given = {resource.get("Properties", {}).get(key) for key in named} - {None}
        if resource["Type"] != "AWS::Athena::NamedQuery":
            assert all(name.startswith(TEST01) for name in given), logical_id


def test_the_database_is_called_after_the_stack_as_athena_allows() -> None:
    databases = {name: deployed(name).outputs["GlueDatabaseName"] for name in (PROD, TEST01)}
    assert databases == {PROD: "spaaza_snapshots_prod", TEST01: "spaaza_snapshots_test01"}
    pattern = source()["Parameters"]["GlueDatabaseName"]["AllowedPattern"]
    assert all(re.fullmatch(pattern, database) for database in databases.values())


def test_what_outlives_its_stack_does_not_outlive_a_creation_that_failed() -> None:
    policies = {
        name: (resource["DeletionPolicy"], resource.get("UpdateReplacePolicy"))
        for name, resource in deployed(PROD).resources.items()
        if resource.get("DeletionPolicy", "Delete") != "Delete"
    }
    assert policies == dict.fromkeys(("LoginSecret", "Bucket", "BucketPolicy"), ("RetainExceptOnCreate", "Retain"))


def boundaries(parameters: Mapping[str, str]) -> dict[str, Any]:
    roles = deploy({**PARAMETERS, **parameters}).of_type("AWS::IAM::Role")
    return {name: role.get("PermissionsBoundary") for name, role in roles.items()}


@pytest.mark.parametrize(("parameters", "boundary"), [({}, None), ({"PermissionsBoundaryArn": BOUNDARY}, BOUNDARY)])
def test_a_boundary_bounds_every_role_or_none(parameters: Mapping[str, str], boundary: str | None) -> None:
    found = boundaries(parameters)
    assert set(found) == {"ExportRole", "ParquetRole", "ScheduleRole", "RotationRole", "RenewalRole"}
    assert set(found.values()) == {boundary}


@pytest.mark.parametrize("arn", ["", BOUNDARY, "arn:aws:iam::aws:policy/PowerUserAccess"])
def test_a_boundary_is_a_managed_policy(arn: str) -> None:
    pattern = source()["Parameters"]["PermissionsBoundaryArn"]["AllowedPattern"]
    assert re.fullmatch(pattern, arn)
    assert not arn or not re.fullmatch(pattern, arn.replace(":policy/", ":role/"))
