"""Where the SDK's errors become ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from spaaza_snapshots.errors import StorageError

MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
"""What S3 calls an object that is not there: HEAD has no body and so only the status."""

LOST_CONDITION = frozenset({"404", "409", "412", "NoSuchKey", "ConditionalRequestConflict", "PreconditionFailed"})
"""What S3 answers to a conditional write when somebody else has written, or is writing."""


def code_of(error: ClientError) -> str:
    """Return the service's own word for what went wrong."""
    return error.response.get("Error", {}).get("Code", "Unknown")


@contextmanager
def storage_errors(doing: str) -> Iterator[None]:
    """Turn whatever the SDK raises while `doing` this into a `StorageError`; its own retries are behind it then."""
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        raise _storage_error(doing, f"{code_of(error)}, HTTP {status}") from error
    except BotoCoreError as error:
        raise _storage_error(doing, type(error).__name__) from error


def _storage_error(doing: str, detail: str) -> StorageError:
    return StorageError(
        f"AWS failed while {doing}",
        detail,
        "The next run of the schedule goes on from here; if it fails alike, check the function's role, the key of the"
        " bucket's encryption, and the AWS status of this region.",
    )
