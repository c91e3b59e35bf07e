"""The role that renews the session: what it needs, and what it and the export role are refused."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count

import pytest

from sandbox.aws.moto import MotoAws
from sandbox.aws.secrets import StepEvent
from sandbox.aws.stack import session_secret
from sandbox.spaaza.server import SpaazaServer
from sandbox.wire.wire import Wire
from spaaza_snapshots import export_handler, rotation_handler
from spaaza_snapshots.errors import SnapshotError
from spaaza_snapshots.model import keys
from tests.stack.test_iam import (
    BY_LAMBDA,
    CHAIN,
    PARAMETERS,
    SECOND_CHAIN,
    TODAY,
    Forbidden,
    Record,
    actions_of,
    entry,
    raw_key,
    record_calls,
    refused,
    used,
)
from tests.support.roles import Deployed, assume, create_buckets, enforced
from tools.template import deploy

BY_AWS = {"lambda:InvokeFunction"}  # asked of whoever calls RotateSecret, and done by Secrets Manager
_numbers = count(1)


@pytest.fixture
def deployed(moto_aws: MotoAws) -> Iterator[Deployed]:
    """The stack with RenewSession, and the rotation's role."""
    secrets, bucket = moto_aws.client("secretsmanager"), f"renewal-{next(_numbers)}"
    with Wire({"aws": moto_aws.endpoint_url}) as wire, SpaazaServer() as spaaza:
        admin = spaaza.logins.admin
        admin.exempt = True
        names = {
            "Bucket": bucket,
            "SessionSecret": moto_aws.create_secret("session", session_secret(spaaza)),
            "LoginSecret": moto_aws.create_secret("login", {"username": admin.username, "password": admin.password}),
        }
        deployment = deploy({**PARAMETERS, "RenewSession": "true"}, names)
        moto_aws.create_secret("other", {"session_key": "of somebody else"})
        moto_aws.create_bus("spaaza")
        create_buckets(moto_aws, bucket)
        rotation = deployment.properties("SecretRotation")
        secrets.rotate_secret(
            SecretId=rotation["SecretId"], RotationLambdaARN=rotation["RotationLambdaARN"], RotateImmediately=False
        )
        moto_aws.secrets.play_rotations(lambda _: True)
        yield Deployed(deployment, assume(moto_aws, deployment.policy("RotationRole")), moto_aws, wire, spaaza)


def as_exporter(deployed: Deployed) -> Deployed:
    return replace(deployed, credentials=assume(deployed.aws, deployed.deployment.policy("ExportRole")))


def step(deployed: Deployed, event: StepEvent) -> bool:
    try:
        deployed.invoke(rotation_handler.lambda_handler, "RotationFunction", event)
    except SnapshotError:
        return False
    return True


def rotate(deployed: Deployed) -> str | None:
    """Have a rotation played, past the roles but for the function's own; return the step at which it failed."""
    deployed.aws.secrets.rotate_secret(deployed.deployment.outputs["SecretArn"])
    (played,) = deployed.aws.secrets.play_rotations(lambda event: step(deployed, event))
    return played.failed_at


def put_login(deployed: Deployed, password: str) -> None:
    login = json.dumps({"username": deployed.spaaza.logins.admin.username, "password": password})
    secret = deployed.deployment.outputs["LoginSecretArn"]
    deployed.aws.secrets.put_secret_value(secret, login, None, None, ["AWSCURRENT"])  # type: ignore[arg-type] # moto's


def test_every_way_of_the_rotation_runs_with_its_role_and_needs_each_action_of_it(
    deployed: Deployed, record_property: Record
) -> None:
    with enforced():
        assert rotate(deployed) is None
        for password in ("wrong", "wrong again"):
            put_login(deployed, password)
            assert [rotate(deployed), rotate(deployed)] == ["createSecret"] * 2
        put_login(deployed, deployed.spaaza.logins.admin.password)
        assert rotate(deployed) is None
    calls = deployed.wire.calls
    assert [call for call in calls if call.status == 403] == []
    assert used(calls) | BY_LAMBDA - {"sqs:SendMessage"} == actions_of(deployed.deployment.policy("RotationRole"))
    record_calls(record_property, "RotationRole", calls)


