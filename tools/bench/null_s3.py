"""An S3 that forgets: it counts the bytes of uploads and keeps small objects: `python -m tools.bench.null_s3 [PEM]`.

It answers what the commit and the peers ask, checks nothing, and so costs their processor little.
"""

import sys
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from tools.bench.http_places import Handler, Place, Request

KEPT_BYTES: Final = 1_000_000
"""A body up to this size is kept, so that manifests can be read again."""

KEPT_HEADERS: Final = ("content-type", "x-amz-meta-run-id", "x-amz-meta-accepted")


@dataclass
class Stored:
    """One object: its size, its body if that is small, and the headers that a HEAD repeats."""

    size: int
    body: bytes
    headers: dict[str, str]


@dataclass
class Upload:
    """One multipart upload and how many bytes came so far."""

    headers: dict[str, str]
    size: int = 0


@dataclass
class Bucket:
    """What all connections share."""

    objects: dict[str, Stored] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    numbers: "count[int]" = field(default_factory=count)
    lock: Lock = field(default_factory=Lock)


BUCKET: Final = Bucket()


class NullS3(Handler):
    """Answers one connection."""

    def handle(self) -> None:
        """Answer each request."""
        for request in self.requests():
            address = urlsplit(request.target)
            query = parse_qs(address.query, keep_blank_values=True)
            getattr(self, f"do_{request.method.lower()}")(request, unquote(address.path), query)

    def do_put(self, request: Request, key: str, query: dict[str, list[str]]) -> None:
        """Count a part, or keep an object."""
        size, kept = 0, b""
        for piece in self.body(request):
            size += len(piece)
            kept = kept + piece if size <= KEPT_BYTES else b""
        size = int(request.headers.get("x-amz-decoded-content-length", size))
        if "uploadId" in query:
            with BUCKET.lock:
                BUCKET.uploads[query["uploadId"][0]].size += size
        else:
            BUCKET.objects[key] = Stored(size, kept, _stored_headers(request))
        checksums = {name: value for name, value in request.headers.items() if name.startswith("x-amz-checksum-")}
        self.answer(200, {"ETag": f'"{next(BUCKET.numbers):032x}"', **checksums})

    def do_post(self, request: Request, key: str, query: dict[str, list[str]]) -> None:
        """Create or complete an upload."""
        for _ in self.body(request):
            pass
        if "uploads" in query:
            upload_id = f"upload-{next(BUCKET.numbers)}"
            BUCKET.uploads[upload_id] = Upload(_stored_headers(request))
            found = f"<InitiateMultipartUploadResult><UploadId>{upload_id}</UploadId></InitiateMultipartUploadResult>"
        else:
            upload = BUCKET.uploads.pop(query["uploadId"][0])
            BUCKET.objects[key] = Stored(upload.size, b"", upload.headers)
            etag = escape(upload.headers["ETag"])
            found = f"<CompleteMultipartUploadResult><ETag>{etag}</ETag></CompleteMultipartUploadResult>"
        self.answer(200, {"Content-Type": "application/xml"}, found.encode())

    def do_get(self, _request: Request, key: str, query: dict[str, list[str]]) -> None:
        """Return a small object, or the keys that begin with a prefix."""
        if "list-type" in query:
            prefix = f"{key.rstrip('/')}/{query.get('prefix', [''])[0]}"
            keys = [name.split("/", 2)[2] for name in BUCKET.objects if name.startswith(prefix)]
            contents = "".join(f"<Contents><Key>{escape(name)}</Key></Contents>" for name in sorted(keys))
            found = f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>"
            self.answer(200, {"Content-Type": "application/xml"}, found.encode())
        elif (stored := BUCKET.objects.get(key)) is None:
            self.answer(404, {"Content-Type": "application/xml"}, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self.answer(200, stored.headers, stored.body)

    def do_head(self, _request: Request, key: str, _query: dict[str, list[str]]) -> None:
        """Describe an object."""
        stored = BUCKET.objects.get(key)
        if stored is None:
            self.answer(404, {})
        else:
            self.answer(200, stored.headers, length=stored.size)

    def do_delete(self, _request: Request, key: str, _query: dict[str, list[str]]) -> None:
        """Forget an object or an upload."""
        BUCKET.objects.pop(key, None)
        self.answer(204, {})


def _stored_headers(request: Request) -> dict[str, str]:
    kept = {name: value for name, value in request.headers.items() if name in KEPT_HEADERS}
    return {"ETag": f'"{next(BUCKET.numbers):032x}"', **kept}


if __name__ == "__main__":
    Place(NullS3, Path(sys.argv[1]) if len(sys.argv) > 1 else None).announce()
