"""Broken deployments: the account, the bucket, what runs, and what is queried."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sandbox.aws.stack import BUS, DATABASE
from spaaza_snapshots.model.erasure import Erasure
from tools.broken_setups.place import EMAIL, NAME, Place, function, function_arn, topic_arn
from tools.broken_setups.ways import Break, all_refused, answered_with, done, refused


@contextmanager
def _small_limit(place: Place) -> Iterator[None]:
    place.concurrency = 3
    yield
    place.concurrency = 1000


@contextmanager
def _public(place: Place) -> Iterator[None]:
    place.blocks["BlockPublicPolicy"] = False
    yield
    place.blocks["BlockPublicPolicy"] = True


@contextmanager
def _no_confirmation(place: Place) -> Iterator[None]:
    (found,) = place.client("sns").list_subscriptions_by_topic(TopicArn=topic_arn())["Subscriptions"]
    with answered_with("ListSubscriptionsByTopic", found["SubscriptionArn"], "PendingConfirmation")(place):
        yield


@contextmanager
def _results_elsewhere(place: Place) -> Iterator[None]:
    with answered_with("GetWorkGroup", f"s3://{place.stack.bucket}/", "s3://elsewhere/")(place):
        yield


@contextmanager
def _open_erasure(place: Place) -> Iterator[None]:
    record = Erasure("20261120T080000Z-1", 1743, "2026-11-20T08:00:00Z", None, (), ())
    place.stack.s3.put_object(Bucket=place.stack.bucket, Key=record.key, Body=record.to_json())
    yield
    place.stack.s3.delete_object(Bucket=place.stack.bucket, Key=record.key)


@contextmanager
def _damaged_record(place: Place) -> Iterator[None]:
    key = "erasures/users/chain_id=1783/20261120T080000Z-1.json"
    place.stack.s3.put_object(Bucket=place.stack.bucket, Key=key, Body=b"{}")
    yield
    place.stack.s3.delete_object(Bucket=place.stack.bucket, Key=key)


@contextmanager
def _no_expiry(place: Place) -> Iterator[None]:
    s3, bucket = place.stack.s3, place.stack.bucket
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    kept: Any = {"Rules": [rule for rule in rules if rule["ID"] != "end-raw"]}
    whole: Any = {"Rules": rules}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=kept)
    yield
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=whole)


def _schedule(place: Place, *, state: str = "ENABLED", chains: str = "1743,1783") -> None:
    input_ = f'{{"chain_ids": [{chains}], "scheduled_time": "<aws.scheduler.scheduled-time>"}}'
    place.schedule("Schedule", function_arn("Export"), "cron(0 3-23 * * ? *)", input_, state)


def _versioning(state: str) -> Callable[[Any, Place], object]:
    return lambda s3, place: s3.put_bucket_versioning(
        Bucket=place.stack.bucket, VersioningConfiguration={"Status": state}
    )


def _lake_formation(*permissions: Any) -> Callable[[Any, Place], object]:
    names = ("CreateDatabaseDefaultPermissions", "CreateTableDefaultPermissions")
    return lambda lake, _: lake.put_data_lake_settings(DataLakeSettings={key: list(permissions) for key in names})


def _catalog(mode: str) -> Callable[[Any, Place], object]:
    at_rest = {"CatalogEncryptionMode": mode, "SseAwsKmsKeyId": "alias/catalog"}
    return lambda glue, _: glue.put_data_catalog_encryption_settings(
        DataCatalogEncryptionSettings={"EncryptionAtRest": at_rest}
    )


def _undelivered(sqs: Any) -> str:
    url: str = sqs.get_queue_url(QueueName=f"{NAME}-UndeliveredEvents")["QueueUrl"]
    return url


def _read_and_deleted(sqs: Any, _: Place) -> None:
    """Empty the queue one by one: SQS purges one only once a minute."""
    url = _undelivered(sqs)
    for message in sqs.receive_message(QueueUrl=url).get("Messages", ()):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def _subscribe(sns: Any, _: Place) -> None:
    sns.subscribe(TopicArn=topic_arn(), Protocol="email", Endpoint=EMAIL)


def _unsubscribe(sns: Any, _: Place) -> None:
    (found,) = sns.list_subscriptions_by_topic(TopicArn=topic_arn())["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=found["SubscriptionArn"])


EVERYBODY: Final = {"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}
EXPORT: Final = {"FunctionName": function("Export")}

BREAKS: Final[Sequence[Break]] = (
    Break("a bucket deleted by hand", all_refused(404, {"HeadBucket": "404", "ListObjectsV2": "NoSuchBucket"})),
    Break("a bucket without versions", done("s3", _versioning("Suspended"), _versioning("Enabled"))),
    Break("a bucket that may become public", _public),
    Break("raw data that never expires", _no_expiry),
    Break("an erasure that was not finished", _open_erasure),
    Break("a damaged record of an erasure", _damaged_record),
    Break(
        "a throttled export function",
        answered_with(
            "GetFunction", '"Configuration":', '"Concurrency": {"ReservedConcurrentExecutions": 0}, "Configuration":'
        ),
    ),
    Break("an export function deleted by hand", refused("GetFunction", "ResourceNotFoundException", 404, "Export")),
    Break(
        "failed runs that are not kept",
        done(
            "lambda",
            lambda functions, _: functions.delete_function_event_invoke_config(**EXPORT),
            lambda _, place: place.keep_failures("Export"),
        ),
    ),
    Break(
        "a schedule that is disabled",
        done("scheduler", lambda _, place: _schedule(place, state="DISABLED"), lambda _, place: _schedule(place)),
    ),
    Break(
        "a schedule of other chains",
        done("scheduler", lambda _, place: _schedule(place, chains="1743"), lambda _, place: _schedule(place)),
    ),
    Break("a schedule deleted by hand", answered_with("ListSchedules", function("Export"), "another")),
    Break("a renewal deleted by hand", answered_with("ListSchedules", "rotateSecret", "another")),
    Break("a bus deleted by hand", refused("DescribeEventBus", "ResourceNotFoundException")),
    Break(
        "a rule that is disabled",
        done(
            "events",
            lambda events, _: events.disable_rule(Name="completed", EventBusName=BUS),
            lambda events, _: events.enable_rule(Name="completed", EventBusName=BUS),
        ),
    ),
    Break("an unconfirmed e-mail address", _no_confirmation),
    Break("an address that has unsubscribed", done("sns", _unsubscribe, _subscribe)),
    Break(
        "an event that was not delivered",
        done(
            "sqs",
            lambda sqs, _: sqs.send_message(QueueUrl=_undelivered(sqs), MessageBody="{}"),
            _read_and_deleted,
        ),
    ),
    Break(
        "a database deleted by hand",
        done(
            "glue",
            lambda glue, _: glue.delete_database(Name=DATABASE),
            lambda glue, _: glue.create_database(DatabaseInput={"Name": DATABASE}),
        ),
    ),
    Break(
        "a table without columns",
        done(
            "glue",
            lambda glue, _: glue.create_table(DatabaseName=DATABASE, TableInput={"Name": "users"}),
            lambda glue, _: glue.delete_table(DatabaseName=DATABASE, Name="users"),
        ),
    ),
    Break("Lake Formation in the way", done("lakeformation", _lake_formation(), _lake_formation(EVERYBODY))),
    Break("an encrypted catalog in the way", done("glue", _catalog("SSE-KMS"), _catalog("DISABLED"))),
    Break("query results that never expire", _results_elsewhere),
    Break("a limit of three runs at once", _small_limit),
)
