"""The renewal of the session in the stack: all of it with RenewSession, nothing of it without."""

import json
import re
from itertools import pairwise

import pytest

from spaaza_snapshots.rotation.settings import RotationSettings
from spaaza_snapshots.snapshot.settings import Settings
from tests.stack.test_template import PARAMETERS, Reading
from tests.stack.test_template_storage import KEY, SECRET
from tools.template import ACCOUNT, Deployment, deploy

RENEWING = {**PARAMETERS, "RenewSession": "true"}
PARTS = {
    "LoginSecret",
    "RotationFunction",
    "RotationLog",
    "RotationRole",
    "RotationPermission",
    "SecretRotation",
    "RenewalSchedule",
    "RenewalRole",
}


@pytest.fixture(scope="module")
def stack() -> Deployment:
    return deploy(RENEWING)


def test_without_the_parameter_nothing_of_it_exists(stack: Deployment) -> None:
    without = deploy(PARAMETERS)
    assert stack.resources.keys() - without.resources.keys() == PARTS
    assert stack.outputs.keys() - without.outputs.keys() == {"LoginSecretArn", "RotationFunctionName"}
    for word in ("otat", "enewa", "LoginSecret", "loginsecret"):
        assert word not in json.dumps({name: found for name, found in without.resources.items() if "Alarm" not in name})


def test_with_it_everything_else_is_as_without_but_for_what_the_export_function_may_ask(stack: Deployment) -> None:
    without = deploy(PARAMETERS)
    changed = {name for name, found in without.resources.items() if stack.resources[name] != found}
    assert changed == {"ExportFunction", "ExportRole"}
    added = stack.statements("ExportRole").keys() - without.statements("ExportRole").keys()
    assert added == {"AskForARenewal", "HaveItStarted"}
    assert Settings.from_environment(stack.variables("ExportFunction")).session_rotation
    assert not Settings.from_environment(without.variables("ExportFunction")).session_rotation


def test_every_variable_that_the_rotation_reads_is_set_and_no_other(stack: Deployment) -> None:
    variables = Reading(stack.variables("RotationFunction"))
    RotationSettings.from_environment(variables)
    own = {name for name in variables if not name.startswith("POWERTOOLS_")}
    assert variables.names == {*own, "SPAAZA_API_URL"}  # a sandbox's


def test_the_rotation_function_runs_as_the_others_do_and_its_log_ends(stack: Deployment) -> None:
    properties, export = stack.properties("RotationFunction"), stack.properties("ExportFunction")
    for name in ("Runtime", "Architectures", "Code"):
        assert properties[name] == export[name]
    assert properties["Handler"] == "spaaza_snapshots.rotation_handler.lambda_handler"
    assert properties["Timeout"] == 180
    assert stack.properties("RotationLog")["RetentionInDays"] == "90"


