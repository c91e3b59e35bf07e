"""`make session`: sixty days of a stack, hour by hour, on real servers and a clock of its own: does a day go missing?

Three ways to keep the admin session alive, each on a new stack of three chains and a session of fourteen days:

    unattended         a rotation every three days in the quiet hour, and whenever a run finds the session refused
    attended           the alarm session-ends goes off, and somebody logs in on the third day of it
    changed password   as unattended; the password is changed on day 20, and the log-in secret two days after the alarm

A run of a chain that is done already is left out: it would find that, 20 times a day.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from sandbox.aws.stack import running_stack
from spaaza_snapshots.base.telemetry import logger
from tools.sessions.world import CHAINS, FIRST_HOUR, QUIET_HOUR, ROTATION_DAYS, START, Tally, World

PASSWORD_DAY: Final = 20


Morning = Callable[[World], None]
"""What a person does at nine o'clock."""


def nobody(_world: World) -> None:
    """Do nothing."""


def log_in_on_the_third_day_of_the_warning(world: World) -> None:
    """Leave the alarm for two days, then log in."""
    if world.warned_mornings() == 3:
        world.log_in_by_hand()


def change_the_password(world: World) -> None:
    """Change it at Spaaza alone, and in the log-in secret two days after the alarm."""
    admin = world.stack.spaaza.logins.admin
    if world.day == PASSWORD_DAY:
        admin.password = "another one"
    if world.warned_mornings() == 3:
        world.put_login()


SCENARIOS: Final[Mapping[str, tuple[bool, Morning]]] = {
    "unattended": (True, nobody),
    "attended": (False, log_in_on_the_third_day_of_the_warning),
    "changed password": (True, change_the_password),
}


def live(world: World, days: int, morning: Morning) -> Tally:
    """Let so many days go by, hour by hour."""
    for day in range(days):
        done = False
        for hour in range(24):
            world.now = START + timedelta(days=day, hours=hour)
            if world.rotates and hour == QUIET_HOUR and day % ROTATION_DAYS == 0:
                world.rotate()
            if hour == 9:
                morning(world)
            if hour >= FIRST_HOUR and not done:
                done = world.scheduled_run()
        world.end_of_day()
    return world.tally


def simulate(name: str, days: int) -> Tally:
    """Play a scenario on servers of its own."""
    rotates, morning = SCENARIOS[name]
    with running_stack(chains=CHAINS) as stack:
        world = World(stack, rotates=rotates)
        with patch.dict(os.environ, world.environment()):
            world.begin()
            return live(world, days, morning)


def main() -> int:
    """Play all scenarios and print what came of them; the exit code is 0 only if no day is missed."""
    parser = argparse.ArgumentParser(prog="python -m tools.sessions", description=main.__doc__)
    parser.add_argument("--days", type=int, default=60)
    days = parser.parse_args().days
    console = Console(highlight=False)
    logger.setLevel("CRITICAL")
    columns = ("", "renewals", "refused runs", "days warned", "wrong passwords", "log-ins by hand", "days missed")
    table = Table(*columns, title=f"{days} days, {len(CHAINS)} chains, a session of 14 days")
    tallies = []
    for name in SCENARIOS:
        with console.status(f"{name}: {days} days"):
            tally = simulate(name, days)
        tallies.append(tally)
        figures = (tally.renewals, tally.refused_runs, len(tally.warned_days), tally.wrong_passwords)
        table.add_row(name, *map(str, (*figures, tally.log_ins_by_hand, tally.missed)))
    console.print(table)
    missed = sum(tally.missed for tally in tallies)
    by_hand = sum(tally.log_ins_by_hand for tally in tallies)
    console.print(f"{sum(tally.days for tally in tallies)} days, {missed} missed, {by_hand} log-ins by hand")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
