"""What the stack keeps: the session, the bucket, how long each thing stays in it, and what encrypts it."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from spaaza_snapshots.model import keys
from tools.template import Deployment, deploy, refusals, source

PARAMETERS = {"ChainIds": "1743,1783"}
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:spaaza-AbCdEf"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/0f6d5a4e"


@pytest.fixture(scope="module")
def stack() -> Deployment:
    return deploy(PARAMETERS)


@pytest.fixture(scope="module")
def with_own_keys() -> Deployment:
    own = {"BucketKmsKeyArn": KEY, "ExistingSecretArn": SECRET, "ExistingSecretKmsKeyArn": f"{KEY}-of-the-secret"}
    return deploy({**PARAMETERS, **own})


# --- Secret ----------------------------------------------------------------------------------------------------------


def test_the_secret_is_created_without_content_so_that_no_update_overwrites_a_session(stack: Deployment) -> None:
    assert set(stack.properties("SessionSecret")) == {"Description"}
    assert stack.variables("ExportFunction")["SPAAZA_SECRET_ID"] == stack.outputs["SecretArn"]


def test_an_existing_secret_takes_the_place_of_a_new_one_and_its_key_may_be_used(with_own_keys: Deployment) -> None:
    assert "SessionSecret" not in with_own_keys.resources
    assert with_own_keys.variables("ExportFunction")["SPAAZA_SECRET_ID"] == SECRET
    statements = with_own_keys.statements("ExportRole")
    assert statements["ReadTheSession"]["Resource"] == SECRET
    assert statements["DecryptTheSession"]["Resource"] == f"{KEY}-of-the-secret"
    assert statements["DecryptTheSession"]["Action"] == "kms:Decrypt"


@pytest.mark.parametrize(
    ("parameters", "refused"),
    [
        ({}, False),
        ({"ExistingSecretArn": SECRET}, False),
        ({"ExistingSecretArn": SECRET, "ExistingSecretKmsKeyArn": KEY}, False),
        ({"ExistingSecretKmsKeyArn": KEY}, True),
        ({"MaxRowDropPercent": "100"}, True),
        ({"MaxRowDropPercent": "100", "SpaazaEnvironment": "test01"}, False),
    ],
)
def test_combinations_that_make_no_sense_are_refused(parameters: Mapping[str, str], *, refused: bool) -> None:
    assert bool(refusals({**PARAMETERS, **parameters})) is refused


# --- Bucket ----------------------------------------------------------------------------------------------------------


def test_the_bucket_outlives_the_stack_closed_to_the_public_and_versioned(stack: Deployment) -> None:
    for name in ("Bucket", "BucketPolicy"):
        assert stack.resources[name]["DeletionPolicy"] == "RetainExceptOnCreate"  # a failed creation leaves nothing
        assert stack.resources[name]["UpdateReplacePolicy"] == "Retain"
    bucket = stack.properties("Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}


def test_nothing_is_stored_or_sent_in_the_clear(stack: Deployment) -> None:
    assert encryption(stack)["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert all(queue["SqsManagedSseEnabled"] is True for queue in stack.of_type("AWS::SQS::Queue").values())
    for policy in ("BucketPolicy", "UndeliveredEventsPolicy", "FailedRunsPolicy"):
        (denied,) = [s for s in stack.properties(policy)["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": False}}
        assert denied["Principal"] == "*"


def test_ones_own_key_encrypts_the_bucket_and_the_results_and_both_roles_may_use_it(with_own_keys: Deployment) -> None:
    rule = encryption(with_own_keys)
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    assert rule["BucketKeyEnabled"] is True
    results = with_own_keys.properties("WorkGroup")["WorkGroupConfiguration"]["ResultConfiguration"]
    assert results["EncryptionConfiguration"] == {"EncryptionOption": "SSE_KMS", "KmsKey": KEY}
    for role in ("ExportRole", "ParquetRole"):
        statement = with_own_keys.statements(role)["UseTheKeyOfTheBucket"]
        # a multipart Complete decrypts what its parts were encrypted with
        assert statement["Action"] == ["kms:GenerateDataKey", "kms:Decrypt"]
        assert statement["Resource"] == KEY


def encryption(stack: Deployment) -> Mapping[str, Any]:
    (rule,) = stack.properties("Bucket")["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    result: Mapping[str, Any] = rule
    return result


def lifecycle(stack: Deployment) -> dict[str, Mapping[str, Any]]:
    return {rule["Id"]: rule for rule in stack.properties("Bucket")["LifecycleConfiguration"]["Rules"]}


def test_personal_data_ends_after_the_days_chosen_and_the_sum_is_told() -> None:
    days = {"RawDays": "100", "ParquetDays": "200", "QueryResultDays": "3", "PendingDays": "20", "OldVersionDays": "9"}
    stack = deploy({**PARAMETERS, **days})
    ends = {rule["Prefix"]: rule["ExpirationInDays"] for rule in lifecycle(stack).values() if "Prefix" in rule}
    assert ends == {"raw/": "100", "parquet/": "200", "athena-results/": "3", "pending/": "20"}
    assert lifecycle(stack)["end-old-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": "9"}
    assert lifecycle(stack)["end-delete-markers"]["ExpiredObjectDeleteMarker"] is True
    for told in ("raw 100 + 9 days", "parquet 200 + 9 days", "query results 3 + 9 days"):
        assert told in stack.outputs["PersonalDataEnds"]
    # S3 counts from the next midnight, twice, and names no bound for the removal itself
    assert "rounded up by at most 2 days, then removed by S3 in its own time" in stack.outputs["PersonalDataEnds"]


# --- Database --------------------------------------------------------------------------------------------------------


def test_two_stacks_of_one_account_do_not_meet_in_one_database() -> None:
    for stack_name, database in (("spaaza", "spaaza"), ("spaaza-snapshots-test", "spaaza_snapshots_test")):
        stack = deploy(PARAMETERS, stack_name=stack_name)
        assert stack.outputs["GlueDatabaseName"] == database
        assert stack.variables("ExportFunction")["GLUE_DATABASE"] == database
        tables = stack.statements("ExportRole")["KeepTheTables"]["Resource"]
        assert {arn.partition(":table/")[2].partition("/")[0] for arn in tables if ":table/" in arn} == {database}


def test_a_database_that_was_named_keeps_its_name() -> None:
    stack = deploy({**PARAMETERS, "GlueDatabaseName": "members"}, stack_name="spaaza-test")
    assert stack.outputs["GlueDatabaseName"] == "members"


# --- Partition -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parameter", ["ExistingSecretArn", "ExistingSecretKmsKeyArn", "BucketKmsKeyArn"])
def test_arns_of_partitions_that_nobody_has_tried_are_refused(parameter: str) -> None:
    pattern = source()["Parameters"][parameter]["AllowedPattern"]
    arn = SECRET if parameter == "ExistingSecretArn" else f"{KEY}-11aa"
    assert re.fullmatch(pattern, arn)
    for partition in ("aws-cn", "aws-us-gov"):
        assert not re.fullmatch(pattern, arn.replace("arn:aws:", f"arn:{partition}:"))


def test_manifests_and_quality_reports_never_end(stack: Deployment) -> None:
    whole_bucket = [rule for rule in lifecycle(stack).values() if "Prefix" not in rule]
    assert not [rule for rule in whole_bucket if "ExpirationInDays" in rule]
    prefixes = [rule["Prefix"] for rule in lifecycle(stack).values() if "Prefix" in rule]
    kept = (keys.MANIFESTS_ROOT, keys.QUALITY_ROOT)
    assert not [root for root in kept if any(root.startswith(prefix) for prefix in prefixes)]
    ending = (keys.RAW_ROOT, keys.PARQUET_ROOT, keys.PENDING_ROOT)
    assert [root for root in ending if any(root.startswith(prefix) for prefix in prefixes)] == list(ending)


def test_an_upload_left_open_ends_after_a_day_anywhere_in_the_bucket(stack: Deployment) -> None:
    rule = lifecycle(stack)["end-open-uploads"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert "Prefix" not in rule


def test_the_record_of_a_held_export_never_outlives_the_export() -> None:
    parameters = source()["Parameters"]
    assert parameters["PendingDays"]["MaxValue"] <= parameters["RawDays"]["MinValue"]


def test_results_of_queries_lie_where_no_table_reads_and_nobody_can_send_them_elsewhere(stack: Deployment) -> None:
    configuration = stack.properties("WorkGroup")["WorkGroupConfiguration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    location = configuration["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://{stack.outputs['BucketName']}/athena-results/"
