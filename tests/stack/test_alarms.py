"""The alarms: each watches what the functions really measure, tells what to do, and keeps quiet while all is well."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spaaza_snapshots.base.telemetry import METRICS, NAMESPACE, Telemetry
from spaaza_snapshots.events.messages import snapshot_failed
from spaaza_snapshots.model.manifest import Check
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.snapshot.doubt import held_error
from spaaza_snapshots.snapshot.request import parse_request
from spaaza_snapshots.snapshot.settings import Settings
from tests.support import builders
from tools.template import STACK, Deployment, deploy, source

ALARM = "AWS::CloudWatch::Alarm"
LONGEST_DESCRIPTION = 1024  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
LONGEST_DAYS = timedelta(days=7)  # the same page: EvaluationPeriods times Period
HOUR = timedelta(hours=1)
NAMES = sorted(name for name, found in source()["Resources"].items() if found["Type"] == ALARM)

Watched = tuple[str, str, frozenset[str]]  # namespace, metric, names of its dimensions


@pytest.fixture(scope="module")
def stack() -> Deployment:
    return deploy({"ChainIds": "1743,1783", "AlarmEmail": "operator@example.com"})


def metrics_of(alarm: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield each metric that an alarm looks at: its name, dimensions and period in seconds."""
    if "MetricName" in alarm:
        yield alarm
    for query in alarm.get("Metrics", ()):
        if "MetricStat" in query:
            yield {**query["MetricStat"]["Metric"], "Period": query["MetricStat"]["Period"]}


def watched(metric: Mapping[str, Any]) -> Watched:
    return metric["Namespace"], metric["MetricName"], frozenset(found["Name"] for found in metric["Dimensions"])


