"""Break a deployment in every way, one after the other, and print what the commands say of each: one line each.

The commands run as a person runs them, against AWS and Spaaza on loopback.
"""

import contextlib
import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
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


def run() -> int:
    """Print the table; returns how many broken set-ups went unnoticed."""
    table = Table("broken", "doctor says first", "exit", show_lines=True)
    unnoticed = 0
    with running_stack() as stack:
        place = Place(stack)
        place.deploy()
        place.answer_what_moto_lacks()
        os.environ.update(place.environment())
        sentence, code = told_by_doctor()
        table.add_row("nothing", escape(sentence), str(code))
        for broken in BREAKS:
            with broken.breaking(place):
                sentence, code = told_by_doctor()
            unnoticed += code == 0
            table.add_row(broken.name, escape(sentence), str(code))
    Console(width=150 if not sys.stdout.isatty() else None, highlight=False, emoji=False).print(table)
    return unnoticed


if __name__ == "__main__":
    sys.exit(run())
