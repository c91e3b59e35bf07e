"""The stack that template.yaml makes, expanded: what runs when, what retries, what the functions are told."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

import pytest

from spaaza_snapshots.events.messages import SNAPSHOT_COMPLETED, SNAPSHOT_REQUESTED, SOURCE
from spaaza_snapshots.snapshot.request import parse_request
from spaaza_snapshots.snapshot.settings import Settings
from tools.template import Deployment, deploy, source

PARAMETERS = {"ChainIds": "1743,1783"}
FUNCTIONS = ("ExportFunction", "ParquetFunction")
HOUR_SECONDS = 3600


@pytest.fixture(scope="module")
def stack() -> Deployment:
    return deploy(PARAMETERS)


class Reading(dict[str, str]):
    """An environment that writes down which variables were asked for."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(variables)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


# --- What runs when --------------------------------------------------------------------------------------------------


def test_the_schedule_runs_hourly_from_the_first_hour_to_the_end_of_the_day_in_the_settings_time_zone() -> None:
    stack = deploy({**PARAMETERS, "TimeZone": "Europe/Amsterdam", "FirstHour": "2"})
    schedule = stack.properties("Schedule")
    assert schedule["ScheduleExpression"] == "cron(0 2-23 * * ? *)"
    assert schedule["ScheduleExpressionTimezone"] == stack.variables("ExportFunction")["SNAPSHOT_TIME_ZONE"]
    assert schedule["ScheduleExpressionTimezone"] == "Europe/Amsterdam"


def test_what_the_schedule_sends_is_a_scheduled_request_for_every_chain(stack: Deployment) -> None:
    sent = stack.properties("Schedule")["Target"]["Input"]
    event = json.loads(sent.replace("<aws.scheduler.scheduled-time>", "2026-11-22T02:00:00Z"))
    settings = Settings.from_environment(stack.variables("ExportFunction"))
    request = parse_request(event, settings, datetime.fromisoformat("2026-11-22T02:00:03Z"))
    assert request.scheduled
    assert request.chain_ids == settings.chain_ids == (1743, 1783)


@pytest.mark.parametrize(
    ("rule", "function", "detail_type"),
    [
        ("ExportFunctionSnapshotRequested", "ExportFunction", SNAPSHOT_REQUESTED),
        ("ParquetFunctionSnapshotCompleted", "ParquetFunction", SNAPSHOT_COMPLETED),
    ],
)
def test_each_rule_hands_its_events_to_its_function(
    stack: Deployment, rule: str, function: str, detail_type: str
) -> None:
    properties = stack.properties(rule)
    assert properties["EventBusName"] == stack.variables("ExportFunction")["EVENT_BUS_NAME"]
    assert properties["EventPattern"] == {"source": [SOURCE], "detail-type": [detail_type]}
    (target,) = properties["Targets"]
    permission = stack.properties(f"{rule}Permission")
    assert target["Arn"].endswith(f":function:{permission['FunctionName']}")
    assert permission["FunctionName"] == stack.outputs[f"{function}Name"]


def test_what_cannot_be_delivered_is_tried_for_an_hour_and_then_kept(stack: Deployment) -> None:
    rules = stack.of_type("AWS::Events::Rule").values()
    targets = [target for rule in rules for target in rule["Targets"]] + [stack.properties("Schedule")["Target"]]
    assert len(targets) == 4
    for target in targets:
        assert 0 < target["RetryPolicy"]["MaximumEventAgeInSeconds"] <= HOUR_SECONDS
        assert target["DeadLetterConfig"]["Arn"].endswith(":spaaza-undeliveredevents")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_what_is_safe_to_repeat_is_repeated_and_a_failed_run_is_kept(stack: Deployment, function: str) -> None:
    invocation = stack.properties(f"{function}EventInvokeConfig")
    assert invocation["MaximumRetryAttempts"] == {"ExportFunction": 0, "ParquetFunction": 2}[function]
    assert invocation["MaximumEventAgeInSeconds"] == HOUR_SECONDS
    assert invocation["DestinationConfig"]["OnFailure"]["Destination"].endswith(":spaaza-failedruns")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_run_on_the_interpreter_they_are_built_for_and_log_where_logs_end(
    stack: Deployment, function: str
) -> None:
    properties = stack.properties(function)
    (layer,) = stack.of_type("AWS::Lambda::LayerVersion").values()
    assert [properties["Runtime"]] == layer["CompatibleRuntimes"] == ["python3.13"]
    assert properties["Architectures"] == layer["CompatibleArchitectures"] == ["arm64"]
    assert properties["Timeout"] == 900
    logs = {name: group["RetentionInDays"] for name, group in stack.of_type("AWS::Logs::LogGroup").items()}
    assert properties["LoggingConfig"]["LogGroup"] == f"spaaza-{function.removesuffix('Function')}Log".lower()
    assert logs == {"ExportLog": "90", "ParquetLog": "90"}


