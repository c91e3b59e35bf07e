"""An S3 that forgets every byte but checks the upload as S3 does: `python -m tools.soak.checking_s3`.

The number and the size of each part, its CRC-32, and at the end the list of the parts, the CRC-32 over all of them and
the length that the client has counted. Limits: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
"""

import sys
from base64 import b64encode
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree

from isal import isal_zlib

from tools.bench.http_places import Place, Request
from tools.bench.null_s3 import BUCKET, NullS3

LEAST_PART_BYTES: Final = 5 * 1024 * 1024
LAST_PART_NUMBER: Final = 10_000
_XMLNS: Final = "{http://s3.amazonaws.com/doc/2006-03-01/}"


@dataclass(frozen=True)
class Part:
    """What is remembered of a part."""

    size: int
    crc32: int


PARTS: Final[dict[str, dict[int, Part]]] = defaultdict(dict)


def checksum(crc32: int) -> str:
    """Return a CRC-32 as S3 writes it."""
    return b64encode(crc32.to_bytes(4, "big")).decode()


class CheckingS3(NullS3):
    """Answers one connection."""

    def do_put(self, request: Request, key: str, query: dict[str, list[str]]) -> None:
        """Check a part; keep an object."""
        if "uploadId" not in query:
            super().do_put(request, key, query)
            return
        size = crc32 = 0
        for piece in self.body(request):
            size, crc32 = size + len(piece), isal_zlib.crc32(piece, crc32)
        number = int(query["partNumber"][0])
        if not 1 <= number <= LAST_PART_NUMBER:
            self.refuse("InvalidArgument")
        elif request.headers.get("x-amz-checksum-crc32") != checksum(crc32):
            self.refuse("BadDigest")
        else:
            PARTS[query["uploadId"][0]][number] = Part(size, crc32)
            self.answer(200, {"ETag": f'"{number}-{crc32:08x}"', "x-amz-checksum-crc32": checksum(crc32)})

    def do_post(self, request: Request, key: str, query: dict[str, list[str]]) -> None:
        """Create an upload; check and complete one."""
        if "uploads" in query:
            super().do_post(request, key, query)
            return
        listed = list(ElementTree.fromstring(b"".join(self.body(request))))
        upload_id = query["uploadId"][0]
        refused = _objection(PARTS[upload_id], listed, request.headers)
        if refused:
            self.refuse(refused)
            return
        upload, parts = BUCKET.uploads[upload_id], PARTS.pop(upload_id)
        upload.size = sum(part.size for part in parts.values())
        upload.headers["ETag"] = (
            f'"{isal_zlib.crc32(upload_id.encode()):032x}-{len(listed)}"'  # it ends with the number of parts
        )
        emptied = Request(request.method, request.target, {**request.headers, "content-length": "0"})
        super().do_post(emptied, key, query)

    def do_delete(self, request: Request, key: str, query: dict[str, list[str]]) -> None:
        """Forget an object or an upload."""
        for upload_id in query.get("uploadId", ()):
            PARTS.pop(upload_id, None)
            BUCKET.uploads.pop(upload_id, None)
        super().do_delete(request, key, query)

    def refuse(self, code: str) -> None:
        """Answer with an error of S3."""
        body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
        self.answer(400, {"Content-Type": "application/xml"}, body.encode())


def _objection(there: Mapping[int, Part], listed: list[ElementTree.Element], headers: Mapping[str, str]) -> str | None:
    """Return the code of the error that S3 would answer; None if the upload may be completed."""
    numbers = [int(part.findtext(f"{_XMLNS}PartNumber", "0")) for part in listed]
    if numbers != sorted(set(numbers)):
        return "InvalidPartOrder"
    if not numbers or any(number not in there for number in numbers):
        return "InvalidPart"
    parts = [there[number] for number in numbers]
    etags = [f'"{number}-{there[number].crc32:08x}"' for number in numbers]
    sums = [checksum(part.crc32) for part in parts]
    if [part.findtext(f"{_XMLNS}ETag") for part in listed] != etags:
        return "InvalidPart"
    if [part.findtext(f"{_XMLNS}ChecksumCRC32") for part in listed] != sums:
        return "InvalidPart"
    if any(part.size < LEAST_PART_BYTES for part in parts[:-1]):
        return "EntityTooSmall"
    return _objection_to_all(parts, headers)


def _objection_to_all(parts: list[Part], headers: Mapping[str, str]) -> str | None:
    crc32 = 0
    for part in parts:
        crc32 = isal_zlib.crc32_combine(crc32, part.crc32, part.size)
    if headers.get("x-amz-checksum-crc32") != checksum(crc32):
        return "BadDigest"
    if headers.get("x-amz-mp-object-size") != str(sum(part.size for part in parts)):
        return "InvalidRequest"
    return None


if __name__ == "__main__":
    Place(CheckingS3, None).announce()
    sys.exit()
