"""The least that a run could cost: `python -m tools.bench.clients.limits inflate FILE | pass EXPORT_URL S3_URL`."""

import base64
import http.client
import ssl
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
from isal import isal_zlib

from spaaza_snapshots.base.sdk import SDK_CONFIG
from tools.bench.clients.meter import metered

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import CompletedMultipartUploadTypeDef, CompletedPartTypeDef

BUCKET, KEY = "bench", "passed"
CHUNK_BYTES = 65_536
PART_BYTES = 5 * 1024 * 1024


def inflate(path: Path) -> None:
    """Inflate a file that is in memory already, and forget it: what any proof of a gzip stream must do."""
    body = path.read_bytes()
    chunks = [body[start : start + CHUNK_BYTES] for start in range(0, len(body), CHUNK_BYTES)]
    member = isal_zlib.decompressobj(wbits=31)

    def work() -> None:
        for chunk in chunks:
            member.decompress(chunk)

    metered(work)


def pass_through(export_url: str, s3_url: str) -> None:
    """Send an export on in parts, each with its CRC, and look at nothing."""
    s3 = boto3.Session().client("s3", endpoint_url=s3_url, config=SDK_CONFIG)

    def send(upload_id: str, number: int, body: bytes) -> "CompletedPartTypeDef":
        checksum = base64.b64encode(isal_zlib.crc32(body).to_bytes(4, "big")).decode()
        answer = s3.upload_part(
            Bucket=BUCKET, Key=KEY, UploadId=upload_id, PartNumber=number, Body=body, ChecksumCRC32=checksum
        )
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": checksum}

    def work() -> None:
        created = s3.create_multipart_upload(
            Bucket=BUCKET, Key=KEY, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT"
        )
        upload_id = created["UploadId"]
        sent: list[Future[CompletedPartTypeDef]] = []
        with _opened(export_url) as answer, ThreadPoolExecutor(1) as pool:
            while body := _part(answer):
                if len(sent) > 1:
                    sent[-2].result()
                sent.append(pool.submit(send, upload_id, len(sent) + 1, body))
        parts: CompletedMultipartUploadTypeDef = {"Parts": [part.result() for part in sent]}
        s3.complete_multipart_upload(Bucket=BUCKET, Key=KEY, UploadId=upload_id, MultipartUpload=parts)

    metered(work)


def _opened(url: str) -> http.client.HTTPResponse:
    place = urlsplit(url)
    if place.scheme == "https":
        context = ssl.create_default_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(place.netloc, context=context)
    else:
        connection = http.client.HTTPConnection(place.netloc)
    connection.request("POST", place.path)
    return connection.getresponse()


def _part(answer: http.client.HTTPResponse) -> bytes:
    """Return the next part; `read` copies every chunk twice, `readinto` once."""
    buffer = bytearray(PART_BYTES)
    with memoryview(buffer) as view:
        filled = 0
        while filled < PART_BYTES and (read := answer.readinto(view[filled:])):
            filled += read
    del buffer[filled:]
    return bytes(buffer)


if __name__ == "__main__":
    if sys.argv[1] == "inflate":
        inflate(Path(sys.argv[2]))
    else:
        pass_through(*sys.argv[2:4])
