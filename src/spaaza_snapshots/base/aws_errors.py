"""Turns the SDK's errors into ours."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from spaaza_snapshots.errors import StorageError

P = ParamSpec("P")
T = TypeVar("T")

MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
"""S3's codes for a missing object; HEAD has no body, so only the status."""

MISSING_VERSION = MISSING | {"NoSuchVersion"}
"""The same for a version of an object."""

LOST_CONDITION = frozenset({"404", "409", "412", "NoSuchKey", "ConditionalRequestConflict", "PreconditionFailed"})
"""S3's codes for a conditional write after, or during, a write by another run."""


def code_of(error: ClientError | BotoCoreError) -> str:
    """Return the service's error code, or the class of an error of the SDK's own."""
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code", "Unknown")
    return type(error).__name__


def answer_of(call: Callable[P, T], missing: Collection[str], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """Make a call of the SDK; None where the service refuses it with one of these codes."""
    try:
        return call(*args, **kwargs)
    except ClientError as error:
        if code_of(error) not in missing:
            raise
        return None


AWS_NEXT_RUN = (
    "The next scheduled run continues from here; if it fails the same way, check the function's role, the bucket's"
    " encryption key, and the AWS status of this region."
)
"""The hint for a function's error."""


@contextmanager
def storage_errors(doing: str, hint: str = AWS_NEXT_RUN) -> Iterator[None]:
    """Turn the SDK's errors while `doing` this into a `StorageError`; the SDK has already retried."""
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        raise StorageError(f"AWS failed while {doing}", f"{code_of(error)}, HTTP {status}", hint) from error
    except BotoCoreError as error:
        raise StorageError(f"AWS failed while {doing}", type(error).__name__, hint) from error
