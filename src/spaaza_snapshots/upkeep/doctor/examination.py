"""What a check finds, and how checks follow one another."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from spaaza_snapshots.base.aws_errors import code_of
from spaaza_snapshots.errors import SnapshotError
from spaaza_snapshots.upkeep.doctor.surroundings import Surroundings


class CheckStatus(StrEnum):
    """How a check ended."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"
    """Nothing harmless proves it here, or AWS did not say."""
    SKIPPED = "skipped"
    """What it depends on is bad."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, and the fix of what is bad; `of_credentials`: AWS or Spaaza does not know who asks."""

    status: CheckStatus
    text: str
    fix: str = ""
    of_credentials: bool = False


@dataclass(frozen=True, slots=True)
class SetupCheck:
    """One question; it is left out where one of the checks that it `needs` found something bad."""

    name: str
    look: Callable[[Surroundings], Finding]
    needs: Sequence[str] = ()


def good(text: str) -> Finding:
    """Nothing has to be done."""
    return Finding(CheckStatus.GOOD, text)


def bad(text: str, fix: str) -> Finding:
    """Something has to be done."""
    return Finding(CheckStatus.BAD, text, fix)


def bad_credentials(text: str, fix: str) -> Finding:
    """Somebody has to log in, to AWS or to Spaaza."""
    return Finding(CheckStatus.BAD, text, fix, of_credentials=True)


def unknown(text: str, fix: str = "") -> Finding:
    """Nobody can tell from here."""
    return Finding(CheckStatus.UNKNOWN, text, fix)


class Examination:
    """Makes checks one after the other; `results` are those so far, by name."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self.results: dict[str, Finding] = {}

    def make(self, checks: Sequence[SetupCheck]) -> Iterator[tuple[str, Finding]]:
        """Yield each check's name and finding."""
        for check in checks:
            missing = [name for name in check.needs if self.is_out(name)]
            self.results[check.name] = _not_checked(missing) if missing else _found(check, self._surroundings)
            yield check.name, self.results[check.name]

    def is_out(self, name: str) -> bool:
        """Whether nothing can be built on this check."""
        return name in self.results and self.results[name].status in (CheckStatus.BAD, CheckStatus.SKIPPED)


def _not_checked(missing: Sequence[str]) -> Finding:
    return Finding(CheckStatus.SKIPPED, f"not checked: it needs {', '.join(missing)}")


def _found(check: SetupCheck, surroundings: Surroundings) -> Finding:
    try:
        return check.look(surroundings)
    except (ClientError, BotoCoreError) as error:
        return _unanswered(error)
    except SnapshotError as error:
        return unknown(f"{error.what} ({error.detail})" if error.detail else error.what, error.hint)


def _unanswered(error: ClientError | BotoCoreError) -> Finding:
    """Word what AWS refused; its text is left out, since it may quote the request."""
    if isinstance(error, ClientError):
        return unknown(f"AWS refuses {error.operation_name}: {code_of(error)}")
    return unknown(f"AWS does not answer: {type(error).__name__}")


Call = Callable[..., Mapping[str, Any]]

DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403"}
)


def answer_of(call: Call, missing: Collection[str], **arguments: Any) -> Mapping[str, Any] | None:
    """Make a call; None where it is refused with one of these codes, which say that the thing is not there."""
    try:
        return call(**arguments)
    except ClientError as error:
        if code_of(error) not in missing:
            raise
        return None
