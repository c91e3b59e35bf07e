"""Commands find the stack where `make deploy` has put it: its name and its region."""

import json
import re
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest

from sandbox.aws.moto import MotoAws
from spaaza_snapshots.cli.main import main

ROOT = Path(__file__).resolve().parents[3]
SAMCONFIG = """version = 0.1
[default.deploy.parameters]
stack_name = "members"
region = "eu-central-1"
"""
REGIONS = ("eu-central-1", "eu-west-1")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a samconfig.toml, on a machine where the SDK knows no region."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def two_stacks(moto_aws: MotoAws, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, int]]:
    """Stacks of one name in two regions; how many queries ran in each."""
    for name, value in (("ENDPOINT_URL", moto_aws.endpoint_url), ("ACCESS_KEY_ID", "test"), ("SECRET_ACCESS_KEY", "t")):
        monkeypatch.setenv(f"AWS_{name}", value)
    (folder / "view.sql").write_text("-- A view.\nCREATE OR REPLACE VIEW one AS SELECT 1 AS one", encoding="utf-8")
    for region in REGIONS:
        outputs = {"WorkGroupName": {"Value": "members"}, "GlueDatabaseName": {"Value": region}}
        body = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
        results = {"ResultConfiguration": {"OutputLocation": "s3://snapshots/athena-results/"}}
        with closing(client("cloudformation", region)) as cloudformation, closing(client("athena", region)) as athena:
            cloudformation.create_stack(StackName="members", TemplateBody=json.dumps(body))
            athena.create_work_group(Name="members", Configuration=results)
    return queries


def client(service: str, region: str) -> Any:
    make_client: Any = boto3.client
    return make_client(service, region_name=region)


def queries() -> dict[str, int]:
    counts = {}
    for region in REGIONS:
        with closing(client("athena", region)) as athena:
            counts[region] = len(athena.list_query_executions()["QueryExecutionIds"])
    return counts


@pytest.mark.parametrize(
    ("arguments", "region"),
    [
        ([], "eu-central-1"),
        (["--stack", "members"], "eu-central-1"),
        (["--region", "eu-west-1"], "eu-west-1"),
        (["--stack", "members", "--region", "eu-west-1"], "eu-west-1"),
    ],
)
def test_a_command_asks_in_the_region_that_the_stack_was_deployed_to(
    two_stacks: Callable[[], dict[str, int]],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    region: str,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    (folder / "samconfig.toml").write_text(SAMCONFIG, encoding="utf-8")
    assert main(["athena", "--sql", str(folder), *arguments]) == 0
    assert two_stacks() == {name: int(name == region) for name in REGIONS}


def test_another_stack_is_looked_for_where_the_sdk_is_set_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    (folder / "samconfig.toml").write_text(SAMCONFIG, encoding="utf-8")
    assert main(["where", "--stack", "others"]) == 0
    assert capsys.readouterr().out == "--stack-name others --region us-east-1\n"


@pytest.mark.parametrize("settings", [SAMCONFIG, SAMCONFIG.replace("default.deploy", "default.global")])
def test_where_prints_the_stack_as_sam_takes_it(
    folder: Path, capsys: pytest.CaptureFixture[str], settings: str
) -> None:
    (folder / "samconfig.toml").write_text(settings, encoding="utf-8")
    assert main(["where"]) == 0
    assert capsys.readouterr().out == "--stack-name members --region eu-central-1\n"


@pytest.mark.parametrize(
    "command", [["invoke", "--stack", "members"], ["athena", "--stack", "members"], ["where", "--stack", "members"]]
)
def test_without_a_region_a_command_says_how_to_name_one(
    folder: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert main(command) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "No region is known" in printed.err
    assert "REGION=" in printed.err


def test_without_a_stack_a_command_says_how_to_name_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["where", "--region", "eu-west-1"]) == 2
    assert "STACK=" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("goal", "asked"),
    [
        ("snapshot", "invoke --stack members --region eu-central-1"),
        ("login", "login --stack members --region eu-central-1"),
        ("athena", "athena --stack members --region eu-central-1"),
        ("logs", "logs --stack members --region eu-central-1"),
        ("destroy", "where --stack members --region eu-central-1"),
    ],
)
def test_make_hands_on_which_stack_and_where(goal: str, asked: str) -> None:
    assert asked in dry_run(goal, "STACK=members", "REGION=eu-central-1")


@pytest.mark.parametrize("goal", ["sql", "drift"])
def test_a_query_reaches_the_command_with_its_double_quotes(goal: str) -> None:
    assert '"$SQL"' in dry_run(goal, 'SQL=SELECT "nl"')


def dry_run(*arguments: str) -> str:
    """Return what make would run, in one line a command."""
    ran = subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return re.sub(r"[ \\\n]+", " ", ran.stdout)
