"""`spaaza-snapshots`: look after the snapshots of a deployed stack.

Exit codes: 0 good, 1 failed, 2 usage, 3 held or damaged, 4 credentials, 130 interrupted.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from rich.markup import escape

from spaaza_snapshots import __version__
from spaaza_snapshots.base.telemetry import logger
from spaaza_snapshots.cli import (
    athena,
    days,
    deployed,
    doctor,
    erase,
    files,
    invoke,
    login,
    logs,
    rebuild,
    status,
    verify,
)
from spaaza_snapshots.cli.command import (
    Answer,
    Command,
    ExitCode,
    Stopped,
    aside,
    exit_code_of,
    json_value,
    lacks_aws_credentials,
    out,
)
from spaaza_snapshots.cli.terminal import json_shown
from spaaza_snapshots.errors import SnapshotError

COMMANDS: Final[Sequence[Command]] = (
    status.COMMAND,
    days.COMMAND,
    files.SHOW,
    files.INSPECT,
    verify.COMMAND,
    rebuild.COMMAND,
    doctor.COMMAND,
    invoke.COMMAND,
    logs.COMMAND,
    athena.COMMAND,
    erase.COMMAND,
    login.LOGIN,
    login.LOGOUT,
    deployed.COMMAND,
)
"""In the order of the list that --help prints."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. The answer goes to standard output, everything else beside it."""
    _print_in_any_encoding()
    options = parser().parse_args(arguments)
    try:
        with _without_log():
            answer: Answer = options.command.run(options)
            _print(answer, as_json=options.json)
    except BrokenPipeError:  # a pager or head has seen enough; nothing can be flushed any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    except KeyboardInterrupt:
        return _end("Stopped.", ExitCode.INTERRUPTED)
    except Stopped as stopped:
        return _end(escape(str(stopped)), stopped.exit_code)
    except (OSError, ValueError, SnapshotError, BotoCoreError, ClientError) as error:
        hint = " Set AWS_PROFILE, or log in: aws sso login." if lacks_aws_credentials(error) else ""
        return _end(f"[red]{type(error).__name__}[/red] {escape(str(error))}{hint}", exit_code_of(error))
    return answer.exit_code


def _print_in_any_encoding() -> None:
    """Write a character that the terminal's encoding lacks as its number, instead of ending with an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _without_log() -> Iterator[None]:
    """Keep the log of what commands share with the functions off standard output, where only the answer goes."""
    level = logger.log_level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; docs/REFERENCE.md is made from it."""
    root = argparse.ArgumentParser(
        prog="spaaza-snapshots", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    root.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        of_command = commands.add_parser(
            command.name, help=command.help, description=f"{command.help[0].upper()}{command.help[1:]}."
        )
        command.add_arguments(of_command)
        of_command.add_argument("--json", action="store_true", help="print the answer as JSON")
        of_command.set_defaults(command=command)
    return root


def _print(answer: Answer, *, as_json: bool) -> None:
    if as_json:
        has_unicode = sys.stdout.encoding.lower().startswith("utf")
        text = json.dumps(answer.data, indent=2, ensure_ascii=not has_unicode, default=json_value)
        print(json_shown(text), flush=True)
        return
    console = out()
    for part in answer.body:
        console.print(part, soft_wrap=isinstance(part, str))


def _end(sentence: str, exit_code: ExitCode) -> ExitCode:
    aside().print(sentence, soft_wrap=True)
    return exit_code
