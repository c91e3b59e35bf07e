"""`doctor` finds each way to break a deployment, says how to mend it, and is content once it is mended."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sandbox.wire import faults
from spaaza_snapshots.upkeep.doctor.examination import CheckStatus
from tests.support.flow import SNAPSHOT, invoke
from tests.support.surroundings import look, look_before, surroundings
from tools.broken_setups.breaks import BREAKS
from tools.broken_setups.place import Place
from tools.broken_setups.ways import Break, Breaking, answered_with, refused

EXPECTED = {
    "expired AWS credentials": ("credentials", "ExpiredToken", "aws sso login"),
    "a stack whose creation failed": ("stack", "ROLLBACK_COMPLETE", "aws cloudformation delete-stack"),
    "a stack of something else": ("stack", "something else", "STACK="),
    "an empty secret": ("secret", "no value yet", "make login"),
    "a secret that holds something else": ("secret", "not JSON", "make login"),
    "a session that has ended": ("session", "it ended on 2026-01-01 00:00 UTC", "make login"),
    "a session that ends in two days": ("session", "it ends in 2.5 days", "make logs FUNCTION=Rotation"),
    "a session without a proper date": ("session", "not YYYY-MM-DD HH:MM:SS", "make login"),
    "somebody else logged in as the admin user": ("session alive", "does not know it", "make login"),
    "an admin user who may not export a chain": ("export of 1783", "error code 68", "Ask Spaaza"),
    "an export without its header": ("export of 1783", "no header", "Ask Spaaza"),
    "a renewal that is switched off": ("rotation", "does not rotate", "Put back what was changed by hand"),
    "an empty login secret": ("login secret", "never filled", "put-secret-value"),
    "a refused password": ("login secret", "refused", "put-secret-value"),
    "a bucket deleted by hand": ("bucket", "does not exist", "make deploy"),
    "a bucket without versions": ("bucket versions", "suspended", "put-bucket-versioning"),
    "a bucket that may become public": ("bucket private", "BlockPublicPolicy", "put-public-access-block"),
    "raw data that never expires": ("bucket expiry", "raw/", "Put back what was changed by hand"),
    "an erasure that was not finished": ("erasures", "chain 1743, begun at 2026-11-20", "make erase CHAIN=1743 YES=1"),
    "a damaged record of an erasure": ("erasures", "erasures/users/chain_id=1783/2", "A damaged record"),
    "a throttled export function": ("export function", "throttled", "delete-function-concurrency"),
    "an export function deleted by hand": ("export function", "does not exist", "Put back what was changed by hand"),
    "failed runs that are not kept": ("export failures", "not kept", "Put back what was changed by hand"),
    "a schedule that is disabled": ("schedule", "disabled", "Enable schedule"),
    "a schedule of other chains": ("schedule", "[1743,1783]", "Put back what was changed by hand"),
    "a schedule deleted by hand": ("schedule", "does not exist", "Put back what was changed by hand"),
    "a renewal deleted by hand": ("renewal schedule", "does not exist", "Put back what was changed by hand"),
    "a bus deleted by hand": ("bus", "does not exist", "Put back what was changed by hand"),
    "a rule that is disabled": ("rules", "the Parquet function (disabled)", "Enable the rule"),
    "an unconfirmed e-mail address": ("alarm mail", "not confirmed: ops@example.com", "Follow the link"),
    "an address that has unsubscribed": ("alarm mail", "unsubscribed", "aws sns subscribe"),
    "an event that was not delivered": ("undelivered", "1 event", "undelivered-events"),
    "a database deleted by hand": ("database", "does not exist", "Put back what was changed by hand"),
    "a table without columns": ("tables", "missing: users_csv, snapshots, users_quality", "make snapshot"),
    "Lake Formation in the way": ("lake formation", "databases and tables", "Grant it"),
    "an encrypted catalog in the way": ("encrypted catalog", "alias/catalog", "kms:Decrypt"),
    "query results that never expire": ("workgroup", "s3://elsewhere/", "Put back what was changed by hand"),
    "a limit of three runs at once": ("concurrent runs", "2 chains may take 5", "Service Quotas"),
}
OF_CREDENTIALS = {"credentials", "secret", "session alive"}


def test_every_broken_set_up_has_its_finding() -> None:
    assert [broken.name for broken in BREAKS] == list(EXPECTED)


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.name)
def test_what_is_broken_is_found_with_its_fix_and_good_once_mended(place: Place, broken: Break) -> None:
    name, words, fix = EXPECTED[broken.name]
    with broken.breaking(place):
        found = look(surroundings(place), name)
    assert (found.status, words in found.text, fix in found.fix) == (CheckStatus.BAD, True, True), found
    told = found.text + found.fix
    assert not [key for key in (place.stack.spaaza.session.key, "the-session-key-alone") if key in told]
    by_date = name == "session" and "proper date" not in broken.name
    assert found.of_credentials == (name in OF_CREDENTIALS or by_date)
    assert look(surroundings(place), name).status is CheckStatus.GOOD


@pytest.mark.parametrize(
    ("name", "breaking"),
    [
        ("secret", refused("GetSecretValue", "AccessDeniedException")),
        ("database", refused("GetDatabase", "AccessDeniedException")),
        ("bucket versions", refused("GetBucketVersioning", "AccessDenied", 403)),
        ("schedule", refused("ListSchedules", "AccessDeniedException", 403)),
        ("lake formation", refused("GetDataLakeSettings", "AccessDeniedException", 403)),
        ("concurrent runs", refused("GetAccountSettings", "AccessDeniedException", 403)),
        ("rights to create", refused("SimulatePrincipalPolicy", "AccessDenied", 403)),
    ],
)
def test_what_aws_denies_is_unknown_and_tells_why(place: Place, name: str, breaking: Breaking) -> None:
    with breaking(place):
        found = look(surroundings(place), name)
    assert (found.status, "AccessDenied" in found.text) == (CheckStatus.UNKNOWN, True)


def test_what_stands_behind_something_bad_is_not_checked(place: Place) -> None:
    with refused("HeadBucket", "404", 404)(place):
        found = look(surroundings(place), "bucket versions")
    assert (found.status, found.text) == (CheckStatus.SKIPPED, "not checked: it needs bucket")


def test_failed_runs_of_the_past_are_told_but_prove_nothing(place: Place) -> None:
    sqs = place.client("sqs")
    queue = sqs.get_queue_url(QueueName="members-FailedRuns")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="{}")
    found = look(surroundings(place), "failed runs")
    sqs.purge_queue(QueueUrl=queue)
    assert (found.status, "1 run" in found.text, "make status" in found.fix) == (CheckStatus.UNKNOWN, True, True)
    assert look(surroundings(place), "failed runs").status is CheckStatus.GOOD


@pytest.mark.parametrize(
    ("name", "words", "breaking"),
    [
        ("export function", "python3.9", answered_with("GetFunction", "python3.13", "python3.9", "Export")),
        ("export function", "Failed", answered_with("GetFunction", '"Active"', '"Failed"', "Export")),
        ("workgroup", "disabled", answered_with("GetWorkGroup", '"ENABLED"', '"DISABLED"')),
        (
            "bucket encryption",
            "nothing says",
            refused("GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError", 404),
        ),
        (
            "bucket private",
            "RestrictPublicBuckets",
            refused("GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration", 404),
        ),
        ("undelivered", "does not exist", refused("GetQueueAttributes", "AWS.SimpleQueueService.NonExistentQueue")),
        ("stack", "UPDATE_IN_PROGRESS", answered_with("DescribeStacks", "CREATE_COMPLETE", "UPDATE_IN_PROGRESS")),
        (
            "stack",
            "UPDATE_ROLLBACK_FAILED",
            answered_with("DescribeStacks", "CREATE_COMPLETE", "UPDATE_ROLLBACK_FAILED"),
        ),
    ],
)
def test_what_only_aws_itself_can_break_is_found_too(place: Place, name: str, words: str, breaking: Breaking) -> None:
    with breaking(place):
        found = look(surroundings(place), name)
    assert (found.status, words in found.text) == (CheckStatus.BAD, True), found
    assert look(surroundings(place), name).status is CheckStatus.GOOD


@pytest.fixture
def taken(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mapping[str, Any]]:
    """A snapshot, and the tables that come with it."""
    for name, value in place.environment().items():
        monkeypatch.setenv(name, value)
    yield invoke(place.stack, variables={"EVENT_BUS_NAME": ""})  # moto would have its rules start functions
    for table in place.client("glue").get_tables(DatabaseName="spaaza")["TableList"]:
        place.client("glue").delete_table(DatabaseName="spaaza", Name=table["Name"])
    for key in place.stack.object_keys():
        place.stack.s3.delete_object(Bucket=place.stack.bucket, Key=key)


def test_with_a_snapshot_there_must_be_tables_and_one_environment(place: Place, taken: Mapping[str, Any]) -> None:
    here = surroundings(place)
    assert taken["environment"] == "test01"
    assert look(here, "one environment").text == "snapshots of test01 only"
    assert "users has 69 columns" in look(here, "tables").text
    with answered_with("DescribeStacks", ">test01<", ">prod<")(place):
        found = look(surroundings(place), "one environment")
    assert (found.status, "chain 1743 of test01" in found.text) == (CheckStatus.BAD, True)
    place.client("glue").delete_table(DatabaseName="spaaza", Name="users")
    assert look(here, "tables").text == "missing: users"


def test_tables_that_are_there_speak_against_whatever_could_be_in_their_way(
    place: Place, taken: Mapping[str, Any]
) -> None:
    for broken in BREAKS:
        name = EXPECTED[broken.name][0]
        if name in ("lake formation", "encrypted catalog"):
            with broken.breaking(place):
                assert look(surroundings(place), name).status is CheckStatus.UNKNOWN


def test_a_manifest_that_cannot_be_read_names_no_environment(place: Place, taken: Mapping[str, Any]) -> None:
    place.stack.s3.put_object(Bucket=place.stack.bucket, Key=SNAPSHOT.manifest_key, Body=b"[]")
    assert look(surroundings(place), "one environment").status is CheckStatus.UNKNOWN


def test_before_the_deployment_names_that_are_taken_are_told(place: Place) -> None:
    others = surroundings(place, stack_name="free-name")
    assert look_before(others, "names").status is CheckStatus.GOOD
    assert "event bus spaaza-snapshots" in look_before(surroundings(place, stack_name="spaaza-snapshots"), "names").text
    assert "Glue database spaaza" in look_before(surroundings(place, stack_name="spaaza"), "names").text
    assert "workgroup members" in look_before(surroundings(place), "names").text


@pytest.mark.parametrize(
    ("operation", "denied"),
    [("GetRole", "iam:GetRole"), ("GetSchedule", "scheduler:GetSchedule"), ("GetQueueUrl", "sqs:GetQueueUrl")],
)
def test_a_right_that_a_deployment_needs_is_named_where_it_is_denied(place: Place, operation: str, denied: str) -> None:
    here = surroundings(place, stack_name="others")
    place.stack.wire.clear()
    place.stack.wire.fail(operation, faults.error(403, "AccessDenied"))
    place.answer_what_moto_lacks()
    found = look_before(here, "rights to look")
    assert (found.status, found.text) == (CheckStatus.BAD, f"denied: {denied}")
    assert look_before(here, "rights to look").status is CheckStatus.GOOD


def test_what_a_simulation_denies_is_bad_before_a_deployment_and_only_told_after_it(place: Place) -> None:
    place.decision = "implicitDeny"
    before, after = (
        look_before(surroundings(place, stack_name="others"), "rights to create"),
        look(surroundings(place), "rights to create"),
    )
    place.decision = "allowed"
    assert (before.status, "iam:PassRole" in before.text, after.status) == (CheckStatus.BAD, True, CheckStatus.UNKNOWN)


@pytest.mark.parametrize(
    ("arn", "words"),
    [
        ("sts::123456789012:assumed-role/members/me", "iam::123456789012:role/members"),
        ("iam::123456789012:root", "root"),
    ],
)
def test_rights_are_those_of_the_role_behind_a_session(place: Place, arn: str, words: str) -> None:
    with answered_with("GetCallerIdentity", "sts::123456789012:user/moto", arn)(place):
        found = look(surroundings(place), "rights to create")
    assert (found.status, words in found.text) == (CheckStatus.GOOD, True)


@pytest.mark.parametrize(
    ("region", "status"),
    [(None, "bad"), ("eu-west-9", "bad"), ("cn-north-1", "bad"), ("eu-west-1", "good")],
)
def test_a_region_has_to_be_one_that_a_stack_can_be_in(place: Place, region: str | None, status: str) -> None:
    assert look_before(surroundings(place, region=region), "region").status == status


def test_a_region_that_lacks_a_service_for_all_that_is_known_is_unknown(place: Place) -> None:
    here = surroundings(place, regions=lambda service: [] if service == "scheduler" else ["eu-west-1"])
    found = look_before(here, "region")
    assert (found.status, "scheduler" in found.text) == (CheckStatus.UNKNOWN, True)


def test_a_missing_tool_is_named(place: Place) -> None:
    assert "make" in look_before(surroundings(place, missing_tools=["make"]), "tools").text


def test_before_the_deployment_a_python_to_build_with_has_to_be_there(place: Place) -> None:
    found = look_before(surroundings(place, stack_name="others", can_build=False), "python")
    assert (found.status, found.text.split()[0], "PYTHON=" in found.fix) == (CheckStatus.BAD, "python3.13", True)
    assert look_before(surroundings(place, stack_name="others"), "python").status is CheckStatus.GOOD
