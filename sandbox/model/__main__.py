"""`make model`: interleavings drawn by seed until the minutes are over, each judged, and a summary.

python -m sandbox.model --minutes 10 --seed 1       starting with this seed
python -m sandbox.model --replay 4711               one interleaving, every call of it
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from sandbox.model.faults import OPERATIONS, SPAAZA, Fault
from sandbox.model.interleaving import Counts, Interleaving, Told
from sandbox.model.world import prepared
from sandbox.search_options import search_options

SHOWN = 3
"""Number of violations whose schedule is printed; all are counted."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the model; the exit code is 0 only if there is no violation."""
    given = search_options("python -m sandbox.model", arguments, "interleaving", minutes=1)
    console = Console(highlight=False, soft_wrap=True, markup=False, width=160)
    with prepared():
        return _search(given, console) if given.replay is None else _replay(given.replay, console)


def _replay(seed: int, console: Console) -> int:
    told = Interleaving(seed, Counter(), told=True).play()
    for line in (*told.lines, *told.violations):
        console.print(line)
    return 1 if told.violations else 0


def _search(given: argparse.Namespace, console: Console) -> int:
    counts: Counts = Counter()
    interleavings = faults = violations = 0
    began = time.monotonic()
    end = began + given.minutes * 60
    while time.monotonic() < end and interleavings != given.count:
        seed = given.seed + interleavings
        told = Interleaving(seed, counts).play()
        interleavings += 1
        faults += told.faults
        if told.violations:
            violations += 1
            if violations <= SHOWN:
                console.print(f"After {time.monotonic() - began:.1f} s, {interleavings} interleavings:")
                _show(seed, told, console)
            if given.first:
                break
    console.print(_table(counts))
    console.print(f"{interleavings} interleavings, {faults} faults, {violations} violations")
    return 1 if violations else 0


def _show(seed: int, told: Told, console: Console) -> None:
    for line in Interleaving(seed, Counter(), told=True).play().lines:
        console.print(line)
    for violation in told.violations:
        console.print(f"VIOLATION {violation}")
    console.print(f"Seed {seed}; again: .venv/bin/python -m sandbox.model --replay {seed}\n")


def _table(counts: Counts) -> Table:
    """Tabulate how often each fault happened, by operation."""
    operations = [operation for operation in (*OPERATIONS, SPAAZA) if any(counts[operation, fault] for fault in Fault)]
    table = Table(
        "fault", *map(_short, operations), "all", title="Faults that happened", title_justify="left", box=None
    )
    for fault in Fault:
        times = [counts[operation, fault] for operation in operations]
        table.add_row(fault, *map(str, times), str(sum(times)))
    return table


def _short(operation: str) -> str:
    return operation.removesuffix("MultipartUpload").removesuffix("Object").removesuffix("ObjectsV2")


if __name__ == "__main__":
    sys.exit(main())
