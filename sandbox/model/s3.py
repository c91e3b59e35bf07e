"""One versioned bucket in memory; each operation happens at one instant, when its conditions are judged.

It covers what the product calls: ETags as S3 makes them (equal bytes have equal ETags), conditional writes, uploads
that end with an abort or a Complete, and verified checksums and sizes.
"""

import base64
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import md5
from io import BytesIO
from typing import Any

from botocore.exceptions import ClientError

Answer = Mapping[str, Any]

STATUS = {
    "404": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "PreconditionFailed": 412,
    "ConditionalRequestConflict": 409,
    "AccessDenied": 403,
    "BadDigest": 400,
    "InvalidPart": 400,
    "InvalidRequest": 400,
    "InternalError": 500,
    "SlowDown": 503,
}

SHOWN = ("UploadId", "IfMatch", "IfNoneMatch")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object; `upload` is the id of its upload, None if a single Put wrote it."""

    body: bytes
    etag: str
    version_id: str
    metadata: Mapping[str, str]
    upload: str | None = None


class Body(BytesIO):
    """The body of an answer, with what the product uses of it."""

    def iter_chunks(self, chunk_size: int) -> Iterator[bytes]:
        """Yield it in pieces."""
        return iter(lambda: self.read(chunk_size), b"")


@dataclass(frozen=True, slots=True)
class ModelUpload:
    """An upload, open while it is in `Bucket.uploads`; `owner` is the run that created it."""

    upload_id: str
    owner: str
    key: str
    metadata: Mapping[str, str]
    parts: dict[int, tuple[bytes, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One request in transit: it takes effect when `Bucket.execute` is called with it."""

    owner: str
    operation: str
    key: str  # or the prefix of a listing
    arguments: Mapping[str, Any]

    def __str__(self) -> str:
        """Describe the request, for people."""
        shown = (f"{name}={self.arguments[name]}" for name in SHOWN if name in self.arguments)
        return " ".join((self.operation, short_key(self.key), *shown))


def short_key(key: str) -> str:
    """Shorten a key by what all keys have in common."""
    root, _, rest = key.partition("/")
    return f"{root}/{rest.partition('/dt=')[2]}"


def refusal(code: str, operation: str) -> ClientError:
    """Return the error that botocore makes from S3's answer."""
    response: Any = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": STATUS[code]}}
    return ClientError(response, operation)


def crc32_text(body: bytes) -> str:
    """Return the CRC-32 of a body as S3 writes it."""
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


