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
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from sandbox.aws.stack import SECRET, Stack, running_stack
from sandbox.spaaza.answers import generated_users
from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import Telemetry, logger
from spaaza_snapshots.errors import SessionExpired, SnapshotError
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.rotation.event import parse_event
from spaaza_snapshots.rotation.settings import RotationSettings
from spaaza_snapshots.rotation.steps import serve
from spaaza_snapshots.rotation.wiring import services_for as rotation_services_for
from spaaza_snapshots.snapshot.commit import look
from spaaza_snapshots.snapshot.request import parse_request
from spaaza_snapshots.snapshot.services import Services
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.snapshot.snapshot import take_snapshot
from spaaza_snapshots.snapshot.wiring import run_for, services_for
from spaaza_snapshots.spaaza.connections import http_pool
from spaaza_snapshots.spaaza.login import Passcode, SpaazaLogin

CHAINS: Final = (1743, 1783, 1800)
START: Final = datetime(2026, 11, 1, tzinfo=UTC)
FIRST_HOUR: Final = 3
QUIET_HOUR: Final = FIRST_HOUR - 1
ROTATION_DAYS: Final = 3
WARNING_DAYS: Final = 5
"""As the template has them."""

PASSWORD_DAY: Final = 20

LOGIN_SECRET: Final = "spaaza-admin-login"
FUNCTION: Final = "arn:aws:lambda:eu-west-1:123456789012:function:rotation"


@dataclass
class Tally:
    """What came of a scenario."""

    days: int = 0
    renewals: int = 0
    refused_runs: int = 0
    missed: int = 0
    log_ins_by_hand: int = 0
    wrong_passwords: int = 0
    warned_days: list[int] = field(default_factory=list)


class Alarms(Telemetry):
    """Keeps what the alarm session-ends looks at."""

    def __init__(self) -> None:
        super().__init__("session")
        self.days_left = 1000.0

    def measure(self, values: Mapping[str, float], chain_id: int | None = None) -> None:  # noqa: ARG002 - the product's own signature
        """Keep it, and write nothing."""
        self.days_left = values.get("SessionDaysLeft", self.days_left)


class World:
    """One stack, its Spaaza, and the time there."""

    def __init__(self, stack: Stack, *, rotates: bool) -> None:
        self.stack = stack
        self.rotates = rotates
        self.now = START
        self.tally = Tally()
        self.alarms = Alarms()
        self.secrets = stack.aws.client("secretsmanager")
        self.login = SpaazaLogin(http_pool(), stack.spaaza.base_url)
        logins = stack.spaaza.logins
        logins.now = lambda: self.now
        logins.session_lifetime = timedelta(days=14)
        logins.admin.exempt = rotates
        stack.spaaza.serve(generated_users(20))
        self._warned_mornings = 0

    def begin(self) -> None:
        """Do what a deployment and its first log-in do."""
        self.secrets.create_secret(Name=LOGIN_SECRET)
        self.put_login()
        if self.rotates:
            self.secrets.rotate_secret(SecretId=SECRET, RotationLambdaARN=FUNCTION, RotateImmediately=False)
            self.play_rotations()
            self.rotate()
        else:
            self.log_in_by_hand()

    @property
    def day(self) -> int:
        """The number of the day, from 1."""
        return (self.now - START).days + 1

    @property
    def warns(self) -> bool:
        """Whether session-ends is on."""
        return self.alarms.days_left < WARNING_DAYS

    def warned_mornings(self) -> int:
        """Count the mornings on which the alarm has been on, this one included; 0 once it is off."""
        self._warned_mornings = self._warned_mornings + 1 if self.warns else 0
        return self._warned_mornings

    def put_login(self) -> None:
        """Put the password that is now right into the log-in secret."""
        admin = self.stack.spaaza.logins.admin
        text = f'{{"username": "{admin.username}", "password": "{admin.password}"}}'
        self.secrets.put_secret_value(SecretId=LOGIN_SECRET, SecretString=text)

    def log_in_by_hand(self) -> None:
        """Log in with the e-mailed code, as `spaaza-snapshots login` does."""
        logins = self.stack.spaaza.logins
        answer = self.login.log_in(logins.admin.username, logins.admin.password)
        if isinstance(answer, Passcode):
            answer = self.login.exchange(answer, logins.letters[-1])
        self.secrets.put_secret_value(SecretId=SECRET, SecretString=answer.to_secret())
        self.tally.log_ins_by_hand += self.now > START

    def rotate(self) -> None:
        """Start a rotation as the schedule does."""
        with suppress(self.secrets.exceptions.InvalidRequestException):  # the last one has not ended: it is tried again
            self.secrets.rotate_secret(SecretId=SECRET)
        self.play_rotations()

    def play_rotations(self) -> None:
        """Do the steps of all rotations that were asked for."""
        for rotation in self.stack.aws.secrets.play_rotations(self._step):
            self.tally.renewals += rotation.failed_at is None and len(rotation.steps) > 1

    def _step(self, event: Mapping[str, str]) -> bool:
        settings = RotationSettings.from_environment(self.environment())
        try:
            request = parse_event(event)
            serve(request, rotation_services_for(settings, request.secret_id))
        except SnapshotError:
            return False
        return True

    def environment(self) -> dict[str, str]:
        """What the functions find in their environment."""
        switch = {"SESSION_ROTATION": "on"} if self.rotates else {}
        spaaza = {"SPAAZA_LOGIN_SECRET_ID": LOGIN_SECRET, "SPAAZA_API_URL": self.stack.spaaza.base_url}
        return {**self.stack.environment(CHAINS), **switch, **spaaza}

    def scheduled_run(self) -> bool:
        """Do what the schedule starts: look after the session, and take what is missing; True once nothing is."""
        settings = Settings.from_environment(self.environment())
        services = services_for(settings, self.alarms, self._clock())
        if services.renewal is not None:
            services.renewal.ask_if_refused()
            self.play_rotations()
        for chain_id in self.missing(services):
            event = {"chain_id": chain_id, "scheduled_time": f"{self.now:%Y-%m-%dT%H:%M:%SZ}"}
            run = run_for(parse_request(event, settings, self.now), settings, self.now)
            try:
                take_snapshot(run, services)
            except SessionExpired:
                self.tally.refused_runs += 1
        return not self.missing(services)

    def missing(self, services: Services) -> list[int]:
        """Return the chains without a snapshot of today."""
        today = self.now.date()
        return [chain for chain in CHAINS if look(services.store, SnapshotId(chain, today)).committed is None]

    def end_of_day(self) -> None:
        """Count what the day has missed."""
        services = services_for(Settings.from_environment(self.environment()), self.alarms, self._clock())
        self.tally.missed += bool(self.missing(services))
        self.tally.days += 1
        self.tally.wrong_passwords = max(self.tally.wrong_passwords, self.stack.spaaza.logins.admin.wrong_passwords)
        if self.warns:
            self.tally.warned_days.append(self.day)

    def _clock(self) -> Clock:
        return Clock(lambda: 900_000, now=lambda: self.now, monotonic=self._monotonic, sleep=self._sleep)

    def _monotonic(self) -> float:
        return self.now.timestamp()

    def _sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


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
