"""Every version of the objects of a bucket, and uploads not yet ended: what an erasure lists, reads and deletes."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import ClientError

from spaaza_snapshots.base.aws_errors import answer_of, code_of, storage_errors
from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.s3.multipart import NO_SUCH_UPLOAD

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

NULL_VERSION: Final = "null"
"""The id of what is written while a bucket has no versioning; the next such write replaces it in place."""

DELETED_AT_ONCE: Final = 1_000
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""

REFUSED_HINT: Final = (
    "Nothing else was deleted after this; run the command again once it may. Your credentials need"
    " s3:DeleteObjectVersion there. If they have it, look for what overrides them: a policy that denies it, MFA"
    " delete (only the root user may delete versions, with the device), or Object Lock (wait until its retention ends)."
)
AGAIN_HINT: Final = (
    "Run the command again: it finds what is left. If AWS denies it, your credentials lack one of the rights that"
    ' docs/OPERATIONS.md lists under "Erase one person from all snapshots".'
)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object, or a delete marker.

    `etag`: for a bucket without versioning, where every version has the same id. Empty for a marker.
    """

    key: str
    version_id: str
    is_latest: bool
    is_marker: bool
    bytes: int
    etag: str


@dataclass(frozen=True, slots=True)
class Upload:
    """One multipart upload that was neither completed nor aborted."""

    key: str
    upload_id: str
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """One version being read."""

    body: IO[bytes]
    etag: str
    content_type: str
    metadata: Mapping[str, str]


class VersionedBucket:
    """One bucket with all its versions; every method raises `StorageError` if S3 fails."""

    def __init__(self, s3: "S3Client", name: str) -> None:
        self.s3 = s3
        self.name = name

    def versions(self, prefix: str) -> Iterator[Version]:
        """Yield the versions and delete markers below a prefix; those of one key come newest first."""
        with storage_errors(f"listing the versions of {prefix}", AGAIN_HINT):
            for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=self.name, Prefix=prefix):
                yield from [_version(found, found["Size"]) for found in page.get("Versions", ())]
                yield from [_version(found) for found in page.get("DeleteMarkers", ())]

    @contextmanager
    def opened(self, version: Version) -> Iterator[Opened]:
        """Open one version."""
        with storage_errors(f"reading {version.key}", AGAIN_HINT):
            answer = self.s3.get_object(Bucket=self.name, Key=version.key, VersionId=version.version_id)
            with closing(answer["Body"]) as body:
                yield Opened(cast("IO[bytes]", body), answer["ETag"], answer["ContentType"], answer["Metadata"])

    def metadata(self, version: Version) -> Mapping[str, str]:
        """Return the metadata of one version."""
        with storage_errors(f"reading {version.key}", AGAIN_HINT):
            found = self.s3.head_object(Bucket=self.name, Key=version.key, VersionId=version.version_id)
            return found["Metadata"]

    def uploads(self, prefix: str) -> Iterator[Upload]:
        """Yield the open uploads below a prefix."""
        with storage_errors(f"listing the uploads of {prefix}", AGAIN_HINT):
            for page in self.s3.get_paginator("list_multipart_uploads").paginate(Bucket=self.name, Prefix=prefix):
                for found in page.get("Uploads", ()):
                    yield Upload(found["Key"], found["UploadId"], found["Initiated"])

    def abort(self, uploads: Iterable[Upload]) -> None:
        """Abort uploads, which deletes the parts that they have; succeeds for one that has ended meanwhile."""
        for upload in list(uploads):
            with storage_errors(f"aborting an upload of {upload.key}", AGAIN_HINT):
                answer_of(
                    self.s3.abort_multipart_upload,
                    {NO_SUCH_UPLOAD},
                    Bucket=self.name,
                    Key=upload.key,
                    UploadId=upload.upload_id,
                )

    def delete(self, versions: Iterable[Version]) -> None:
        """Delete versions for good, in their order; raises `StorageError` at the first that S3 refuses to delete."""
        left = iter(versions)
        while batch := list(islice(left, DELETED_AT_ONCE)):
            first = batch[0].key
            named: Any = [{"Key": version.key, "VersionId": version.version_id} for version in batch]
            with storage_errors(f"deleting versions of {first}", AGAIN_HINT):
                try:
                    answer = self.s3.delete_objects(Bucket=self.name, Delete={"Objects": named, "Quiet": True})
                except ClientError as error:
                    if code_of(error) == "AccessDenied":
                        raise _refusal(first, code_of(error)) from error
                    raise
            for refused in answer.get("Errors", ()):
                raise _refusal(refused.get("Key", first), refused.get("Code", "Unknown"))


def _version(found: Mapping[str, Any], size: int | None = None) -> Version:
    etag = found.get("ETag", "")
    return Version(found["Key"], found["VersionId"], found["IsLatest"], size is None, size or 0, etag)


def _refusal(key: str, code: str) -> StorageError:
    return StorageError("S3 refuses to delete a version", f"{key}: {code}", REFUSED_HINT)
