"""The S3 server of the sandbox keeps the rules that the product relies on."""

import base64
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox.aws.seaweed import SeaweedS3

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

MIB = 1 << 20
PARTS = (bytes(range(256)) * (5 * MIB // 256), b"the last part may be small")
WHOLE = b"".join(PARTS)
KEY = "raw/users/chain_id=1743/dt=2026-11-22/users.csv.gz"


def crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def refusal(call: Any, **arguments: Any) -> tuple[int, str]:
    """Make a call that must be refused; return the status and the code."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


class TwoPartUpload:
    """A multipart upload with all its parts sent."""

    def __init__(self, s3: "S3Client", bucket: str, run_id: str = "run-1") -> None:
        self.s3 = s3
        created = s3.create_multipart_upload(
            Bucket=bucket, Key=KEY, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT", Metadata={"run-id": run_id}
        )
        self.id: dict[str, Any] = {"Bucket": bucket, "Key": KEY, "UploadId": created["UploadId"]}
        self.parts: list[Any] = [self.send(number, body) for number, body in enumerate(PARTS, start=1)]

    def send(self, number: int, body: bytes) -> dict[str, Any]:
        sent = self.s3.upload_part(**self.id, PartNumber=number, Body=body, ChecksumCRC32=crc32(body))
        return {"PartNumber": number, "ETag": sent["ETag"], "ChecksumCRC32": crc32(body)}

    def complete(self, whole: bytes = WHOLE, **conditions: Any) -> Any:
        return self.s3.complete_multipart_upload(
            **self.id,
            MultipartUpload={"Parts": self.parts},
            ChecksumCRC32=crc32(whole),
            ChecksumType="FULL_OBJECT",
            MpuObjectSize=len(whole),
            **conditions,
        )


def test_a_multipart_object_with_the_right_checksum_is_there_whole(s3: "S3Client", bucket: str) -> None:
    completed = TwoPartUpload(s3, bucket).complete()
    got = s3.get_object(Bucket=bucket, Key=KEY, ChecksumMode="ENABLED")
    with got["Body"] as body:
        assert body.read() == WHOLE
    assert (got["ChecksumCRC32"], got["ChecksumType"]) == (crc32(WHOLE), "FULL_OBJECT")
    assert (got["ETag"], got["VersionId"]) == (completed["ETag"], completed["VersionId"])


def test_a_wrong_full_object_checksum_is_refused_and_leaves_no_object(s3: "S3Client", bucket: str) -> None:
    upload = TwoPartUpload(s3, bucket)
    assert refusal(upload.complete, whole=WHOLE[:-1] + b"!") == (400, "BadDigest")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_a_part_with_a_wrong_checksum_is_refused(s3: "S3Client", bucket: str) -> None:
    upload = TwoPartUpload(s3, bucket)
    arguments = {**upload.id, "PartNumber": 3, "Body": b"more", "ChecksumCRC32": crc32(b"less")}
    assert refusal(s3.upload_part, **arguments) == (400, "BadDigest")


def test_an_object_is_invisible_before_its_upload_is_completed(s3: "S3Client", bucket: str) -> None:
    upload = TwoPartUpload(s3, bucket)
    assert refusal(s3.head_object, Bucket=bucket, Key=KEY)[0] == 404
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    upload.complete(whole=WHOLE)
    assert s3.head_object(Bucket=bucket, Key=KEY)["Metadata"] == {"run-id": "run-1"}


def test_an_aborted_upload_is_gone(s3: "S3Client", bucket: str) -> None:
    upload = TwoPartUpload(s3, bucket)
    assert [one["UploadId"] for one in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload.id["UploadId"]]
    s3.abort_multipart_upload(**upload.id)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert refusal(upload.complete) == (404, "NoSuchUpload")
    assert refusal(s3.upload_part, **upload.id, PartNumber=1, Body=b"x") == (404, "NoSuchUpload")


def test_a_replaced_object_keeps_its_old_version(s3: "S3Client", bucket: str) -> None:
    first = TwoPartUpload(s3, bucket, "run-1").complete()
    second = TwoPartUpload(s3, bucket, "run-2").complete()
    assert s3.head_object(Bucket=bucket, Key=KEY)["Metadata"] == {"run-id": "run-2"}
    old = s3.head_object(Bucket=bucket, Key=KEY, VersionId=first["VersionId"])
    assert old["Metadata"] == {"run-id": "run-1"}
    assert first["VersionId"] != second["VersionId"]


def test_a_complete_for_a_new_object_only_is_refused_where_there_is_one(s3: "S3Client", bucket: str) -> None:
    TwoPartUpload(s3, bucket, "run-1").complete(IfNoneMatch="*")
    assert refusal(TwoPartUpload(s3, bucket, "run-2").complete, IfNoneMatch="*") == (412, "PreconditionFailed")
    assert s3.head_object(Bucket=bucket, Key=KEY)["Metadata"] == {"run-id": "run-1"}


def test_a_put_that_must_replace_a_known_object_is_refused_for_any_other(s3: "S3Client", bucket: str) -> None:
    stale = s3.put_object(Bucket=bucket, Key=KEY, Body=b"1")["ETag"]
    current = s3.put_object(Bucket=bucket, Key=KEY, Body=b"2", IfMatch=stale)["ETag"]
    put = {"Bucket": bucket, "Body": b"3"}
    assert refusal(s3.put_object, **put, Key=KEY, IfMatch=stale) == (412, "PreconditionFailed")
    assert refusal(s3.put_object, **put, Key=KEY, IfNoneMatch="*") == (412, "PreconditionFailed")
    assert refusal(s3.put_object, **put, Key="missing", IfMatch=current)[0] in {404, 412}
    assert s3.put_object(Bucket=bucket, Key="new", Body=b"3", IfNoneMatch="*")["ETag"]
    with s3.get_object(Bucket=bucket, Key=KEY)["Body"] as body:
        assert body.read() == b"2"


def test_of_eight_puts_at_once_that_must_be_the_first_one_wins(s3: "S3Client", bucket: str) -> None:
    def put(number: int) -> str:
        try:
            return s3.put_object(Bucket=bucket, Key=KEY, Body=f"{number}".encode(), IfNoneMatch="*")["ETag"]
        except ClientError as error:
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(put, range(8)))
    winners = [answer for answer in answers if answer.startswith('"')]
    assert winners == [s3.head_object(Bucket=bucket, Key=KEY)["ETag"]]
    assert {*answers} - {*winners} <= {"PreconditionFailed", "ConditionalRequestConflict"}


def test_a_bad_signature_is_refused(seaweed: SeaweedS3, bucket: str) -> None:
    forger = boto3.client(
        "s3",
        endpoint_url=seaweed.endpoint_url,
        region_name=seaweed.region,
        aws_access_key_id=seaweed.access_key,
        aws_secret_access_key="not the key",
    )
    with closing(forger):
        assert refusal(forger.put_object, Bucket=bucket, Key=KEY, Body=b"") == (403, "SignatureDoesNotMatch")


def test_a_bucket_that_was_not_created_is_not_there(s3: "S3Client") -> None:
    assert refusal(s3.put_object, Bucket="no-such-bucket", Key=KEY, Body=b"") == (404, "NoSuchBucket")
