"""The stand-in for CloudFormation is as strict as the template; SAM sends it what `make deploy` was told."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tools.deploy.__main__ import sam_deploy
from tools.deploy.cloudformation import OF_SAM, CloudFormation, Stack
from tools.deploy.plan import Planner
from tools.deploy.rehearsal import EXAMPLE, account, clone
from tools.deploy.samconfig import Samconfig
from tools.package import ROOT, sam
from tools.template import deploy, source

WORDS = {"CHAINS": "1743", "EMAIL": "none", "REGION": "eu-central-1"}
PACKAGED = (
    (ROOT / "template.yaml")
    .read_text(encoding="utf-8")
    .replace("CodeUri: src/", "CodeUri: s3://packages/functions.zip")
    .replace("ContentUri: layers/duckdb/", "ContentUri: s3://packages/layer.zip")
)


@dataclass(frozen=True)
class Account:
    """A stand-in, and what leads the SDKs and SAM to it."""

    cloudformation: CloudFormation
    environment: Mapping[str, str]


@pytest.fixture
def aws() -> Iterator[Account]:
    with account() as (cloudformation, environment):
        yield Account(cloudformation, environment)


def change_set(aws: Account, parameters: Mapping[str, Any], **more: Any) -> None:
    session = boto3.Session("rehearsal", "rehearsal", region_name="eu-central-1")
    client = session.client("cloudformation", endpoint_url=aws.environment["AWS_ENDPOINT_URL"])
    given: Any = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
    asked: dict[str, Any] = {"Capabilities": ["CAPABILITY_IAM"], "ChangeSetType": "CREATE", "Parameters": given, **more}
    try:
        client.create_change_set(StackName="members", ChangeSetName="first", TemplateBody=PACKAGED, **asked)
    finally:
        client.close()


def test_a_change_set_adds_what_the_parameters_ask_for(aws: Account) -> None:
    change_set(aws, {"ChainIds": "1743", "RenewSession": "true"})
    added = {
        change["LogicalResourceId"]: change["Action"] for change in aws.cloudformation.change_set("first").changes()
    }
    assert set(added.values()) == {"Add"}
    assert {"Bucket", "ExportFunction", "RotationFunction"} <= set(added)
    assert "AlarmSubscription" not in added


@pytest.mark.parametrize(
    ("parameters", "refusal"),
    [
        ({}, "Parameters: [ChainIds] must have values"),
        ({"ChainIds": "1743", "Chains": "1"}, "Parameters: [Chains] do not exist in the template"),
        ({"ChainIds": "x"}, "Parameter ChainIds failed to satisfy constraint: must be chain ids"),
        ({"ChainIds": "1", "FirstHour": "4"}, "Parameter FirstHour failed to satisfy constraint"),
        ({"ChainIds": "1", "LogDays": "8"}, "Parameter LogDays failed to satisfy constraint"),
        ({"ChainIds": "1", "MaxRowDropPercent": "100"}, "switches the guard off"),
    ],
)
def test_a_parameter_that_the_template_does_not_allow_is_refused(
    aws: Account, parameters: Mapping[str, str], refusal: str
) -> None:
    with pytest.raises(ClientError, match="ValidationError") as refused:
        change_set(aws, parameters)
    assert refusal in str(refused.value)
    assert not aws.cloudformation.stacks


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"Capabilities": []}, "Requires capabilities"),
        ({"ChangeSetType": "UPDATE"}, "does not exist"),
        ({"Parameters": [{"ParameterKey": "ChainIds", "UsePreviousValue": True}]}, "usePreviousValue"),
    ],
)
def test_a_change_set_that_cloudformation_would_not_take_is_refused(
    aws: Account, more: Mapping[str, Any], refusal: str
) -> None:
    with pytest.raises(ClientError) as refused:
        change_set(aws, {"ChainIds": "1743"}, **more)
    assert refusal in str(refused.value)


# --- With SAM itself -------------------------------------------------------------------------------------------------


def with_sam(test: Callable[[Account], None]) -> Callable[[Account], None]:
    """Mark a test that starts SAM: ten seconds on an idle machine, and more on a busy one."""
    return pytest.mark.slow(pytest.mark.timeout(600)(test))


def sam_deploys(aws: Account, words: Mapping[str, str], answer: str) -> str:
    """Deploy the template without building it, which the change set does not show; return what SAM prints."""
    sam()
    with clone() as folder:
        samconfig = Samconfig(folder / "samconfig.toml")
        plan = Planner(source(), samconfig, words).plan()
        assert plan is not None
        samconfig.write(plan.environment)
        command = sam_deploy(plan, Path("template.yaml"), folder / "samconfig.toml")
        done = subprocess.run(
            command, cwd=folder, env=aws.environment, input=answer, capture_output=True, text=True, check=False
        )
    assert (done.returncode != 0) is aws.cloudformation.fails, done.stdout + done.stderr
    return done.stdout + done.stderr


@with_sam
def test_sam_shows_the_change_set_and_a_no_leaves_everything_as_it_was(aws: Account) -> None:
    shown = sam_deploys(aws, {**WORDS, "ENV": "test01"}, "n\n")
    assert "+ Add                    ExportFunction" in shown
    assert shown.count("[y/N]") == 1
    stack = aws.cloudformation.stacks["spaaza-snapshots-test01"]
    assert (stack.status, stack.resources) == ("REVIEW_IN_PROGRESS", {})


@with_sam
def test_an_older_stack_keeps_its_database_and_whatever_else_is_not_given(aws: Account) -> None:
    parameters = {"ChainIds": "1", "GlueDatabaseName": "spaaza", "TimeZone": "Europe/Amsterdam", "FirstHour": "2"}
    older = Stack("spaaza", "eu-central-1", "CREATE_COMPLETE", parameters, {}, deploy(parameters).resources)
    aws.cloudformation.stacks["spaaza"] = older
    more = {"ENV": "prod", "STACK": "spaaza", "TAGS": "team=data cost:centre=a/b", "PARAMETERS": "FirstHour=1"}
    shown = sam_deploys(aws, {**WORDS, **more, "YES": "1"}, "")
    assert "[y/N]" not in shown
    assert "GlueDatabase" not in shown
    assert older.status == "UPDATE_COMPLETE"
    assert older.tags == {"team": "data", "cost:centre": "a/b"}
    kept = {name: older.parameters[name] for name in parameters}
    assert kept == {**parameters, "ChainIds": "1743", "FirstHour": "1"}


@with_sam
def test_a_first_deployment_that_fails_leaves_no_stack_in_the_way_of_the_next(aws: Account) -> None:
    aws.cloudformation.fails = True
    shown = sam_deploys(aws, {**WORDS, "ENV": "test01", "YES": "1"}, "")
    assert "ROLLBACK_COMPLETE" in shown  # by CloudFormation, so the empty bucket goes too
    assert "spaaza-snapshots-test01 has been deleted" in shown
    assert set(aws.cloudformation.stacks) == {OF_SAM}


@with_sam
def test_an_update_that_fails_deletes_nothing(aws: Account) -> None:
    older = Stack(
        "spaaza", "eu-central-1", "CREATE_COMPLETE", {"ChainIds": "1"}, {}, deploy({"ChainIds": "1"}).resources
    )
    aws.cloudformation.stacks["spaaza"] = older
    aws.cloudformation.fails = True
    sam_deploys(aws, {**WORDS, "ENV": "test01", "STACK": "spaaza", "YES": "1"}, "")
    assert aws.cloudformation.stacks["spaaza"] is older
    assert older.status == "UPDATE_ROLLBACK_COMPLETE"


# --- With make itself ------------------------------------------------------------------------------------------------


def test_make_hands_over_what_was_written_behind_it_and_nothing_that_the_shell_has(aws: Account) -> None:
    written = ["CHAINS=1743", "ENV=test01", 'TAGS=it\'s=`touch there` "a b"; touch there']
    with clone() as folder:
        environment = {**aws.environment, "EMAIL": "shell@example.com", "REGION": "eu-west-1"}
        done = subprocess.run(
            ["make", "deploy", *written], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert {path.name for path in folder.iterdir()} & {"samconfig.toml", ".aws-sam", "there"} == set()
    assert done.returncode == 2
    assert done.stderr.startswith("Nothing was built or sent, because of this:\n")
    assert "EMAIL is missing" in done.stderr
    assert "REGION is missing" in done.stderr
    assert "TAGS has '\"a': tags of every resource" in done.stderr
    assert "TAGS it's=`touch: letters, digits" in done.stderr
    assert not aws.cloudformation.stacks


@pytest.mark.parametrize(
    ("credentials", "told"),
    [
        ({}, "AWS credentials are missing"),
        ({"AWS_PROFILE": "nobody"}, "The config profile (nobody) could not be found"),
    ],
)
def test_without_credentials_nothing_is_built_or_written(
    aws: Account, credentials: Mapping[str, str], told: str
) -> None:
    left_out = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    nobody = {name: value for name, value in aws.environment.items() if name not in left_out}
    environment = {**nobody, "AWS_SHARED_CREDENTIALS_FILE": "none", "AWS_CONFIG_FILE": "none", **credentials}
    with clone() as folder:
        done = subprocess.run(
            ["make", "deploy", *EXAMPLE], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert {path.name for path in folder.iterdir()} & {"samconfig.toml", ".aws-sam"} == set()
    assert (done.returncode, told in done.stderr, "Traceback" in done.stderr) == (2, True, False)
