"""One multipart upload as a context manager: completed explicitly, aborted in every other case.

S3's limits: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
"""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError
from isal import isal_zlib

from spaaza_snapshots.base.aws_errors import AWS_NEXT_RUN, MISSING, code_of, storage_errors
from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import logger
from spaaza_snapshots.errors import ExportInterrupted, StorageError
from spaaza_snapshots.s3.objects import (
    CHECKSUM_ALGORITHM,
    RAW_TYPE,
    Condition,
    StoredObject,
    checksum_text,
    head,
    metadata_of,
)

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES = 5 * 1024 * 1024
"""Size of every part but the last: the smallest that S3 allows, since a few parts make up a run's memory."""

MAX_PARTS = 10_000
"""S3's limit, and so the largest export: 5 MiB x 10,000 = 48.8 GiB of gzip, several hundred million users."""

THREADS = 2
"""Parts in flight at once: one keeps S3 busy while the other waits for its answer."""

STRAGGLERS_SECONDS = 3.0
"""How long an abort waits for parts in flight. When a slower one ends, the upload is aborted again: S3 may keep it."""

GRACE_SECONDS = 5.0
"""How far parts in flight may use the reserve of the function's time."""

NO_SUCH_UPLOAD = "NoSuchUpload"
_UPLOAD_AGAIN = (NO_SUCH_UPLOAD, "ConditionalRequestConflict")
_LOST = MISSING | {"PreconditionFailed"}  # with If-Match, S3 answers 404 if its object was deleted meanwhile


