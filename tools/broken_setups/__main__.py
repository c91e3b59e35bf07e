"""Break a deployment in every way, one after the other, and print what the commands say of each: one line each.

The commands run as a person runs them, against AWS and Spaaza on loopback.
"""

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sandbox.aws.stack import running_stack
from spaaza_snapshots.cli.main import main
from tools.broken_setups.breaks import BREAKS
from tools.broken_setups.place import NAME, Place

GOOD: Final = "all is good"


def told_by_status() -> tuple[str, int]:
    """Return the first thing to do, or the error, in one line, and the exit code."""
    answer, error, code = _told("status")
    if answer is None:
        return error, code
    return next((f"{step['about']}: {step['text']}" for step in answer["steps"]), GOOD), code


def told_by_doctor() -> tuple[str, int]:
    """Return the first thing that is not good, in one line, and the exit code."""
    answer, error, code = _told("doctor", "--probe")
    if answer is None:
        return error, code
    findings: Sequence[Mapping[str, Any]] = answer
    found = [f for f in findings if f["status"] == "bad"] or [f for f in findings if f["status"] == "unknown"]
    return next((f"{f['name']}: {f['finding']}. {f['fix']}" for f in found), GOOD), code


def _told(*command: str) -> tuple[Any, str, int]:
    """Return a command's JSON, None if it ended with an error; what it said of that; and its exit code."""
    printed, aside = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()  # main asks for the encoding
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(aside):
        code = main([*command, "--stack", NAME, "--json"])
    printed.seek(0)
    return json.loads(printed.read() or "null"), aside.getvalue().strip(), code


TELLERS: Final[Mapping[str, Callable[[], tuple[str, int]]]] = {"status": told_by_status, "doctor": told_by_doctor}
"""What each command says of a set-up, in one line, with its exit code: one column each."""


def before_the_first_hour() -> str:
    """Return a time zone in which it is between one and two at night."""
    east = (1 - datetime.now(UTC).hour + 11) % 24 - 11
    return f"Etc/GMT{-east:+d}"  # its names have the sign of POSIX


def run() -> int:
    """Print the table; returns how many broken set-ups went unnoticed by every command."""
    table = Table("broken", show_lines=True)
    for command in TELLERS:
        table.add_column(f"{command} says")
        table.add_column("exit")
    unnoticed = 0
    with running_stack() as stack:
        place = Place(stack)
        place.parameters["TimeZone"] = before_the_first_hour()  # so that no day is due, and none is missing
        place.deploy()
        place.answer_what_moto_lacks()
        os.environ.update(place.environment())
        _add(table, "nothing")
        for broken in BREAKS:
            with broken.breaking(place):
                unnoticed += not _add(table, broken.name)
    Console(width=150 if not sys.stdout.isatty() else None, highlight=False, emoji=False).print(table)
    return unnoticed


def _add(table: Table, name: str) -> bool:
    """Add one line, and return whether any command found fault."""
    told = [tell() for tell in TELLERS.values()]
    table.add_row(name, *(text for sentence, code in told for text in (escape(sentence), str(code))))
    return any(code for _, code in told)


if __name__ == "__main__":
    sys.exit(run())