@pytest.fixture
def measured(capsys: pytest.CaptureFixture[str]) -> set[Watched]:
    """Every metric that is declared, measured once, as CloudWatch would find it in the log."""
    Telemetry(STACK).measure(dict.fromkeys(METRICS, 1), chain_id=1743)
    directives = [
        directive
        for line in capsys.readouterr().out.splitlines()
        for directive in json.loads(line)["_aws"]["CloudWatchMetrics"]
    ]
    return {
        (directive["Namespace"], metric["Name"], frozenset(dimensions))
        for directive in directives
        for metric in directive["Metrics"]
        for dimensions in directive["Dimensions"]
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_alarm_watches_a_metric_that_is_measured(stack: Deployment, measured: set[Watched], name: str) -> None:
    metrics = [watched(metric) for metric in metrics_of(stack.properties(name))]
    assert metrics
    own = {metric for metric in metrics if metric[0] == NAMESPACE}
    assert own <= measured
    assert {namespace for namespace, *_ in metrics} <= {NAMESPACE, "AWS/Lambda", "AWS/SQS"}


@pytest.mark.parametrize("name", NAMES)
def test_every_alarm_looks_at_a_resource_of_this_stack(stack: Deployment, name: str) -> None:
    values = {dimension["Value"] for metric in metrics_of(stack.properties(name)) for dimension in metric["Dimensions"]}
    service = stack.variables("ExportFunction")["POWERTOOLS_SERVICE_NAME"]
    queue = stack.outputs["UndeliveredEventsUrl"].rpartition("/")[2]
    functions = {stack.outputs["ExportFunctionName"], stack.outputs["ParquetFunctionName"]}
    assert values <= {service, queue, *functions}
    assert len(values) == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_alarm_says_what_is_seen_where_to_look_and_what_to_do(stack: Deployment, name: str) -> None:
    alarm = stack.properties(name)
    text = alarm["AlarmDescription"]
    assert len(text) <= LONGEST_DESCRIPTION
    assert re.fullmatch(r"[A-Z].+\. First look: make status\b.+\. Fix: .+\.", text)
    assert alarm["AlarmActions"] == [stack.outputs["AlarmTopicArn"]]


@pytest.mark.parametrize("name", NAMES)
def test_every_alarm_looks_at_no_longer_a_time_than_cloudwatch_does(stack: Deployment, name: str) -> None:
    alarm = stack.properties(name)
    for metric in metrics_of(alarm):
        assert timedelta(seconds=metric["Period"] * alarm["EvaluationPeriods"]) <= LONGEST_DAYS
        assert metric["Period"] % 60 == 0


def test_alarms_reach_the_operator_only_from_this_account(stack: Deployment) -> None:
    subscription = stack.properties("AlarmSubscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "operator@example.com")
    statement, _ = stack.properties("AlarmTopicPolicy")["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    # an encrypted topic would need a key that CloudWatch may use
    assert "KmsMasterKeyId" not in stack.properties("AlarmTopic")


def test_the_rule_of_held_snapshots_publishes_as_eventbridge_documents_it(stack: Deployment) -> None:
    """EventBridge's user guide: no Condition in the policy of a topic, and no role on its target."""
    _, of_rules = stack.properties("AlarmTopicPolicy")["PolicyDocument"]["Statement"]
    assert {name: of_rules[name] for name in ("Effect", "Principal", "Action", "Resource")} == {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": stack.outputs["AlarmTopicArn"],
    }
    assert "Condition" not in of_rules
    (target,) = stack.properties("SnapshotHeldMail")["Targets"]
    assert "RoleArn" not in target


def test_without_an_address_nobody_is_subscribed() -> None:
    assert "AlarmSubscription" not in deploy({"ChainIds": "1743"}).resources


# --- When they go off ------------------------------------------------------------------------------------------------


def runs(first_hour: int, zone: str, year: int = 2027) -> list[datetime]:
    """Every instant in UTC when the schedule runs in one year; what the clock repeats or leaves out runs once."""
    midnight = date(year, 1, 1)
    days = [midnight + timedelta(days=day) for day in range(366)]
    local = [datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(zone)) for day in days
             for hour in range(first_hour, 24)]  # fmt: skip
    return sorted({instant.astimezone(UTC) for instant in local})


@pytest.mark.parametrize("zone", ["UTC", "Europe/Amsterdam", "America/New_York", "Australia/Sydney", "Asia/Kolkata"])
@pytest.mark.parametrize("first_hour", range(source()["Parameters"]["FirstHour"]["MaxValue"] + 1))
def test_no_night_of_a_year_is_long_enough_for_the_alarm_of_no_run(
    stack: Deployment, first_hour: int, zone: str
) -> None:
    alarm = stack.properties("NoScheduledRunAlarm")
    instants = runs(first_hour, zone)
    pauses = [later - earlier for earlier, later in pairwise(instants)]
    # a pause of five hours leaves four whole hours without a run between two with one
    hours_without = max(pauses) // HOUR - 1
    assert hours_without < alarm["EvaluationPeriods"] == alarm["DatapointsToAlarm"]


def test_a_schedule_that_has_stopped_is_told_after_five_hours_though_nothing_is_measured(stack: Deployment) -> None:
    alarm = stack.properties("NoScheduledRunAlarm")
    (metric,) = metrics_of(alarm)
    assert metric["Period"] * alarm["EvaluationPeriods"] == 5 * 3600
    assert alarm["TreatMissingData"] == "breaching"
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["EvaluationWindow"] == {
        "WallClockWindow": {"Timezone": stack.properties("Schedule")["ScheduleExpressionTimezone"]}
    }


def test_a_chain_is_told_missing_when_three_hours_after_the_first_run_it_still_is(stack: Deployment) -> None:
    alarm = stack.properties("ChainMissingAlarm")
    (metric,) = metrics_of(alarm)
    hours_from_the_first_measurement = alarm["DatapointsToAlarm"] - 1
    assert hours_from_the_first_measurement * metric["Period"] == 3 * 3600
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)


def test_a_run_is_told_long_at_80_percent_of_the_time_limit(stack: Deployment) -> None:
    limit_ms = stack.properties("ExportFunction")["Timeout"] * 1000
    assert stack.properties("LongRunAlarm")["Threshold"] == 0.8 * limit_ms


def test_the_session_is_told_to_end_as_many_days_before_as_chosen() -> None:
    stack = deploy({"ChainIds": "1743", "SessionWarningDays": "12"})
    alarm = stack.properties("SessionEndsAlarm")
    (metric,) = (query["MetricStat"] for query in alarm["Metrics"] if "MetricStat" in query)
    assert (metric["Stat"], alarm["ComparisonOperator"]) == ("Minimum", "LessThanThreshold")
    assert alarm["Threshold"] == "12"


def test_the_payload_in_the_alarm_of_a_held_snapshot_accepts_it(stack: Deployment) -> None:
    payload = re.search(r"{.*?}", stack.properties("SnapshotHeldAlarm")["AlarmDescription"])
    assert payload
    settings = Settings.from_environment(stack.variables("ExportFunction"))
    request = parse_request(json.loads(payload[0]), settings, datetime(2026, 11, 23, tzinfo=UTC))
    assert request.accept


# --- Dashboard -------------------------------------------------------------------------------------------------------


def test_the_dashboard_shows_metrics_that_are_measured(stack: Deployment, measured: set[Watched]) -> None:
    widgets = json.loads(stack.properties("Dashboard")["DashboardBody"])["widgets"]
    text = json.dumps([widget["properties"]["metrics"] for widget in widgets])
    searched = set(re.findall(r'MetricName=\\+"(\w+)', text))
    named = {row[1] for widget in widgets for row in widget["properties"]["metrics"] if isinstance(row[0], str)}
    assert searched | named <= set(METRICS)
    assert {name for _, name, dimensions in measured if "chain_id" in dimensions} >= searched
    assert {"Rows", "GzipBytes", "RunSeconds", "CsvBytesPerSecond"} <= searched
    assert {"SnapshotsFailed", "SessionDaysLeft", "ParquetsFailed"} <= named


def test_no_two_widgets_of_the_dashboard_overlap(stack: Deployment) -> None:
    widgets = json.loads(stack.properties("Dashboard")["DashboardBody"])["widgets"]
    cells = [
        (x, y)
        for widget in widgets
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24  # the columns of a dashboard


def test_a_held_snapshot_is_mailed_once_with_its_counts_and_the_payload_that_accepts(stack: Deployment) -> None:
    """The very event that a run puts, through the rule's own pattern and input path."""
    rule = stack.properties("SnapshotHeldMail")
    (target,) = rule["Targets"]
    assert (target["Arn"], target["InputPath"]) == (stack.properties("AlarmSubscription")["TopicArn"], "$.detail")
    failed_check = Check("rows_kept_since_previous", required=True, passed=False, notes="50 rows, 100 on 2026-11-21")
    for again, mailed in ((False, True), (True, False)):
        error = held_error(builders.manifest(chain_id=1743, checks=(failed_check,)), again=again)
        event = snapshot_failed(SnapshotId(1743, date(2026, 11, 22)), error)
        pattern = rule["EventPattern"]["detail"]
        assert all(event.detail[name] in allowed for name, allowed in pattern.items()) is mailed
        # a boolean may have become a text on its way through CloudFormation
        assert all(isinstance(value, str) for allowed in pattern.values() for value in allowed)
        assert event.detail["again"] is again
        text = json.dumps(event.detail)
        assert "50 rows, 100 on 2026-11-21" in text
        assert "make snapshot CHAIN=1743 DATE=" in text
        assert "ACCEPT=1" in text
