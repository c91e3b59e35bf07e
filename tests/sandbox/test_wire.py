"""The wire between a function and AWS hands everything on, and breaks what it is told to as boto3 sees it."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from sandbox.aws.moto import MotoAws
from sandbox.aws.seaweed import SeaweedS3
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME, Call, Wire

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PART = bytes(range(256)) * (8 * (1 << 20) // 256)


class Clients:
    """boto3 through the wire; one attempt unless said."""

    def __init__(self, wire: Wire, seaweed: SeaweedS3, stack: ExitStack) -> None:
        self.wire, self.stack = wire, stack
        self.keys = {"aws_access_key_id": seaweed.access_key, "aws_secret_access_key": seaweed.secret_key}

    def make(self, service: str, attempts: int = 1, **changes: Any) -> Any:
        make_client: Any = boto3.client
        client = make_client(
            service,
            endpoint_url=self.wire.url("s3" if service == "s3" else "aws"),
            region_name="eu-west-1",
            config=Config(read_timeout=changes.pop("read_timeout", 60), retries={"total_max_attempts": attempts}),
            **{**self.keys, **changes},
        )
        self.stack.callback(client.close)
        return client


@pytest.fixture
def through(wire: Wire, seaweed: SeaweedS3) -> Iterator[Clients]:
    with ExitStack() as stack:
        yield Clients(wire, seaweed, stack)


def exists(s3: "S3Client", bucket: str, key: str = "k") -> bool:
    return key in [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def code(caught: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def test_a_signed_multipart_upload_passes_unchanged_and_is_written_down(
    wire: Wire, through: Clients, bucket: str
) -> None:
    s3, key = through.make("s3"), "raw/users/chain_id=1743/dt=2026-11-22/users.csv.gz"
    upload = {"Bucket": bucket, "Key": key, "UploadId": s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]}
    etag = s3.upload_part(**upload, PartNumber=1, Body=PART)["ETag"]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    with s3.get_object(Bucket=bucket, Key=key)["Body"] as body:
        assert body.read() == PART
    s3.head_object(Bucket=bucket, Key=key)
    s3.list_objects_v2(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key=key)
    object_calls = ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "GetObject", "HeadObject"]
    assert wire.calls == (
        *(Call("s3", operation, key, 200) for operation in object_calls),
        Call("s3", "ListObjectsV2", "", 200),
        Call("s3", "DeleteObject", key, 204),
    )


def test_the_server_behind_the_wire_still_verifies_the_signature(wire: Wire, through: Clients, bucket: str) -> None:
    forger = through.make("s3", aws_secret_access_key="not the key")
    with pytest.raises(ClientError) as caught:
        forger.put_object(Bucket=bucket, Key="k", Body=PART)
    assert code(caught) == (403, "SignatureDoesNotMatch")
    assert wire.calls == (Call("s3", "PutObject", "k", 403),)


def test_the_rest_of_s3_that_the_product_speaks_is_known_by_name(wire: Wire, through: Clients, bucket: str) -> None:
    s3 = through.make("s3")
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    s3.list_multipart_uploads(Bucket=bucket)
    s3.list_parts(Bucket=bucket, Key="k", UploadId=upload_id)
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload_id)
    s3.create_bucket(Bucket=f"{bucket}-2", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    with pytest.raises(ClientError):
        s3.head_object(Bucket=bucket, Key="k")
    assert [(call.operation, call.detail, call.status) for call in wire.calls] == [
        ("CreateMultipartUpload", "k", 200),
        ("ListMultipartUploads", "", 200),
        ("ListParts", "k", 200),
        ("AbortMultipartUpload", "k", 204),
        ("CreateBucket", "", 200),
        ("HeadObject", "k", 404),
    ]


def test_calls_to_the_other_services_are_known_by_name(wire: Wire, through: Clients, moto_aws: MotoAws) -> None:
    moto_aws.create_secret("session", {"session_user_id": "1", "session_key": "invented"})
    moto_aws.create_database("snapshots")
    through.make("secretsmanager").get_secret_value(SecretId="session")
    through.make("glue").create_table(DatabaseName="snapshots", TableInput={"Name": "users"})
    assert wire.calls == (
        Call("secretsmanager", "GetSecretValue", "session", 200),
        Call("glue", "CreateTable", "users", 200),
    )


@pytest.mark.parametrize("carried_out", [False, True])
def test_an_error_answer_is_the_error_boto3_raises(
    wire: Wire, through: Clients, s3: "S3Client", bucket: str, carried_out: bool
) -> None:
    wire.fail("PutObject", faults.error(503, "SlowDown", forwarded=carried_out))
    with pytest.raises(ClientError) as caught:
        through.make("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    assert code(caught) == (503, "SlowDown")
    assert wire.calls == (Call("s3", "PutObject", "k", 503),)
    assert exists(s3, bucket) is carried_out


def test_a_json_service_fails_with_the_code_given(wire: Wire, through: Clients) -> None:
    wire.fail("GetSecretValue", faults.error(400, "ResourceNotFoundException"))
    secrets = through.make("secretsmanager")
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.get_secret_value(SecretId="session")


@pytest.mark.parametrize(("fault", "carried_out"), [(faults.drop_request, False), (faults.lose_answer, True)])
def test_a_closed_connection_leaves_open_whether_the_call_happened(
    wire: Wire, through: Clients, s3: "S3Client", bucket: str, fault: faults.Fault, carried_out: bool
) -> None:
    wire.fail("PutObject", fault)
    with pytest.raises(ConnectionClosedError):
        through.make("s3").put_object(Bucket=bucket, Key="k", Body=PART)
    assert wire.calls == (Call("s3", "PutObject", "k", None),)
    assert exists(s3, bucket) is carried_out


@pytest.mark.parametrize("carried_out", [False, True])
def test_a_complete_can_fail_inside_a_200(
    wire: Wire, through: Clients, s3: "S3Client", bucket: str, carried_out: bool
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


def test_a_stall_is_a_read_timeout_and_ends_with_the_wire(through: Clients, wire: Wire, bucket: str) -> None:
    wire.fail("PutObject", faults.stall(seconds=3600))
    with pytest.raises(ReadTimeoutError):
        through.make("s3", read_timeout=0.2).put_object(Bucket=bucket, Key="k", Body=b"x")


@pytest.mark.parametrize(("when", "carried_out"), [("before", False), ("after", True)])
def test_a_call_is_held_until_the_test_lets_it_go(
    wire: Wire, through: Clients, s3: "S3Client", bucket: str, when: faults.When, carried_out: bool
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
    wire: Wire, through: Clients, s3: "S3Client", bucket: str, when: faults.When, seen: bool
) -> None:
    found: list[bool] = []
    wire.fail("PutObject", faults.call(lambda: found.append(exists(s3, bucket)), when=when))
    client = through.make("s3", attempts=2)
    client.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert found == [seen]
    assert [call.status for call in wire.calls] == ([None, 200] if when == "instead" else [200])


def test_failed_entries_are_not_put_on_the_bus_and_the_others_are(
    wire: Wire, through: Clients, moto_aws: MotoAws
) -> None:
    listener = moto_aws.create_bus("snapshots")
    wire.fail("PutEvents", faults.failed_entries(1, code="ThrottlingException"))
    entry = {"EventBusName": "snapshots", "Source": "spaaza.snapshots", "DetailType": "Snapshot Requested"}
    entries = [{**entry, "Detail": json.dumps({"chain_id": chain_id})} for chain_id in (1743, 1783, 1790)]
    answer = through.make("events").put_events(Entries=entries)
    assert answer["FailedEntryCount"] == 1
    assert [one.get("ErrorCode") for one in answer["Entries"]] == [None, "ThrottlingException", None]
    assert [(one["source"], one["detail"]["chain_id"]) for one in listener.events()] == [
        ("spaaza.snapshots", 1743),
        ("spaaza.snapshots", 1790),
    ]
    assert listener.events() == []


def test_a_listener_hears_only_the_product(moto_aws: MotoAws) -> None:
    listener = moto_aws.create_bus("snapshots")
    event: Any = {"EventBusName": "snapshots", "Source": "someone.else", "DetailType": "Other", "Detail": "{}"}
    moto_aws.client("events").put_events(Entries=[event])
    assert listener.events() == []


def outcome(client: Any, bucket: str, key: str) -> object:
    try:
        return client.put_object(Bucket=bucket, Key=key, Body=b"x")["ResponseMetadata"]["HTTPStatusCode"]
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_fault_hits_the_calls_it_was_set_for(wire: Wire, through: Clients, bucket: str) -> None:
    client = through.make("s3")
    wire.fail("PutObject", faults.error(500, "InternalError"), nth=2, times=2, key_contains="manifests/")
    keys = ["manifests/1", "raw/1", "manifests/2", "manifests/3", "raw/2", "manifests/4"]
    assert [outcome(client, bucket, key) for key in keys] == [200, 200, 500, 500, 200, 200]


def test_a_fault_can_stay_until_it_is_cleared(wire: Wire, through: Clients, bucket: str) -> None:
    client = through.make("s3")
    wire.fail("PutObject", faults.error(500, "InternalError"), times=EVERY_TIME)
    assert [outcome(client, bucket, "k") for _ in range(3)] == [500, 500, 500]
    wire.clear()
    assert outcome(client, bucket, "k") == 200
    assert wire.calls == (Call("s3", "PutObject", "k", 200),)


class Echo(BaseHTTPRequestHandler):
    """Answers in two chunks: the headers that came, and the body as it came on the wire."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = b""
        while not body.endswith(b"0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"):
            body += self.rfile.readline()
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in (json.dumps(self.headers.items()).encode(), body):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *args: object) -> None:
        pass


