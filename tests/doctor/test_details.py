"""What single checks of `doctor` tell apart."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.spaaza.answers import html_answer, sample_users
from spaaza_snapshots.upkeep.doctor.examination import CheckStatus
from tests.support.surroundings import look, surroundings
from tools.broken_setups.breaks import BREAKS
from tools.broken_setups.place import EMAIL, LOGIN_SECRET, Place
from tools.broken_setups.ways import Breaking, answered_with, refused

TRIED = '"AWSCURRENT"', '"AWSCURRENT", "TRIED_3"'


@pytest.mark.parametrize(
    ("now", "next_run"),
    [
        ("2026-11-22T21:30:00", "2026-11-22 at 23:00"),
        ("2026-11-22T22:30:00", "2026-11-23 at 03:00"),
        ("2026-11-23T01:59:00", "2026-11-23 at 03:00"),
        ("2026-11-23T02:00:00", "2026-11-23 at 04:00"),
    ],
)
def test_the_next_run_is_told_in_the_time_zone_of_the_schedule(place: Place, now: str, next_run: str) -> None:
    here = surroundings(place, now=datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert look(here, "schedule").text == f"enabled; next run on {next_run}, Europe/Amsterdam"


def test_a_schedule_of_other_hours_is_told_as_it_is_written(place: Place) -> None:
    with answered_with("GetSchedule", "cron(0 3-23 * * ? *)", "rate(1 hour)")(place):
        assert look(surroundings(place), "schedule").text == "enabled; rate(1 hour) in Europe/Amsterdam"


@pytest.mark.parametrize(
    ("name", "words", "breaking"),
    [
        ("tables", "missing: users, users_csv, snapshots", refused("GetTable", "EntityNotFoundException")),
        ("workgroup", "does not exist", refused("GetWorkGroup", "InvalidRequestException")),
        ("login secret", "not there", refused("DescribeSecret", "ResourceNotFoundException", 400, LOGIN_SECRET)),
        ("login secret", "too often", answered_with("DescribeSecret", *TRIED, LOGIN_SECRET)),
        (
            "bucket encryption",
            "not with the stack's key",
            answered_with("DescribeStacks", "RawDays<", "BucketKmsKeyArn<"),
        ),
    ],
)
def test_what_else_may_be_broken_is_found(place: Place, name: str, words: str, breaking: Breaking) -> None:
    if name == "tables":
        place.stack.s3.put_object(Bucket=place.stack.bucket, Key="raw/users/chain_id=1743/dt=2026-11-22/x", Body=b"")
    with breaking(place):
        found = look(surroundings(place), name)
    for key in place.stack.object_keys():
        place.stack.s3.delete_object(Bucket=place.stack.bucket, Key=key)
    assert (found.status, words in found.text) == (CheckStatus.BAD, True), found


def test_a_table_of_another_bucket_is_found(place: Place) -> None:
    glue: Any = place.client("glue")
    storage = {"Location": "s3://another/parquet/users/", "Columns": [{"Name": "id", "Type": "bigint"}]}
    names = ("users", "users_csv", "snapshots", "users_quality")
    for name in names:
        glue.create_table(DatabaseName="spaaza", TableInput={"Name": name, "StorageDescriptor": storage})
    found = look(surroundings(place), "tables")
    for name in names:
        glue.delete_table(DatabaseName="spaaza", Name=name)
    assert (found.status, ", ".join(names) in found.text) == (CheckStatus.BAD, True)


@pytest.mark.parametrize(("days", "status"), [(1, CheckStatus.GOOD), (6, CheckStatus.GOOD), (8, CheckStatus.BAD)])
def test_renewals_that_have_stopped_for_a_week_are_found(place: Place, days: int, status: CheckStatus) -> None:
    rotated = datetime.now(UTC).timestamp()
    here = surroundings(place, now=datetime.now(UTC) + timedelta(days=days))
    with answered_with("DescribeSecret", '"LastRotatedDate": null', f'"LastRotatedDate": {rotated}')(place):
        found = look(here, "rotation")
    assert (found.status, "last" in found.text) == (status, True), found


def test_a_stack_without_an_address_for_alarms_is_a_decision_and_no_fault(place: Place) -> None:
    (found,) = place.client("sns").list_subscriptions()["Subscriptions"]
    place.client("sns").unsubscribe(SubscriptionArn=found["SubscriptionArn"])
    with answered_with("DescribeStacks", "AlarmEmail<", "Another<")(place):
        mail = look(surroundings(place), "alarm mail")
    place.client("sns").subscribe(TopicArn=found["TopicArn"], Protocol="email", Endpoint=found["Endpoint"])
    assert (mail.status, "aws sns subscribe" in mail.fix) == (CheckStatus.UNKNOWN, True)


def test_an_address_that_is_not_spaazas_is_told_from_a_dead_session(place: Place) -> None:
    here = surroundings(place, overrides={"SPAAZA_API_URL": f"{place.stack.spaaza.base_url}/elsewhere"})
    found = look(here, "session alive")
    assert (found.status, found.of_credentials) == (CheckStatus.BAD, False), found


def test_settings_of_a_sandbox_that_make_no_sense_are_unknown_and_named(place: Place) -> None:
    found = look(surroundings(place, overrides={"SPAAZA_API_URL": "http://spaaza.example.com"}), "session alive")
    assert (found.status, "SPAAZA_API_URL" in found.text) == (CheckStatus.UNKNOWN, True)


def test_an_answer_that_is_no_export_is_bad(place: Place) -> None:
    place.stack.spaaza.serve(html_answer("maintenance"), 1743)
    found = look(surroundings(place), "export of 1743")
    place.stack.spaaza.serve(sample_users(), 1743)
    assert (found.status, "not a gzip CSV" in found.text) == (CheckStatus.BAD, True)


@pytest.mark.parametrize("name", ["secret", "session", "session alive", "export of 1743"])
def test_a_secret_that_cannot_be_read_for_now_asks_for_no_new_session(place: Place, name: str) -> None:
    with refused("GetSecretValue", "DecryptionFailure")(place):
        found = look(surroundings(place), name)
    assert (found.status, "DecryptionFailure" in found.text) == (CheckStatus.UNKNOWN, True), found
    assert ("do not log in again" in found.fix, "make login" in found.fix) == (True, False), found


@pytest.mark.parametrize("broken", ["a session that ends in two days", "a session without a proper date"])
@pytest.mark.parametrize("name", ["session alive", "export of 1743"])
def test_whatever_the_date_of_a_session_spaaza_is_asked_whether_it_holds(place: Place, broken: str, name: str) -> None:
    (breaking,) = [one.breaking for one in BREAKS if one.name == broken]
    with breaking(place):
        assert look(surroundings(place), name).status is CheckStatus.GOOD


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("{arn}", "Deleted", f"{EMAIL} gets no alarm"),
        (EMAIL, "other@example.com", f"{EMAIL} gets no alarm"),
        ("{arn}", "PendingConfirmation", f"not confirmed: {EMAIL}"),
    ],
)
def test_only_a_confirmed_subscription_of_the_address_counts(place: Place, old: str, new: str, words: str) -> None:
    (found,) = place.client("sns").list_subscriptions()["Subscriptions"]
    with answered_with("ListSubscriptionsByTopic", old.format(arn=found["SubscriptionArn"]), new)(place):
        mail = look(surroundings(place), "alarm mail")
    assert (mail.status, words in mail.text) == (CheckStatus.BAD, True), mail