def test_only_the_parquet_function_carries_duckdb(stack: Deployment) -> None:
    assert "Layers" not in stack.properties("ExportFunction")
    assert len(stack.properties("ParquetFunction")["Layers"]) == 1


# --- What the functions are told -------------------------------------------------------------------------------------


def test_every_variable_that_the_settings_read_is_set_and_no_other(stack: Deployment) -> None:
    variables = Reading(stack.variables("ExportFunction"))
    Settings.from_environment(variables)
    own = {name for name in variables if not name.startswith("POWERTOOLS_")}
    sandbox = {"SPAAZA_SERVICES_URL", "SPAAZA_API_URL"}
    assert variables.names - own == {*sandbox, "SESSION_ROTATION"}  # the last with RenewSession only
    assert own - variables.names == set()


@pytest.mark.parametrize("bound", ["MinValue", "MaxValue"])
@pytest.mark.parametrize("parameter", ["MaxRowDropPercent", "ReadTimeoutSeconds"])
def test_the_settings_take_every_bound_of_the_parameters(parameter: str, bound: str) -> None:
    given = {parameter: str(source()["Parameters"][parameter][bound])}
    Settings.from_environment(deploy({**PARAMETERS, **given}).variables("ExportFunction"))


@pytest.mark.parametrize("text", ["1743", "1743,1783", "999999999"])
def test_chain_ids_that_are_accepted_are_chain_ids_to_the_settings_and_json_to_the_schedule(text: str) -> None:
    assert matches("ChainIds", text)
    stack = deploy({"ChainIds": text})
    sent = json.loads(stack.properties("Schedule")["Target"]["Input"])
    assert tuple(sent["chain_ids"]) == Settings.from_environment(stack.variables("ExportFunction")).chain_ids


@pytest.mark.parametrize("text", ["", "0", "01743", "1743, 1783", "1743,", "-1", "1743;1783", "x"])
def test_chain_ids_that_are_none_are_refused(text: str) -> None:
    assert not matches("ChainIds", text)


def test_every_time_zone_with_a_place_in_its_name_is_accepted() -> None:
    places = {zone for zone in available_timezones() if "/" in zone}
    assert len(places) > 400
    assert {zone for zone in places if not matches("TimeZone", zone)} == set()


def matches(parameter: str, text: str) -> bool:
    return re.fullmatch(source()["Parameters"][parameter]["AllowedPattern"], text) is not None


# --- For those who read it -------------------------------------------------------------------------------------------


def test_every_parameter_and_output_is_described_and_every_parameter_has_its_place_in_the_console() -> None:
    template = source()
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    placed = [name for group in groups for name in group["Parameters"]]
    assert sorted(placed) == sorted(template["Parameters"])
    described = [*template["Parameters"].values(), *template["Outputs"].values()]
    assert all(found["Description"].endswith(".") for found in described)


def test_every_parameter_is_bounded(stack: Deployment) -> None:
    for parameter in source()["Parameters"].values():
        bounded = {"MinValue", "MaxValue"} if parameter["Type"] == "Number" else {"AllowedPattern"}
        assert "AllowedValues" in parameter or bounded <= set(parameter)
