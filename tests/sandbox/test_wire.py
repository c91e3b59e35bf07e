"""The wire between a function and AWS hands everything on unchanged and writes it down, and ends without a trace."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from sandbox.aws.moto import MotoAws
from sandbox.aws.seaweed import SeaweedS3
from sandbox.wire import faults
from sandbox.wire.wire import Call, Wire
from tests.support.roles import any_client
from tests.support.wire_clients import PART, WireClients, code


def test_a_signed_multipart_upload_passes_unchanged_and_is_written_down(
    wire: Wire, through: WireClients, bucket: str
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


def test_the_server_behind_the_wire_still_verifies_the_signature(wire: Wire, through: WireClients, bucket: str) -> None:
    forger = through.make("s3", aws_secret_access_key="not the key")
    with pytest.raises(ClientError) as caught:
        forger.put_object(Bucket=bucket, Key="k", Body=PART)
    assert code(caught) == (403, "SignatureDoesNotMatch")
    assert wire.calls == (Call("s3", "PutObject", "k", 403),)


def test_the_rest_of_s3_that_the_product_speaks_is_known_by_name(wire: Wire, through: WireClients, bucket: str) -> None:
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


def test_calls_to_the_other_services_are_known_by_name(wire: Wire, through: WireClients, moto_aws: MotoAws) -> None:
    moto_aws.create_secret("session", {"session_user_id": "1", "session_key": "invented"})
    moto_aws.create_database("snapshots")
    through.make("secretsmanager").get_secret_value(SecretId="session")
    through.make("glue").create_table(DatabaseName="snapshots", TableInput={"Name": "users"})
    assert wire.calls == (
        Call("secretsmanager", "GetSecretValue", "session", 200),
        Call("glue", "CreateTable", "users", 200),
    )


def test_a_listener_hears_only_the_product(moto_aws: MotoAws) -> None:
    listener = moto_aws.create_bus("snapshots")
    event: Any = {"EventBusName": "snapshots", "Source": "someone.else", "DetailType": "Other", "Detail": "{}"}
    moto_aws.client("events").put_events(Entries=[event])
    assert listener.events() == []


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


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("lambda", "GetFunction", {"FunctionName": "export"}),
        ("lambda", "GetFunctionEventInvokeConfig", {"FunctionName": "export"}),
        ("lambda", "GetAccountSettings", {}),
        ("scheduler", "ListSchedules", {}),
        ("scheduler", "GetSchedule", {"Name": "daily"}),
        ("lakeformation", "GetDataLakeSettings", {}),
        ("sts", "GetCallerIdentity", {}),
        ("iam", "GetRole", {"RoleName": "export"}),
    ],
)
def test_a_call_of_any_protocol_is_known_by_its_name_and_can_be_refused(
    wire: Wire, service: str, operation: str, arguments: dict[str, str]
) -> None:
    wire.fail(operation, faults.error(403, "AccessDenied"))
    with closing(any_client(service, wire.url("aws"))) as client, pytest.raises(ClientError) as caught:
        getattr(client, xform_name(operation))(**arguments)
    assert code(caught) == (403, "AccessDenied")
    assert [(call.service, call.operation) for call in wire.calls] == [(service, operation)]


def test_an_answer_can_be_rewritten_or_made_up(wire: Wire) -> None:
    wire.fail("GetCallerIdentity", faults.rewritten("123456789012", "999999999999"))
    wire.fail("GetAccountSettings", faults.answered("application/json", lambda: '{"AccountLimit": {}}'))
    with (
        closing(any_client("sts", wire.url("aws"))) as sts,
        closing(any_client("lambda", wire.url("aws"))) as functions,
    ):
        assert [sts.get_caller_identity()["Account"] for _ in range(2)] == ["999999999999", "123456789012"]
        assert functions.get_account_settings()["AccountLimit"] == {}
