"""`make campaign`: episodes until the minutes are over, each judged after every step, and a summary.

python -m sandbox.campaign --minutes 20 --seed 1     starting with this seed
python -m sandbox.campaign --replay 4711             one episode, every step of it

The seed draws the steps and the faults. Two runs at once, and the instant of a kill, also depend on the machine.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from sandbox.campaign.episode import Told, play
from sandbox.campaign.world import Servers, running_servers
from sandbox.search_options import search_options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign; the exit code is 0 only if there is no violation."""
    given = search_options("python -m sandbox.campaign", arguments, "episode", minutes=5)
    console = Console(highlight=False, soft_wrap=True, markup=False, width=160)
    with running_servers() as servers:
        return _search(servers, given, console) if given.replay is None else _replay(servers, given.replay, console)


def _replay(servers: Servers, seed: int, console: Console) -> int:
    told = play(servers, seed, Counter(), Counter())
    _show(seed, told, console)
    return 1 if told.violations else 0


def _search(servers: Servers, given: argparse.Namespace, console: Console) -> int:
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    episodes = steps = violations = 0
    end = time.monotonic() + given.minutes * 60
    while time.monotonic() < end and episodes != given.count:
        told = play(servers, given.seed + episodes, counts, kinds)
        steps += told.steps
        violations += len(told.violations)
        if told.violations:
            _show(given.seed + episodes, told, console)
        episodes += 1
        if told.violations and given.first:
            break
    for title, table in (("Steps", kinds), ("Faults that happened", counts)):
        console.print(_table(title, table))
    console.print(f"{steps} steps, {counts.total()} faults, {violations} violations, seed {given.seed}")
    return 1 if violations else 0


def _show(seed: int, told: Told, console: Console) -> None:
    for line in told.lines:
        console.print(line)
    for violation in told.violations:
        console.print(f"VIOLATION {violation}")
    if told.violations:
        console.print(f"Seed {seed}; again: .venv/bin/python -m sandbox.campaign --replay {seed}\n")


def _table(title: str, counts: Counter[str]) -> Table:
    table = Table(title, "times", box=None)
    for what, times in sorted(counts.items()):
        table.add_row(str(what), str(times))
    return table


if __name__ == "__main__":
    sys.exit(main())
