"""One stack whose session is kept alive in one way or another, its Spaaza, and the time there."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

from sandbox.aws.stack import SECRET, Stack
from sandbox.spaaza.answers import generated_users
from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import Telemetry
from spaaza_snapshots.errors import SessionExpired, SnapshotError
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.rotation.event import parse_event
from spaaza_snapshots.rotation.settings import RotationSettings
from spaaza_snapshots.rotation.steps import serve
from spaaza_snapshots.rotation.wiring import services_for as rotation_services_for
from spaaza_snapshots.snapshot.commit import look
from spaaza_snapshots.snapshot.request import parse_request
from spaaza_snapshots.snapshot.run import Services
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
        self.tally.missed += bool(self.missing(self._onlooker))
        self.tally.days += 1
        self.tally.wrong_passwords = max(self.tally.wrong_passwords, self.stack.spaaza.logins.admin.wrong_passwords)
        if self.warns:
            self.tally.warned_days.append(self.day)

    @cached_property
    def _onlooker(self) -> Services:
        """Clients of nobody's run, made once: they take longer to make than the look itself."""
        return services_for(Settings.from_environment(self.environment()), self.alarms, self._clock())

    def _clock(self) -> Clock:
        return Clock(lambda: 900_000, now=lambda: self.now, monotonic=self._monotonic, sleep=self._sleep)

    def _monotonic(self) -> float:
        return self.now.timestamp()

    def _sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