def test_the_log_in_secret_is_made_empty_and_outlives_the_stack(stack: Deployment) -> None:
    secret = stack.resources["LoginSecret"]
    assert secret["Properties"].keys() == {"Description"}
    assert (secret["DeletionPolicy"], secret["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_secrets_manager_alone_starts_the_function_and_not_when_the_stack_is_deployed(stack: Deployment) -> None:
    rotation = stack.properties("SecretRotation")
    assert rotation["RotateImmediatelyOnUpdate"] is False
    assert rotation["RotationRules"] == {"AutomaticallyAfterDays": 7}
    assert rotation["SecretId"] == stack.outputs["SecretArn"]
    permission = stack.properties("RotationPermission")
    assert (permission["Principal"], permission["SourceAccount"]) == ("secretsmanager.amazonaws.com", ACCOUNT)
    assert stack.resources["SecretRotation"]["DependsOn"] == "RotationPermission"


@pytest.mark.parametrize(("first_hour", "before"), [("0", "23"), ("1", "0"), ("2", "1"), ("3", "2")])
def test_the_session_is_renewed_every_three_days_in_the_quiet_hour_before_the_first_run(
    first_hour: str, before: str
) -> None:
    stack = deploy({**RENEWING, "TimeZone": "Europe/Amsterdam", "FirstHour": first_hour})
    schedule = stack.properties("RenewalSchedule")
    assert schedule["ScheduleExpression"] == f"cron(30 {before} 1/3 * ? *)"
    assert schedule["ScheduleExpressionTimezone"] == "Europe/Amsterdam"
    assert schedule["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"] < 1800  # before the first run


def test_a_session_as_long_as_spaazas_sample_is_never_so_old_that_the_warning_goes_off() -> None:
    days = [day for month in (31, 30, 28, 31) for day in range(1, month + 1)]
    renewals = [index for index, day in enumerate(days) if day % 3 == 1]
    longest = max(later - earlier for earlier, later in pairwise(renewals))
    warning_days = int(deploy(RENEWING).properties("SessionEndsAlarm")["Threshold"])
    assert longest == 3
    assert 14 - 2 * longest > warning_days  # one renewal may fail without a word


def test_the_schedule_rotates_the_secret_of_the_session(stack: Deployment) -> None:
    target = stack.properties("RenewalSchedule")["Target"]
    assert target["Arn"] == "arn:aws:scheduler:::aws-sdk:secretsmanager:rotateSecret"
    assert json.loads(target["Input"]) == {"SecretId": stack.outputs["SecretArn"]}
    assert {action for found in stack.policy("RenewalRole")["Statement"] for action in [found["Action"]]} == {
        "secretsmanager:RotateSecret",
        "lambda:InvokeFunction",
        "sqs:SendMessage",
    }


def test_only_the_rotation_role_may_read_the_log_in_secret_and_write_the_session(stack: Deployment) -> None:
    login, session = stack.outputs["LoginSecretArn"], stack.outputs["SecretArn"]
    may: dict[str, set[str]] = {}
    for role in stack.of_type("AWS::IAM::Role"):
        for statement in stack.policy(role)["Statement"]:
            actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
            may.setdefault(f"{role} {statement['Resource']}", set()).update(actions)
    assert {role for role in may if role.endswith(login)} == {f"RotationRole {login}"}
    assert may[f"RotationRole {login}"] == {
        "secretsmanager:GetSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    }
    assert may[f"ExportRole {session}"] == {"secretsmanager:GetSecretValue", "secretsmanager:RotateSecret"}
    writers = {role for role, actions in may.items() if "secretsmanager:PutSecretValue" in actions}
    assert writers == {f"RotationRole {session}"}


def test_a_secret_of_ones_own_is_renewed_with_its_own_key() -> None:
    key = f"{KEY}-of-the-secret"
    stack = deploy({**RENEWING, "ExistingSecretArn": SECRET, "ExistingSecretKmsKeyArn": key})
    assert stack.properties("SecretRotation")["SecretId"] == SECRET
    assert json.loads(stack.properties("RenewalSchedule")["Target"]["Input"]) == {"SecretId": SECRET}
    statement = stack.statements("RotationRole")["UseTheKeyOfTheSession"]
    assert statement["Resource"] == key
    assert re.fullmatch(r"secretsmanager\..+\.amazonaws\.com", statement["Condition"]["StringEquals"]["kms:ViaService"])


@pytest.mark.parametrize("alarm", ["SessionEndsAlarm", "SessionRejectedAlarm"])
def test_both_alarms_of_the_session_tell_of_both_ways_and_give_an_all_clear(stack: Deployment, alarm: str) -> None:
    properties = stack.properties(alarm)
    text = properties["AlarmDescription"]
    assert properties["OKActions"] == properties["AlarmActions"]
    assert "make login" in text
    assert "FUNCTION=Rotation" in text
    assert "LoginSecretArn" in text
    assert len(text) <= 1024
