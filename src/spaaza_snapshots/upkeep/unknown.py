"""What could not be found out, and why, so that one broken source does not hide the others."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from spaaza_snapshots.base.aws_errors import code_of
from spaaza_snapshots.errors import SnapshotError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unknown:
    """Stands in the place of what a source would have said."""

    reason: str


def known(source: Callable[[], T]) -> T | Unknown:
    """Ask a source; `Unknown` if AWS refuses or fails."""
    try:
        return source()
    except SnapshotError as error:
        return Unknown(f"{error.what}: {error.detail}" if error.detail else error.what)
    except ClientError as error:
        return Unknown(f"{error.operation_name}, {code_of(error)}")
    except BotoCoreError as error:
        return Unknown(type(error).__name__)