class MultipartUpload:
    """Writes one object; holds at most `part_bytes * (THREADS * 2 + 2)` of its bytes. `parts`: how many were sent.

    That is: the part being filled, its immutable copy, and for each part in flight the copy that the SDK makes to
    send it. A part is immutable once it is full, so every retry sends the same bytes.
    A part that S3 does not answer holds its bytes until the SDK gives up on it, even after the upload has ended.
    If the answer to Create is lost, the upload id is unknown: the bucket's lifecycle rule aborts that upload.
    """

    def __init__(
        self,
        s3: "S3Client",
        completing_s3: "S3Client",
        bucket: str,
        key: str,
        run_id: str,
        clock: Clock,
        *,
        accepted: bool = False,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._s3 = s3
        self._completing_s3 = completing_s3
        self._bucket = bucket
        self._key = key
        self.run_id = run_id
        self._accepted = accepted
        self._clock = clock
        self._buffer = bytearray(part_bytes)
        self._filled_bytes = 0
        self._on_their_way: deque[Future[CompletedPartTypeDef]] = deque()
        self._uploaded: list[CompletedPartTypeDef] = []
        self.parts = 0
        self._sent_bytes = 0
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="part")
        self._upload_id: str | None = None

    def __enter__(self) -> Self:
        """Create the upload; from here on it is sure to be completed or aborted."""
        with storage_errors(f"creating the upload of {self._key}"):
            answer = self._s3.create_multipart_upload(
                Bucket=self._bucket,
                Key=self._key,
                ContentType=RAW_TYPE,
                Metadata=metadata_of(self.run_id, accepted=self._accepted),
                ChecksumAlgorithm=CHECKSUM_ALGORITHM,
                ChecksumType="FULL_OBJECT",
            )
        self._upload_id = answer["UploadId"]
        return self

    def __exit__(self, *_: object) -> None:
        """Abort unless the upload was completed; a failed abort does not hide the original error."""
        if self._upload_id is not None:
            self._abort()
        self._pool.shutdown(wait=False)

    def write(self, chunk: bytes) -> None:
        """Take bytes of any length, and send each part that they fill; raises `StorageError`, `OutOfTime`."""
        rest = memoryview(chunk)
        while rest:
            end = min(self._filled_bytes + len(rest), len(self._buffer))
            taken_bytes = end - self._filled_bytes
            self._buffer[self._filled_bytes : end] = rest[:taken_bytes]
            self._filled_bytes, rest = end, rest[taken_bytes:]
            if end == len(self._buffer):
                self._send_part()

    def flush(self) -> None:
        """Send the rest as the last part, and wait until S3 has all parts."""
        if self._filled_bytes:
            self._send_part()
        while self._on_their_way:
            self._await_oldest()

    def complete(self, checksum: str, condition: Condition) -> StoredObject | None:
        """Make the object visible if S3 computes this CRC-32 over all of it and `condition` still holds.

        Returns None if it no longer holds: the upload is still open then, and may be completed on another condition.
        Raises `ExportInterrupted` if S3 needs all of it uploaded again, and `StorageError` if S3 failed, or if it is
        unknown whether this upload may still become an object.
        """
        self.flush()  # does nothing behind an attempt, which flushes to know how many parts there are
        try:
            answer = self._completing_s3.complete_multipart_upload(
                Bucket=self._bucket,
                Key=self._key,
                UploadId=self._open_upload_id,
                MultipartUpload={"Parts": self._uploaded},
                ChecksumCRC32=checksum,
                ChecksumType="FULL_OBJECT",
                MpuObjectSize=self._sent_bytes,
                **condition,
            )
        except (ClientError, BotoCoreError) as error:
            return self._outcome_behind(error)
        self._upload_id = None
        return StoredObject(self.run_id, answer["ETag"], answer.get("VersionId"), self._accepted)

    def _outcome_behind(self, error: ClientError | BotoCoreError) -> StoredObject | None:
        """Find out whether a Complete that failed or was not answered took effect.

        A confirmed abort is the fence: after it this upload can no longer become an object, so the current object
        decides. Without it, S3 may still be working on the Complete.
        """
        code = code_of(error)
        lost = code in _LOST
        fenced = lost or self._abort()
        there = head(self._s3, self._bucket, self._key)
        if there is not None and (there.run_id, there.accepted) == (self.run_id, self._accepted):
            return there  # if another acceptance of the same export was faster, this one is still open: __exit__ aborts
        if lost:
            return None
        if not fenced:
            raise StorageError(
                "S3 did not confirm a commit, and the upload could not be aborted",
                f"{self._key}, {code}",
                "S3 may still complete it. The next scheduled run recovers.",
            ) from error
        if code in _UPLOAD_AGAIN:
            raise ExportInterrupted("S3 needs the export uploaded again", code, AWS_NEXT_RUN) from error
        with storage_errors(f"completing the upload of {self._key}"):
            raise error

    def _send_part(self) -> None:
        if self.parts == MAX_PARTS:
            raise StorageError(
                "The export is too large for one upload",
                f"{MAX_PARTS * len(self._buffer):,} bytes in {MAX_PARTS:,} parts of {len(self._buffer):,}",
                "Raise PART_BYTES in multipart.py, and the function's memory with it.",
            )
        if len(self._on_their_way) == THREADS:
            self._await_oldest()
        body = bytes(memoryview(self._buffer)[: self._filled_bytes])
        self._filled_bytes = 0
        self.parts += 1
        self._sent_bytes += len(body)
        self._on_their_way.append(self._pool.submit(self._upload_part, self.parts, body))

    def _upload_part(self, part_number: int, body: bytes) -> "CompletedPartTypeDef":
        checksum = checksum_text(isal_zlib.crc32(body))  # as the inspector computes that of the whole object
        with storage_errors(f"uploading part {part_number} of {self._key}"):
            answer = self._s3.upload_part(
                Bucket=self._bucket,
                Key=self._key,
                UploadId=self._open_upload_id,
                PartNumber=part_number,
                Body=body,
                ChecksumCRC32=checksum,
            )
        return {"PartNumber": part_number, "ETag": answer["ETag"], "ChecksumCRC32": checksum}

    def _await_oldest(self) -> None:
        part = self._on_their_way[0]
        try:
            self._uploaded.append(part.result(timeout=max(self._clock.seconds_left() + GRACE_SECONDS, 0)))
        except TimeoutError:
            raise self._clock.out_of_time("uploading a part", f"{self._sent_bytes:,} bytes sent") from None
        self._on_their_way.popleft()

    @property
    def _open_upload_id(self) -> str:
        if self._upload_id is None:
            raise StorageError("This upload has ended", self._key, "This is a bug: look at the function's log.")
        return self._upload_id

    def _abort(self) -> bool:
        """Abort the upload; False if S3 does not confirm it: the bucket's lifecycle rule aborts it a day later."""
        for part in self._on_their_way:
            part.cancel()
        late = wait(self._on_their_way, timeout=STRAGGLERS_SECONDS).not_done
        upload_id, self._upload_id = self._open_upload_id, None
        for part in late:  # what lands after an abort may be stored, and billed
            part.add_done_callback(lambda _: self._end(upload_id))
        return self._end(upload_id)

    def _end(self, upload_id: str) -> bool:
        try:
            self._s3.abort_multipart_upload(Bucket=self._bucket, Key=self._key, UploadId=upload_id)
        except (ClientError, BotoCoreError) as error:
            if code_of(error) == NO_SUCH_UPLOAD:
                return True  # already completed or aborted
            logger.warning("An upload could not be aborted", extra={"key": self._key, "error": type(error).__name__})
            return False
        return True