def test_the_export_function_asks_for_a_renewal_with_its_own_role(deployed: Deployed, record_property: Record) -> None:
    exporting = as_exporter(deployed)
    schedule = {"chain_ids": [CHAIN, SECOND_CHAIN], "scheduled_time": f"{TODAY}T00:00:00Z"}
    with enforced():
        deployed.spaaza.logins.end()
        exporting.invoke(export_handler.lambda_handler, "ExportFunction", schedule)
    calls = [call for call in deployed.wire.calls if call.service == "secretsmanager"]
    assert [(call.operation, call.status) for call in calls] == [("GetSecretValue", 200), ("RotateSecret", 200)]
    assert len(deployed.aws.secrets.asked) == 1
    record_calls(record_property, "ExportRole", calls)


def test_each_other_action_of_the_export_role_is_as_without_the_renewal(deployed: Deployed) -> None:
    with_it = actions_of(deployed.deployment.policy("ExportRole"))
    assert with_it - actions_of(deploy(PARAMETERS).policy("ExportRole")) == {"secretsmanager:RotateSecret", *BY_AWS}


def value_of(d: Deployed, output: str) -> object:
    return d.client("secretsmanager").get_secret_value(SecretId=d.deployment.outputs[output])


def put_value(d: Deployed, output: str) -> object:
    return d.client("secretsmanager").put_secret_value(SecretId=d.deployment.outputs[output], SecretString="{}")


def move_label(d: Deployed, output: str) -> object:
    secret = d.deployment.outputs[output]
    (version,) = d.aws.secrets.describe_secret(secret).secret.versions
    return d.client("secretsmanager").update_secret_version_stage(
        SecretId=secret, VersionStage="REFUSED", MoveToVersionId=version
    )


ROTATION_IS_REFUSED: Mapping[str, Forbidden] = {
    "reading an export": lambda d: d.client("s3").get_object(Bucket=d.bucket, Key=raw_key()),
    "listing the bucket": lambda d: d.client("s3").list_objects_v2(Bucket=d.bucket, Prefix=keys.RAW_ROOT),
    "writing an export": lambda d: d.client("s3").put_object(Bucket=d.bucket, Key=raw_key()),
    "asking for a snapshot": lambda d: d.client("events").put_events(Entries=[entry("spaaza")]),
    "changing the log-in": lambda d: put_value(d, "LoginSecretArn"),
    "reading another secret": lambda d: d.client("secretsmanager").get_secret_value(SecretId="other"),
    "asking for a renewal": lambda d: d.client("secretsmanager").rotate_secret(
        SecretId=d.deployment.outputs["SecretArn"]
    ),
    "deleting the session": lambda d: d.client("secretsmanager").delete_secret(
        SecretId=d.deployment.outputs["SecretArn"]
    ),
}
EXPORT_IS_REFUSED: Mapping[str, Forbidden] = {
    "reading the log-in": lambda d: value_of(d, "LoginSecretArn"),
    "changing the log-in": lambda d: put_value(d, "LoginSecretArn"),
    "marking the log-in": lambda d: move_label(d, "LoginSecretArn"),
    "overwriting the session": lambda d: put_value(d, "SecretArn"),
    "renewing the log-in": lambda d: d.client("secretsmanager").rotate_secret(
        SecretId=d.deployment.outputs["LoginSecretArn"]
    ),
}


@pytest.mark.parametrize("call", ROTATION_IS_REFUSED.values(), ids=ROTATION_IS_REFUSED)
def test_the_rotation_role_is_refused(deployed: Deployed, call: Forbidden, record_property: Record) -> None:
    refused(deployed, call, "RotationRole", record_property)


@pytest.mark.parametrize("call", EXPORT_IS_REFUSED.values(), ids=EXPORT_IS_REFUSED)
def test_the_export_role_is_refused_where_the_session_renews_itself(
    deployed: Deployed, call: Forbidden, record_property: Record
) -> None:
    refused(as_exporter(deployed), call, "ExportRole", record_property)
