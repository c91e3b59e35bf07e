"""The wire between a function and AWS breaks what it is told to, as boto3 sees it."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from sandbox.aws.moto import MotoAws
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME, Call, Wire

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
from tests.support.wire_clients import PART, WireClients, code


def exists(s3: "S3Client", bucket: str, key: str = "k") -> bool:
    return key in [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


@pytest.mark.parametrize("carried_out", [False, True])
def test_an_error_answer_is_the_error_boto3_raises(
    wire: Wire, through: WireClients, s3: "S3Client", bucket: str, carried_out: bool
) -> None:
    wire.fail("PutObject", faults.error(503, "SlowDown", forwarded=carried_out))
    with pytest.raises(ClientError) as caught:
        through.make("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    assert code(caught) == (503, "SlowDown")
    assert wire.calls == (Call("s3", "PutObject", "k", 503),)
    assert exists(s3, bucket) is carried_out


def test_a_json_service_fails_with_the_code_given(wire: Wire, through: WireClients) -> None:
    wire.fail("GetSecretValue", faults.error(400, "ResourceNotFoundException"))
    secrets = through.make("secretsmanager")
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.get_secret_value(SecretId="session")


@pytest.mark.parametrize(("fault", "carried_out"), [(faults.drop_request, False), (faults.lose_answer, True)])
def test_a_closed_connection_leaves_open_whether_the_call_happened(
    wire: Wire, through: WireClients, s3: "S3Client", bucket: str, fault: faults.Fault, carried_out: bool
) -> None:
    wire.fail("PutObject", fault)
    with pytest.raises(ConnectionClosedError):
        through.make("s3").put_object(Bucket=bucket, Key="k", Body=PART)
    assert wire.calls == (Call("s3", "PutObject", "k", None),)
    assert exists(s3, bucket) is carried_out


@pytest.mark.parametrize("carried_out", [False, True])
def test_a_complete_can_fail_inside_a_200(
    wire: Wire, through: WireClients, s3: "S3Client", bucket: str, carried_out: bool
) -> None:
    client = through.make("s3")
    upload = {"Bucket": bucket, "Key": "k", "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]}
    etag = client.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    wire.fail("CompleteMultipartUpload", faults.error_in_200("InternalError", forwarded=carried_out))
    with pytest.raises(ClientError) as caught:
        client.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert caught.value.response["Error"]["Code"] == "InternalError"
    assert wire.calls[-1] == Call("s3", "CompleteMultipartUpload", "k", 200)
    assert exists(s3, bucket) is carried_out


def test_a_stall_is_a_read_timeout_and_ends_with_the_wire(through: WireClients, wire: Wire, bucket: str) -> None:
    wire.fail("PutObject", faults.stall(seconds=3600))
    with pytest.raises(ReadTimeoutError):
        through.make("s3", read_timeout=0.2).put_object(Bucket=bucket, Key="k", Body=b"x")


@pytest.mark.parametrize(("when", "carried_out"), [("before", False), ("after", True)])
def test_a_call_is_held_until_the_test_lets_it_go(
    wire: Wire, through: WireClients, s3: "S3Client", bucket: str, when: faults.When, carried_out: bool
) -> None:
    release, reached = threading.Event(), threading.Event()
    wire.fail("PutObject", faults.hold(release, reached=reached, when=when))
    client = through.make("s3")
    with ThreadPoolExecutor(1) as thread:
        put = thread.submit(client.put_object, Bucket=bucket, Key="k", Body=b"x")
        assert reached.wait(30)
        seen = exists(s3, bucket)
        release.set()
        assert put.result()["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert seen is carried_out


@pytest.mark.parametrize(("when", "seen"), [("before", False), ("after", True), ("instead", False)])
def test_a_function_of_the_test_is_called_around_the_call(
    wire: Wire, through: WireClients, s3: "S3Client", bucket: str, when: faults.When, seen: bool
) -> None:
    found: list[bool] = []
    wire.fail("PutObject", faults.call(lambda: found.append(exists(s3, bucket)), when=when))
    client = through.make("s3", attempts=2)
    client.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert found == [seen]
    assert [call.status for call in wire.calls] == ([None, 200] if when == "instead" else [200])


def test_failed_entries_are_not_put_on_the_bus_and_the_others_are(
    wire: Wire, through: WireClients, moto_aws: MotoAws
) -> None:
    listener = moto_aws.create_bus("snapshots")
    wire.fail("PutEvents", faults.failed_entries(1, code="ThrottlingException"))
    entry = {"EventBusName": "snapshots", "Source": "spaaza.snapshots", "DetailType": "Snapshot Requested"}
    asked = {"date": "2026-11-22", "force": False}
    entries = [{**entry, "Detail": json.dumps({"chain_id": chain, **asked})} for chain in (1743, 1783, 1790)]
    answer = through.make("events").put_events(Entries=entries)
    assert answer["FailedEntryCount"] == 1
    assert [one.get("ErrorCode") for one in answer["Entries"]] == [None, "ThrottlingException", None]
    assert [(one["source"], one["detail"]["chain_id"]) for one in listener.events()] == [
        ("spaaza.snapshots", 1743),
        ("spaaza.snapshots", 1790),
    ]
    assert listener.events() == []


def outcome(client: Any, bucket: str, key: str) -> object:
    try:
        return client.put_object(Bucket=bucket, Key=key, Body=b"x")["ResponseMetadata"]["HTTPStatusCode"]
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_fault_hits_the_calls_it_was_set_for(wire: Wire, through: WireClients, bucket: str) -> None:
    client = through.make("s3")
    wire.fail("PutObject", faults.error(500, "InternalError"), nth=2, times=2, key_contains="manifests/")
    keys = ["manifests/1", "raw/1", "manifests/2", "manifests/3", "raw/2", "manifests/4"]
    assert [outcome(client, bucket, key) for key in keys] == [200, 200, 500, 500, 200, 200]


def test_a_fault_can_stay_until_it_is_cleared(wire: Wire, through: WireClients, bucket: str) -> None:
    client = through.make("s3")
    wire.fail("PutObject", faults.error(500, "InternalError"), times=EVERY_TIME)
    assert [outcome(client, bucket, "k") for _ in range(3)] == [500, 500, 500]
    wire.clear()
    assert outcome(client, bucket, "k") == 200
    assert wire.calls == (Call("s3", "PutObject", "k", 200),)