def test_a_chunked_body_with_trailers_arrives_byte_for_byte() -> None:
    sent = b"5;x=y\r\nab\r\nc\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
    headers = {"Host": "signed.example", "Transfer-Encoding": "chunked", "Content-Encoding": "aws-chunked"}
    with HTTPServer(("127.0.0.1", 0), Echo) as upstream, ThreadPoolExecutor(1) as thread:
        thread.submit(upstream.handle_request)
        with Wire({"echo": f"http://127.0.0.1:{upstream.server_port}"}) as wire:
            client = HTTPConnection(urlsplit(wire.url("echo")).netloc)
            client.putrequest("PUT", "/bucket/a%20key?x=1&y", skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                client.putheader(name, value)
            client.endheaders(sent)
            with client.getresponse() as response:
                answer = response.read()
            client.close()
    assert answer == json.dumps(list(headers.items())).encode() + sent
    assert wire.calls == (Call("s3", "PutObject", "a key", 200),)


def test_a_closed_wire_leaves_no_thread_even_with_a_call_on_hold(seaweed: SeaweedS3) -> None:
    before = set(threading.enumerate())
    reached = threading.Event()
    with Wire({"s3": seaweed.endpoint_url}) as wire:
        wire.fail("PutObject", faults.hold(threading.Event(), reached=reached))
        idle, held = (HTTPConnection(urlsplit(wire.url("s3")).netloc) for _ in range(2))
        idle.request("GET", "/")
        with idle.getresponse() as response:
            assert response.status == 403
        held.request("PUT", "/bucket/k", body=b"x")
        assert reached.wait(30)
    idle.close()
    held.close()
    assert set(threading.enumerate()) == before
