"""A bucket prefix for one run of the contract, and what the run does there."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from isal import isal_zlib

from spaaza_snapshots.base.aws_errors import MISSING, code_of
from spaaza_snapshots.s3.multipart import NO_SUCH_UPLOAD, PART_BYTES
from spaaza_snapshots.s3.objects import CHECKSUM_ALGORITHM, checksum_text, metadata_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef, HeadObjectOutputTypeDef

RACE_ROUNDS: Final = 10
"""How often each race runs: passing it is evidence, not proof."""

CLEANING_ROUNDS: Final = 5
"""An abandoned call may still take effect during the removal, so look again."""


class NotHeld(Exception):
    """S3 did something other than assumed; the text says what."""


class NotCleaned(Exception):
    """Something is left under the prefix; the text says what."""


def status_of(error: ClientError) -> int:
    """Return the HTTP status of a refusal."""
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def refused(statuses: Iterable[int], call: Callable[..., object], **arguments: Any) -> str:
    """Make a call that S3 must refuse with one of these statuses; return its answer as text, or raise `NotHeld`."""
    try:
        call(**arguments)
    except ClientError as error:
        answer = f"{status_of(error)} {code_of(error)}"
        if status_of(error) not in statuses:
            raise NotHeld(f"refused with {answer}") from error
        return answer
    raise NotHeld("accepted, not refused")


def must(held: object, otherwise: str) -> None:
    """Raise `NotHeld` unless something holds."""
    if not held:
        raise NotHeld(otherwise)


def crc32_text(body: bytes) -> str:
    """Return the CRC-32 of a body as S3 writes it."""
    return checksum_text(isal_zlib.crc32(body))


def cut(body: bytes, part_bytes: int = PART_BYTES) -> list[bytes]:
    """Cut a body into parts of one size; the last may be shorter."""
    return [body[start : start + part_bytes] for start in range(0, len(body), part_bytes)]


class Upload:
    """A multipart upload as the product makes it, still open, with all its parts sent."""

    def __init__(self, s3: "S3Client", bucket: str, key: str, parts: Sequence[bytes], run_id: str) -> None:
        self._s3 = s3
        created = s3.create_multipart_upload(
            Bucket=bucket,
            Key=key,
            Metadata=metadata_of(run_id),
            ChecksumAlgorithm=CHECKSUM_ALGORITHM,
            ChecksumType="FULL_OBJECT",
        )
        self.id: dict[str, Any] = {"Bucket": bucket, "Key": key, "UploadId": created["UploadId"]}
        self._whole = b"".join(parts)
        self._parts = [self._send(number, body) for number, body in enumerate(parts, start=1)]

    def complete(self, **other: Any) -> Mapping[str, Any]:
        """Complete it with the right checksum and size, and with other arguments, which may replace them."""
        arguments: dict[str, Any] = {
            "MultipartUpload": {"Parts": self._parts},
            "ChecksumCRC32": crc32_text(self._whole),
            "ChecksumType": "FULL_OBJECT",
            "MpuObjectSize": len(self._whole),
        }
        return self._s3.complete_multipart_upload(**self.id, **{**arguments, **other})

    def completed_etag(self, **other: Any) -> str:
        """Complete it; return the ETag of its object."""
        return str(self.complete(**other)["ETag"])

    def abort(self) -> str:
        """Abort it; return the answer as text if S3 confirms that it has ended, otherwise raise."""
        try:
            answer = self._s3.abort_multipart_upload(**self.id)
        except ClientError as error:
            if code_of(error) != NO_SUCH_UPLOAD:
                raise
            return f"{status_of(error)} {NO_SUCH_UPLOAD}"
        return str(answer["ResponseMetadata"]["HTTPStatusCode"])

    def _send(self, number: int, body: bytes) -> "CompletedPartTypeDef":
        checksum = crc32_text(body)
        sent = self._s3.upload_part(**self.id, PartNumber=number, Body=body, ChecksumCRC32=checksum)
        return {"PartNumber": number, "ETag": sent["ETag"], "ChecksumCRC32": checksum}


@dataclass(frozen=True, slots=True)
class Place:
    """Keys that start with `prefix`, in one bucket; no method touches any other key.

    `rounds`: how often each race runs there.
    """

    s3: "S3Client"
    bucket: str
    prefix: str
    rounds: int = RACE_ROUNDS

    def at(self, name: str) -> dict[str, Any]:
        """Return a bucket and a key as the SDK takes them."""
        return {"Bucket": self.bucket, "Key": f"{self.prefix}{name}"}

    def put(self, name: str, body: bytes = b"there", **other: Any) -> str:
        """Put an object; return its ETag."""
        return self.s3.put_object(**self.at(name), Body=body, **other)["ETag"]

    def upload(self, name: str, parts: Sequence[bytes] = (b"uploaded",), run_id: str = "run-1") -> Upload:
        """Start an upload and send its parts."""
        return Upload(self.s3, self.bucket, f"{self.prefix}{name}", parts, run_id)

    def head(self, name: str) -> "HeadObjectOutputTypeDef | None":
        """Return what S3 says about an object, or None if there is none."""
        try:
            return self.s3.head_object(**self.at(name), ChecksumMode="ENABLED")
        except ClientError as error:
            if code_of(error) in MISSING:
                return None
            raise

    def read(self, name: str, **which: Any) -> bytes:
        """Return the bytes of an object."""
        with self.s3.get_object(**self.at(name), **which)["Body"] as body:
            return body.read()

    def listed(self) -> set[str]:
        """Return the names of all objects."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        return {found["Key"].removeprefix(self.prefix) for page in pages for found in page.get("Contents", ())}

    def left(self) -> list[str]:
        """Return what is under the prefix: every version, delete marker and open upload."""
        versions = [f"{key}, version {version}" for key, version in self._versions()]
        return versions + [f"{key}, open upload {upload}" for key, upload in self._uploads()]

    def clean(self) -> None:
        """Remove everything under the prefix; raise `NotCleaned` if something stays."""
        try:
            for _ in range(CLEANING_ROUNDS):
                self._remove_what_is_seen()
                left = self.left()
                if not left:
                    return
        except (ClientError, BotoCoreError) as error:
            raise NotCleaned(f"perhaps something under {self.prefix}: {error}") from error
        raise NotCleaned("\n".join(left))

    def _remove_what_is_seen(self) -> None:
        for key, upload_id in list(self._uploads()):
            self._end(key, upload_id)
        for key, version_id in list(self._versions()):
            self.s3.delete_object(Bucket=self.bucket, Key=key, VersionId=version_id)

    def _end(self, key: str, upload_id: str) -> None:
        try:
            self.s3.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
        except ClientError as error:
            if code_of(error) != NO_SUCH_UPLOAD:
                raise

    def _versions(self) -> Iterator[tuple[str, str]]:
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=self.prefix)
        for page in pages:
            for found in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                yield found["Key"], found["VersionId"]

    def _uploads(self) -> Iterator[tuple[str, str]]:
        pages = self.s3.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=self.prefix)
        for page in pages:
            for found in page.get("Uploads", ()):
                yield found["Key"], found["UploadId"]
