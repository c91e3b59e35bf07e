"""The sandbox's Secrets Manager: as strict about versions and labels as AWS."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.moto import MotoAws
from sandbox.aws.secrets import STEPS
from spaaza_snapshots.base.aws_errors import code_of

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

NAME = "spaaza/session"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:rotation"
FIRST, SECOND = "1" * 36, "2" * 36


@pytest.fixture
def secrets(moto_aws: MotoAws) -> "SecretsManagerClient":
    client = moto_aws.client("secretsmanager")
    client.create_secret(Name=NAME, SecretString="old", ClientRequestToken=FIRST)
    return client


def put(secrets: "SecretsManagerClient", text: str, *labels: str, token: str = SECOND) -> None:
    secrets.put_secret_value(
        SecretId=NAME, SecretString=text, ClientRequestToken=token, VersionStages=list(labels) or ["AWSPENDING"]
    )


def labels(secrets: "SecretsManagerClient") -> Mapping[str, set[str]]:
    found = secrets.describe_secret(SecretId=NAME)["VersionIdsToStages"]
    return {version: set(stages) for version, stages in found.items()}


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return code_of(caught.value)


def test_another_value_under_a_used_token_is_refused_and_the_first_stays(secrets: "SecretsManagerClient") -> None:
    put(secrets, "new")
    assert refused(lambda: put(secrets, "newer")) == "ResourceExistsException"
    assert secrets.get_secret_value(SecretId=NAME, VersionStage="AWSPENDING")["SecretString"] == "new"


def test_the_same_value_under_a_used_token_is_taken_again(secrets: "SecretsManagerClient") -> None:
    put(secrets, "new")
    put(secrets, "new")
    assert labels(secrets) == {FIRST: {"AWSCURRENT"}, SECOND: {"AWSPENDING"}}


def test_after_awscurrent_has_moved_the_new_value_is_returned_with_and_without_a_stage(
    secrets: "SecretsManagerClient",
) -> None:
    put(secrets, "new")
    secrets.update_secret_version_stage(
        SecretId=NAME, VersionStage="AWSCURRENT", MoveToVersionId=SECOND, RemoveFromVersionId=FIRST
    )
    assert secrets.get_secret_value(SecretId=NAME)["SecretString"] == "new"
    assert secrets.get_secret_value(SecretId=NAME, VersionStage="AWSCURRENT")["SecretString"] == "new"
    assert secrets.get_secret_value(SecretId=NAME, VersionStage="AWSPREVIOUS")["SecretString"] == "old"
    assert labels(secrets) == {FIRST: {"AWSPREVIOUS"}, SECOND: {"AWSCURRENT", "AWSPENDING"}}


def test_a_label_is_not_moved_without_naming_the_version_that_loses_it(secrets: "SecretsManagerClient") -> None:
    put(secrets, "new")
    for source in ({}, {"RemoveFromVersionId": SECOND}):
        moved = {"SecretId": NAME, "VersionStage": "AWSCURRENT", "MoveToVersionId": SECOND, **source}
        move = partial(secrets.update_secret_version_stage, **moved)
        assert refused(move) == "InvalidParameterException"
    assert labels(secrets)[FIRST] == {"AWSCURRENT"}


def test_a_label_is_not_taken_off_without_naming_the_version_that_loses_it(secrets: "SecretsManagerClient") -> None:
    put(secrets, "new")
    take_off = partial(secrets.update_secret_version_stage, SecretId=NAME, VersionStage="AWSPENDING")
    assert refused(take_off) == "InvalidParameterException"
    assert labels(secrets)[SECOND] == {"AWSPENDING"}


def test_a_secret_without_a_version_has_no_list_of_them(moto_aws: MotoAws) -> None:
    client = moto_aws.client("secretsmanager")
    client.create_secret(Name=NAME)
    assert "VersionIdsToStages" not in client.describe_secret(SecretId=NAME)


def test_a_version_without_a_label_is_not_listed_and_keeps_its_value(secrets: "SecretsManagerClient") -> None:
    put(secrets, "new")
    secrets.update_secret_version_stage(SecretId=NAME, VersionStage="AWSPENDING", RemoveFromVersionId=SECOND)
    assert labels(secrets) == {FIRST: {"AWSCURRENT"}}
    assert refused(lambda: put(secrets, "newer")) == "ResourceExistsException"


def test_a_label_of_ones_own_stays_where_it_is_when_a_new_version_comes(secrets: "SecretsManagerClient") -> None:
    secrets.update_secret_version_stage(SecretId=NAME, VersionStage="REFUSED", MoveToVersionId=FIRST)
    put(secrets, "new", "AWSCURRENT")
    assert labels(secrets) == {FIRST: {"AWSPREVIOUS", "REFUSED"}, SECOND: {"AWSCURRENT"}}


def test_the_first_version_is_current_whatever_was_asked_for(moto_aws: MotoAws) -> None:
    client = moto_aws.client("secretsmanager")
    client.create_secret(Name=NAME)
    assert refused(lambda: client.get_secret_value(SecretId=NAME)) == "ResourceNotFoundException"
    put(client, "new")
    assert labels(client) == {SECOND: {"AWSPENDING", "AWSCURRENT"}}


def test_a_secret_without_rotation_does_not_rotate(secrets: "SecretsManagerClient") -> None:
    assert refused(lambda: secrets.rotate_secret(SecretId=NAME)) == "InvalidRequestException"


def test_a_rotation_has_its_empty_version_at_once_and_its_steps_in_order(
    moto_aws: MotoAws, secrets: "SecretsManagerClient"
) -> None:
    token = secrets.rotate_secret(SecretId=NAME, RotationLambdaARN=FUNCTION)["VersionId"]
    assert labels(secrets)[token] == {"AWSPENDING"}
    pending = {"SecretId": NAME, "VersionStage": "AWSPENDING"}
    assert refused(lambda: secrets.get_secret_value(**pending)) == "ResourceNotFoundException"
    events: list[Mapping[str, str]] = []

    def went_well(event: Mapping[str, str]) -> bool:
        events.append(event)
        return True

    moto_aws.secrets.play_rotations(went_well)
    assert [event["Step"] for event in events] == list(STEPS)
    assert {event["ClientRequestToken"] for event in events} == {token}


def test_a_rotation_that_has_not_ended_is_repeated_and_bars_another_until_its_label_is_gone(
    moto_aws: MotoAws, secrets: "SecretsManagerClient"
) -> None:
    token = secrets.rotate_secret(SecretId=NAME, RotationLambdaARN=FUNCTION)["VersionId"]
    (played,) = moto_aws.secrets.play_rotations(lambda event: event["Step"] != "testSecret", tries=2)
    assert played.failed_at == "testSecret"
    assert refused(lambda: secrets.rotate_secret(SecretId=NAME)) == "InvalidRequestException"
    (again,) = moto_aws.secrets.play_rotations(lambda _: False)
    assert again.token == token
    secrets.update_secret_version_stage(SecretId=NAME, VersionStage="AWSPENDING", RemoveFromVersionId=token)
    assert secrets.rotate_secret(SecretId=NAME)["VersionId"] != token


def test_setting_the_rotation_up_tests_it_on_a_copy_that_is_gone_afterwards(
    moto_aws: MotoAws, secrets: "SecretsManagerClient"
) -> None:
    seen: list[tuple[str, str]] = []

    def step(event: Mapping[str, str]) -> bool:
        found = secrets.get_secret_value(SecretId=NAME, VersionId=event["ClientRequestToken"])
        seen.append((event["Step"], found["SecretString"]))
        return True

    secrets.rotate_secret(
        SecretId=NAME, ClientRequestToken=str(uuid4()), RotationLambdaARN=FUNCTION, RotateImmediately=False
    )
    moto_aws.secrets.play_rotations(step)
    assert seen == [("testSecret", "old")]
    assert labels(secrets) == {FIRST: {"AWSCURRENT"}}
