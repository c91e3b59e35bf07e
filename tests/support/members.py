"""A deployed stack named `members`, days in it by real runs, and commands that look at them."""

import json
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sandbox.aws.stack import SECRET, Stack
from sandbox.spaaza.answers import Answer, generated_users
from spaaza_snapshots.cli.main import main
from spaaza_snapshots.errors import SnapshotHeld
from spaaza_snapshots.model.quality import Quality
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.parquet.build import build_parquet
from tests.support import conversions
from tests.support.builders import HeldClock
from tests.support.deployed import NAME, PARAMETERS, Deployed, deploy
from tests.support.flow import CHAIN, invoke


def zone_where_it_is(hour: int) -> str:
    """Return a time zone in which this hour has begun, so that no test depends on when it is run."""
    east = (hour - datetime.now(UTC).hour + 11) % 24 - 11
    return f"Etc/GMT{-east:+d}"  # its names have the sign of POSIX


@dataclass
class Members:
    """The stack, its time zone, and what the commands print."""

    stack: Stack
    capsys: pytest.CaptureFixture[str]
    zone: str = field(default_factory=lambda: zone_where_it_is(12))

    def deploy(self, **parameters: str) -> Deployed:
        """Deploy it, with one chain unless the parameters say otherwise."""
        own = {"ChainIds": str(CHAIN), "TimeZone": self.zone, "FirstHour": "3", "PendingDays": "30"}
        return deploy(self.stack, {**PARAMETERS, **own, **parameters})

    @property
    def today(self) -> date:
        """The date in its zone."""
        return datetime.now(ZoneInfo(self.zone)).date()

    def day(self, days_ago: int = 0, chain_id: int = CHAIN) -> SnapshotId:
        """Return a day of a chain."""
        return SnapshotId(chain_id, self.today - timedelta(days=days_ago))

    def take(
        self, users: int | Answer, days_ago: int = 0, *, chain_id: int = CHAIN, typed: bool = True, **event: Any
    ) -> None:
        """Make a day's snapshot, held where the guard says so, and its typed copy."""
        self.stack.spaaza.serve(generated_users(users) if isinstance(users, int) else users)
        day = self.day(days_ago, chain_id)
        asked = {"chain_id": chain_id, "date": day.snapshot_date.isoformat(), **event}
        variables = {"SNAPSHOT_TIME_ZONE": self.zone}
        with suppress(SnapshotHeld):
            taken = invoke(self.stack, asked, held=HeldClock(now=datetime.now(UTC)), variables=variables)
            if typed:
                self._put_typed(day, taken["run_id"], taken["row_count"])

    def convert(self, days_ago: int = 0) -> None:
        """Make the typed copy of a day as the Parquet function does."""
        build_parquet(conversions.services(self.stack), self.day(days_ago))

    def _put_typed(self, day: SnapshotId, run_id: str, rows: int) -> None:
        """Put a typed copy and its findings there, without the second that a conversion takes."""
        findings = Quality(run_id, rows, rows, 0, (), (), "2026-11-22T03:00:05.000Z").to_json()
        for key, body in ((day.parquet_key, b"PAR1"), (day.quality_key, findings)):
            self.stack.s3.put_object(Bucket=self.stack.bucket, Key=key, Body=body, Metadata={"run-id": run_id})

    def put_session(self, **ends_in: float) -> None:
        """Put a session into the secret that ends after some time."""
        ends = (datetime.now(UTC) + timedelta(**ends_in)).strftime("%Y-%m-%d %H:%M:%S")
        session = {"session_user_id": "1", "session_key": "THE-KEY", "session_expires_date": ends}
        secrets = self.stack.aws.client("secretsmanager")
        secrets.put_secret_value(SecretId=SECRET, SecretString=json.dumps(session))

    def log(self, deployed: Deployed, lines: Sequence[str], at: datetime | None = None) -> None:
        """Put lines into the log of the export function."""
        at_ms = int((time.time() if at is None else at.timestamp()) * 1000)
        with closing(deployed.client("cloudformation")) as stacks, closing(deployed.client("logs")) as logs:
            found = stacks.describe_stack_resource(StackName=NAME, LogicalResourceId="ExportLog")
            group = {"logGroupName": found["StackResourceDetail"]["PhysicalResourceId"]}
            with suppress(logs.exceptions.ResourceAlreadyExistsException):
                logs.create_log_stream(**group, logStreamName="1")
            events = [{"timestamp": at_ms + number, "message": line} for number, line in enumerate(lines)]
            logs.put_log_events(**group, logStreamName="1", logEvents=events)

    def shown(self, command: str, *arguments: object) -> tuple[int, str]:
        """Run a command; returns its exit code, and its answer or its error."""
        self.capsys.readouterr()
        code = main([command, "--stack", NAME, *map(str, arguments)])
        printed = self.capsys.readouterr()
        assert not (printed.out and printed.err)
        return code, printed.out + printed.err

    def data(self, command: str, *arguments: object) -> Any:
        """Run a command and return its JSON."""
        return json.loads(self.shown(command, "--json", *arguments)[1])


def last_line(printed: str) -> str:
    """Return the last line, where the first thing to do stands."""
    return printed.rstrip("\n").rpartition("\n")[2]
