"""The words of `make deploy`: one environment of samconfig.toml, or everything that is missing or wrong at once."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tools.deploy.plan import Plan, Planner
from tools.deploy.samconfig import Samconfig, UnreadableSection
from tools.template import source

TEST01 = {"CHAINS": "1743,1783", "EMAIL": "ops@example.com", "ENV": "test01", "REGION": "eu-central-1"}
BOUNDARY = "arn:aws:iam::123456789012:policy/teams/data"
GUIDED = """\
version = 0.1

[default.deploy.parameters]
stack_name = "spaaza"
s3_bucket = "code-of-ours" # made by hand
s3_prefix = "spaaza"
region = "eu-west-1"
capabilities = "CAPABILITY_IAM"
parameter_overrides = "ChainIds=\\"1743\\" SpaazaEnvironment=\\"prod\\" AlarmEmail=\\"\\" GlueDatabaseName=\\"spaaza\\""
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "samconfig.toml"


def planned(file: Path, words: Mapping[str, str]) -> Plan:
    samconfig = Samconfig(file)
    planner = Planner(source(), samconfig, words)
    plan = planner.plan()
    assert plan is not None, planner.problems
    samconfig.write(plan.environment)
    return plan


def problems(file: Path, words: Mapping[str, str]) -> list[str]:
    planner = Planner(source(), Samconfig(file), words)
    assert planner.plan() is None
    assert planner.problems
    return planner.problems


# --- What is given ---------------------------------------------------------------------------------------------------


def test_four_words_are_enough_for_a_new_environment(file: Path) -> None:
    plan = planned(file, TEST01)
    assert plan.asks
    assert (plan.environment.section, plan.environment.stack) == ("test01", "spaaza-snapshots-test01")
    assert plan.environment.parameters == {
        "ChainIds": "1743,1783",
        "AlarmEmail": "ops@example.com",
        "SpaazaEnvironment": "test01",
    }


def test_no_e_mail_is_a_decision_and_yes_asks_nothing(file: Path) -> None:
    plan = planned(file, {**TEST01, "EMAIL": "none", "YES": "1"})
    assert plan.environment.parameters["AlarmEmail"] == ""
    assert not plan.asks


def test_every_other_parameter_and_tags_can_be_given_too(file: Path) -> None:
    more = {
        "PARAMETERS": f"TimeZone=Europe/Amsterdam RenewSession=true PermissionsBoundaryArn={BOUNDARY}",
        "TAGS": "team=data cost:centre=a/b",
        "STACK": "members",
    }
    environment = planned(file, {**TEST01, **more}).environment
    assert environment.parameters["TimeZone"] == "Europe/Amsterdam"
    assert environment.parameters["PermissionsBoundaryArn"] == BOUNDARY
    assert environment.tags == {"team": "data", "cost:centre": "a/b"}
    assert environment.stack == "members"


def test_what_is_not_given_again_comes_from_the_section(file: Path) -> None:
    first = planned(file, {**TEST01, "TAGS": "team=data", "PARAMETERS": "FirstHour=2"}).environment
    assert planned(file, {"ENV": "test01"}).environment == first
    second = planned(file, {"ENV": "test01", "PARAMETERS": "RawDays=400"}).environment
    assert second.parameters == {**first.parameters, "RawDays": "400"}
    assert planned(file, {"ENV": "test01", "TAGS": "none"}).environment.tags == {}


def test_the_only_environment_of_the_file_needs_no_name_and_two_do(file: Path) -> None:
    planned(file, TEST01)
    assert planned(file, {}).environment.section == "test01"
    planned(file, {**TEST01, "ENV": "prod"})
    (problem,) = [problem for problem in problems(file, {}) if problem.startswith("ENV ")]
    assert "samconfig.toml has test01 and prod" in problem


def test_what_else_is_in_the_file_stays_with_its_comments(file: Path) -> None:
    file.write_text("# ours\nversion = 0.1\n\n[default.build.parameters]\ncached = true # fast\n", encoding="utf-8")
    before = file.read_text(encoding="utf-8")
    planned(file, TEST01)
    planned(file, {**TEST01, "ENV": "prod"})
    text = file.read_text(encoding="utf-8")
    assert text.startswith(before)
    assert [line for line in text.splitlines() if line.startswith("[")] == [
        "[default.build.parameters]",
        "[test01.deploy.parameters]",
        "[test01.deploy.parameters.parameter_overrides]",
        "[prod.deploy.parameters]",
        "[prod.deploy.parameters.parameter_overrides]",
    ]


# --- What was deployed before there were environments ----------------------------------------------------------------


def test_an_older_deployment_goes_on_without_a_word(file: Path) -> None:
    file.write_text(GUIDED, encoding="utf-8")
    plan = planned(file, {})
    assert (plan.environment.section, plan.environment.stack) == ("default", "spaaza")
    assert planned(file, {"CHAINS": "1743,1783"}).environment.parameters == {
        "ChainIds": "1743,1783",
        "SpaazaEnvironment": "prod",
        "AlarmEmail": "",
        "GlueDatabaseName": "spaaza",
    }
    text = file.read_text(encoding="utf-8")
    assert 's3_bucket = "code-of-ours" # made by hand' in text
    assert "resolve_s3" not in text  # SAM takes one of the two
    assert 'on_failure = "DELETE"' in text


def test_capital_letters_are_for_a_stack_whose_database_is_named(file: Path) -> None:
    file.write_text(GUIDED.replace('stack_name = "spaaza"', 'stack_name = "Spaaza"'), encoding="utf-8")
    assert planned(file, {}).environment.stack == "Spaaza"
    named = {"STACK": "Members", "PARAMETERS": "GlueDatabaseName=members"}
    assert planned(file, {**TEST01, **named}).environment.stack == "Members"