class Bucket:
    """The objects, the open uploads, and a callback for each change of an object."""

    def __init__(self) -> None:
        self.objects: dict[str, Version] = {}
        self.uploads: dict[str, ModelUpload] = {}
        self.completed: dict[str, Answer] = {}
        self.after: Callable[[ModelRequest], None] = lambda _request: None
        self._count = 0

    def copy(self) -> "Bucket":
        """Return a bucket with the same content and no callback."""
        other = Bucket()
        other.objects = dict(self.objects)
        other.uploads = {name: _copy(upload) for name, upload in self.uploads.items()}
        other.completed = dict(self.completed)
        other._count = self._count
        return other

    def execute(self, request: ModelRequest) -> Answer:
        """Let a request take effect now; raises the `ClientError` of S3's answer."""
        return _OPERATIONS[request.operation](self, request)

    def _number(self) -> int:
        self._count += 1
        return self._count

    def _found(self, request: ModelRequest, missing: str) -> Version:
        found = self.objects.get(request.key)
        if found is None:
            raise refusal(missing, request.operation)
        return found

    def _head_object(self, request: ModelRequest) -> Answer:
        found = self._found(request, "404")
        return {"ETag": found.etag, "VersionId": found.version_id, "Metadata": found.metadata}

    def _get_object(self, request: ModelRequest) -> Answer:
        self._judge(request)
        found = self._found(request, "NoSuchKey")
        told = {"ETag": found.etag, "VersionId": found.version_id, "ContentLength": len(found.body)}
        return {**told, "Body": Body(found.body)}

    def _list_objects_v2(self, request: ModelRequest) -> Answer:
        return {"Contents": [{"Key": key} for key in sorted(self.objects) if key.startswith(request.key)]}

    def _put_object(self, request: ModelRequest) -> Answer:
        body, metadata = request.arguments["Body"], request.arguments.get("Metadata", {})
        if request.arguments.get("ChecksumCRC32", crc32_text(body)) != crc32_text(body):
            raise refusal("BadDigest", request.operation)
        self._judge(request)
        version = Version(body, f'"{md5(body).hexdigest()}"', f"v{self._number()}", metadata)
        self._put(request, version)
        return {"ETag": version.etag, "VersionId": version.version_id}

    def _delete_object(self, request: ModelRequest) -> Answer:
        self.objects.pop(request.key, None)
        self.after(request)
        return {"DeleteMarker": True}

    def _put(self, request: ModelRequest, version: Version) -> None:
        self.objects[request.key] = version
        self.after(request)

    def still_holds(self, request: ModelRequest) -> bool:
        """Whether the condition of a request is met now."""
        try:
            self._judge(request)
        except ClientError:
            return False
        return True

    def _judge(self, request: ModelRequest) -> None:
        there = self.objects.get(request.key)
        expected = request.arguments.get("IfMatch")
        if request.arguments.get("IfNoneMatch") == "*" and there is not None:
            raise refusal("PreconditionFailed", request.operation)
        if expected is not None and there is None:
            raise refusal("NoSuchKey", request.operation)
        if expected is not None and there is not None and there.etag != expected:
            raise refusal("PreconditionFailed", request.operation)

    def _create_multipart_upload(self, request: ModelRequest) -> Answer:
        upload = ModelUpload(f"upload{self._number()}", request.owner, request.key, request.arguments["Metadata"])
        self.uploads[upload.upload_id] = upload
        return {"UploadId": upload.upload_id}

    def _open(self, request: ModelRequest) -> ModelUpload:
        upload = self.uploads.get(request.arguments["UploadId"])
        if upload is None or upload.key != request.key:
            raise refusal("NoSuchUpload", request.operation)
        return upload

    def _upload_part(self, request: ModelRequest) -> Answer:
        upload, body = self._open(request), request.arguments["Body"]
        checksum = crc32_text(body)
        if request.arguments["ChecksumCRC32"] != checksum:
            raise refusal("BadDigest", request.operation)
        upload.parts[request.arguments["PartNumber"]] = (body, checksum)
        return {"ETag": f'"{md5(body).hexdigest()}"'}

    def _complete_multipart_upload(self, request: ModelRequest) -> Answer:
        upload, given = self._open(request), request.arguments
        listed = given["MultipartUpload"]["Parts"]
        body = b"".join(_bodies(request, upload, listed))
        if given["ChecksumType"] != "FULL_OBJECT" or given["ChecksumCRC32"] != crc32_text(body):
            raise refusal("BadDigest", request.operation)
        if given["MpuObjectSize"] != len(body):
            raise refusal("InvalidRequest", request.operation)
        self._judge(request)
        digests = b"".join(md5(upload.parts[part["PartNumber"]][0]).digest() for part in listed)
        etag = f'"{md5(digests).hexdigest()}-{len(listed)}"'
        version = Version(body, etag, f"v{self._number()}", upload.metadata, upload.upload_id)
        del self.uploads[upload.upload_id]
        self.completed[upload.upload_id] = {"ETag": etag, "VersionId": version.version_id}
        self._put(request, version)
        return self.completed[upload.upload_id]

    def _abort_multipart_upload(self, request: ModelRequest) -> Answer:
        upload = self._open(request)
        del self.uploads[upload.upload_id]
        return {}


def _copy(upload: ModelUpload) -> ModelUpload:
    return ModelUpload(upload.upload_id, upload.owner, upload.key, upload.metadata, dict(upload.parts))


def _bodies(request: ModelRequest, upload: ModelUpload, listed: list[dict[str, Any]]) -> Iterator[bytes]:
    """Yield the listed parts; raises unless each of them was sent."""
    for part in listed:
        body, checksum = upload.parts.get(part["PartNumber"], (b"", ""))
        if part["ETag"] != f'"{md5(body).hexdigest()}"' or part["ChecksumCRC32"] != checksum:
            raise refusal("InvalidPart", request.operation)
        yield body


_OPERATIONS: Mapping[str, Callable[..., Answer]] = {
    "HeadObject": Bucket._head_object,
    "GetObject": Bucket._get_object,
    "ListObjectsV2": Bucket._list_objects_v2,
    "PutObject": Bucket._put_object,
    "DeleteObject": Bucket._delete_object,
    "CreateMultipartUpload": Bucket._create_multipart_upload,
    "UploadPart": Bucket._upload_part,
    "CompleteMultipartUpload": Bucket._complete_multipart_upload,
    "AbortMultipartUpload": Bucket._abort_multipart_upload,
}
