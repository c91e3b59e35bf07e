"""Break a deployment in every way, one after the other, and print what the commands say of each: one line each.

The commands run as a person runs them, against AWS and Spaaza on loopback.
"""

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sandbox.aws.stack import running_stack
from spaaza_snapshots.cli.main import main
from tools.broken_setups.breaks import BREAKS
from tools.broken_setups.place import NAME, Place

DOCTOR: Final = ("doctor", "--stack", NAME, "--probe", "--json")


def told_by_doctor() -> tuple[str, int]:
    """Return the first thing that is not good, in one line, and the exit code."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        code = main(DOCTOR)
    findings: Sequence[Mapping[str, Any]] = json.loads(printed.getvalue())
    found = [f for f in findings if f["status"] == "bad"] or [f for f in findings if f["status"] == "unknown"]
    return next((f"{f['name']}: {f['finding']}. {f['fix']}" for f in found), "all is good"), code


TELLERS: Final[Mapping[str, Callable[[], tuple[str, int]]]] = {"doctor": told_by_doctor}
"""What each command says of a set-up, in one line, with its exit code: one column each."""


def run() -> int:
    """Print the table; returns how many broken set-ups went unnoticed by every command."""
    table = Table("broken", show_lines=True)
    for command in TELLERS:
        table.add_column(f"{command} says")
        table.add_column("exit")
    unnoticed = 0
    with running_stack() as stack:
        place = Place(stack)
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