def test_an_older_deployment_that_is_not_rolled_back_stays_so(file: Path) -> None:
    file.write_text(GUIDED.replace("\nregion", "\ndisable_rollback = true\nregion"), encoding="utf-8")
    planned(file, {})
    assert "on_failure" not in file.read_text(encoding="utf-8")  # SAM takes one of the two


def test_an_older_deployment_is_not_doubled_by_accident(file: Path) -> None:
    file.write_text(GUIDED, encoding="utf-8")
    (problem,) = problems(file, {**TEST01, "ENV": "prod"})
    assert "has spaaza for it, in [default]. ENV=default updates that one" in problem
    assert planned(file, TEST01).environment.stack == "spaaza-snapshots-test01"
    assert planned(file, {**TEST01, "ENV": "prod", "STACK": "second"}).environment.stack == "second"


@pytest.mark.parametrize("heading", ["[default.", "[prod."])
def test_an_older_deployment_takes_the_name_that_its_section_is_given(file: Path, heading: str) -> None:
    file.write_text(GUIDED.replace("[default.", heading), encoding="utf-8")
    environment = planned(file, {"ENV": heading.strip("[.")}).environment
    assert (environment.stack, environment.parameters["GlueDatabaseName"]) == ("spaaza", "spaaza")


# --- What is refused -------------------------------------------------------------------------------------------------


def test_everything_that_is_missing_is_told_at_once_with_what_to_write(file: Path) -> None:
    told = problems(file, {})
    assert [problem.partition(" is missing")[0] for problem in told] == ["ENV", "CHAINS", "EMAIL", "REGION"]
    assert all(example in " ".join(told) for example in ("ENV=prod or", "CHAINS=1743,1783", "EMAIL=none", "REGION=eu"))
    assert not file.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"CHAINS": "1743, 1783"}, "CHAINS=1743, 1783: must be chain ids separated by commas, without spaces."),
        ({"EMAIL": "ops"}, "EMAIL=ops: must be an e-mail address, or empty."),
        ({"ENV": "test02"}, "ENV=test02: the environment of Spaaza: ENV=prod or ENV=test01"),
        ({"ENV": "default"}, "ENV=default: the environment of Spaaza: ENV=prod or ENV=test01"),
        ({"REGION": "eu-centrl-1"}, "REGION=eu-centrl-1 is not a region that is known here; do you mean eu-central-1?"),
        ({"REGION": "cn-north-1"}, "REGION=cn-north-1 is not a region"),
        ({"STACK": "Members"}, "STACK=Members: lower-case letters"),
        ({"CHAIN": "1743"}, "CHAIN is not a word of make deploy; do you mean CHAINS?"),
        ({"YES": "0"}, "YES=0: YES=1 deploys without asking"),
        ({"PARAMETERS": "Timezone=UTC"}, "Timezone=UTC: is not a parameter of the template; do you mean TimeZone?"),
        ({"PARAMETERS": "TimeZone=CET"}, "TimeZone=CET: must be an IANA name such as Europe/Amsterdam."),
        ({"PARAMETERS": "TimeZone=Europe/Amsterdm"}, "is not a time zone; do you mean Europe/Amsterdam?"),
        ({"PARAMETERS": "FirstHour=4"}, "FirstHour=4: must be a whole number from 0 to 3. Hour of the first run"),
        ({"PARAMETERS": "FirstHour=03"}, "FirstHour=03: must be a whole number"),
        ({"PARAMETERS": "LogDays=8"}, "LogDays=8: must be 7, 14, 30, 60, 90, 180 or 365. Days to keep"),
        ({"PARAMETERS": "RawDays"}, "PARAMETERS has 'RawDays': other parameters of the template"),
        ({"PARAMETERS": "ChainIds=1"}, "PARAMETERS ChainIds: write CHAINS= instead"),
        ({"ENV": "prod", "PARAMETERS": "MaxRowDropPercent=100"}, "MaxRowDropPercent 100 switches the guard off"),
        ({"PARAMETERS": "PermissionsBoundaryArn=data"}, "must be the ARN of a managed policy, or empty."),
        ({"TAGS": "aws:team=data"}, "TAGS aws:team=data: letters, digits"),
        ({"TAGS": " ".join(f"t{n}=1" for n in range(51))}, "TAGS has 51 tags: at most 50"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence_before_anything_is_written(
    file: Path, words: Mapping[str, str], told: str
) -> None:
    (problem,) = problems(file, {**TEST01, **words})
    assert told in problem
    assert not file.exists()


@pytest.mark.parametrize("words", [{"STACK": "other"}, {"REGION": "eu-west-1"}])
def test_a_deployed_environment_is_not_left_behind_for_another_stack(file: Path, words: Mapping[str, str]) -> None:
    planned(file, TEST01)
    (problem,) = problems(file, {"ENV": "test01", **words})
    assert "this environment is deployed as" in problem


def test_a_file_that_cannot_be_read_is_refused_by_its_place(file: Path) -> None:
    file.write_text("[default\n", encoding="utf-8")
    with pytest.raises(UnreadableSection, match=r"samconfig.toml is not TOML.*line 1"):
        Samconfig(file)
    file.write_text('[default.deploy.parameters]\nstack_name = "s"\nparameter_overrides = "file://p"\n', "utf-8")
    assert (
        "[default] parameter_overrides is not understood at 'file://p'; write it as Name=value" in problems(file, {})[0]
    )
