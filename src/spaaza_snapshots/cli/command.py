"""What a command is, what it answers, and how it ends.

A command returns an `Answer`; `main` prints it, as text for people or as JSON. What a command says on its way goes to
standard error, so that its answer can be piped.
"""

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass
from enum import IntEnum
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from spaaza_snapshots import errors
from spaaza_snapshots.base.aws_errors import code_of
from spaaza_snapshots.cli.terminal import Terminal
from spaaza_snapshots.errors import BadSettings, CredentialsError, InvalidRequest, SnapshotHeld

PIPE_CHARACTERS: Final = 10_000
"""The width of what is not a terminal: nothing is cut or broken there."""

_NO_CREDENTIALS: Final = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "TokenRetrievalError",
    "SSOError",
    "CredentialRetrievalError",
    "LoginError",
)
"""By name, with the classes below them: not every release of the SDK has them all."""

_BAD_CREDENTIALS: Final = (
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
)


class ExitCode(IntEnum):
    """How a command ended."""

    GOOD = 0
    FAILED = 1
    USAGE = 2
    DAMAGED = 3
    """Held or damaged: the data, not the command, needs a person."""
    CREDENTIALS = 4
    INTERRUPTED = 130


EXIT_CODES: Final = {
    (InvalidRequest, BadSettings): ExitCode.USAGE,
    (SnapshotHeld,): ExitCode.DAMAGED,
    (CredentialsError,): ExitCode.CREDENTIALS,
}
"""By the classes of an error, and those below them; of any other it is FAILED."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found: `data` for --json, dataclasses and dates too; `body` for people, printed as it comes."""

    data: Any
    body: Iterable[RenderableType]
    exit_code: ExitCode = ExitCode.GOOD


def json_value(value: Any) -> Any:
    """Show a dataclass as its fields, except those that its text hides too: a session's key, people's ids."""
    if not is_dataclass(value):
        return str(value)
    return {field.name: getattr(value, field.name) for field in fields(value) if field.repr}


class Stopped(Exception):
    """An early end, told in one sentence."""

    def __init__(self, sentence: str, exit_code: ExitCode) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its name, its line in the list, its options, and what it does."""

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], Answer]


def out() -> Console:
    """Return where the answer goes."""
    return _console(stderr=False)


def aside() -> Console:
    """Return where everything else goes: progress, questions, errors."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPE_CHARACTERS
    return Terminal(stderr=stderr, width=width, highlight=False, emoji=False)  # an ARN has :secret: in it


def progress(*columns: ProgressColumn) -> Progress:
    """Return what shows on a terminal how far a command has come; nothing stays of it."""
    console = aside()
    around = (TextColumn("{task.description}"), BarColumn(), *columns, TimeRemainingColumn())
    return Progress(*around, console=console, transient=True, disable=not console.is_terminal)


def exit_code_of(error: Exception) -> ExitCode:
    """Return the exit code of an error that ended a command."""
    return ExitCode.CREDENTIALS if lacks_aws_credentials(error) else _exit_code(type(error))


def exit_code_of_class(name: str) -> ExitCode:
    """Return the exit code of an error that a function logged, by the name of its class."""
    kind = getattr(errors, name, None)
    return _exit_code(kind) if isinstance(kind, type) else ExitCode.FAILED


def _exit_code(kind: type) -> ExitCode:
    codes = (code for kinds, code in EXIT_CODES.items() if issubclass(kind, kinds))
    return next(codes, ExitCode.FAILED)


def lacks_aws_credentials(error: Exception) -> bool:
    """Whether AWS does not know who asks."""
    if isinstance(error, ClientError):
        return code_of(error) in _BAD_CREDENTIALS
    return isinstance(error, BotoCoreError) and any(kind.__name__ in _NO_CREDENTIALS for kind in type(error).__mro__)
