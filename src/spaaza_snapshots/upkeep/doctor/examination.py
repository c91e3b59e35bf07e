"""What a check finds, and how checks follow one another."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from spaaza_snapshots.base.aws_errors import code_of
from spaaza_snapshots.errors import SnapshotError
from spaaza_snapshots.upkeep.doctor.surroundings import Surroundings

DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403"}
)


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
            missing = ", ".join(name for name in check.needs if self._is_out(name))
            skipped = Finding(CheckStatus.SKIPPED, f"not checked: it needs {missing}")
            self.results[check.name] = skipped if missing else _found(check, self._surroundings)
            yield check.name, self.results[check.name]

    def _is_out(self, name: str) -> bool:
        """Whether nothing can be built on this check."""
        return name in self.results and self.results[name].status in (CheckStatus.BAD, CheckStatus.SKIPPED)


def _found(check: SetupCheck, surroundings: Surroundings) -> Finding:
    """Make a check; the text of an error of AWS is left out, since it may quote the request."""
    try:
        return check.look(surroundings)
    except ClientError as error:
        return unknown(f"AWS refuses {error.operation_name}: {code_of(error)}")
    except BotoCoreError as error:
        return unknown(f"AWS does not answer: {type(error).__name__}")
    except SnapshotError as error:
        return unknown(f"{error.what} ({error.detail})" if error.detail else error.what, error.hint)
