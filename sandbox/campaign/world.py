"""The servers of a campaign, and for each episode a bucket, a Spaaza, and a clock that the campaign holds."""

import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.moto import MotoAws
from sandbox.aws.seaweed import SeaweedS3
from sandbox.aws.stack import SECRET, Stack, create_bucket, furnish, s3_client, session_secret
from sandbox.campaign.exports import Export, served
from sandbox.spaaza.answers import Answer
from sandbox.spaaza.login import KnownSession, ReceivedRequest
from sandbox.spaaza.server import SpaazaServer
from sandbox.wire.wire import Wire
from spaaza_snapshots.base.clock import RESERVE_SECONDS, Clock
from spaaza_snapshots.base.telemetry import logger
from spaaza_snapshots.parquet import wiring as parquet_wiring
from spaaza_snapshots.snapshot import wiring as export_wiring

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

FIRST_DAY = date(2024, 2, 27)
"""In the past, since a killed run has the real clock; a leap day follows."""
HANDLER = "spaaza_snapshots.export_handler.lambda_handler"
SECONDS_OF_A_RUN = 900.0


@dataclass(frozen=True)
class Servers:
    """What the episodes share."""

    seaweed: SeaweedS3
    aws: MotoAws
    wire: Wire
    s3: "S3Client"


@contextmanager
def running_servers() -> Iterator[Servers]:
    """Start the servers, and stop them."""
    with (
        SeaweedS3() as seaweed,
        MotoAws() as aws,
        Wire({"s3": seaweed.endpoint_url, "aws": aws.endpoint_url}) as wire,
    ):
        s3 = s3_client(seaweed)
        try:
            yield Servers(seaweed, aws, wire, s3)
        finally:
            s3.close()


class RecordingSpaaza(SpaazaServer):
    """A Spaaza that remembers which exports it sent to their end: the SHA-256 of each body, and of its CSV."""

    def __init__(self) -> None:
        """Take any free port."""
        super().__init__()
        self.whole: set[str] = set()
        self.csvs: set[str] = set()
        self.faults: list[str] = []
        self._offered: dict[int, tuple[Answer, Export, bytes | None, bytes]] = {}

    def offer(self, exports: Sequence[Export], *, usual: Export | None = None) -> None:
        """Give these answers instead of those offered before, one per request, and then the usual one."""
        self._scripted.clear()
        for export in exports:
            self.script(self._noted(export))
        if usual is not None:
            self.serve(self._noted(usual))

    def answer(self, request: ReceivedRequest) -> Answer:
        """Answer, and remember an export that is sent."""
        given = super().answer(request)
        if id(given) in self._offered:
            _, export, whole, csv = self._offered[id(given)]
            if export.fault is not None:
                self.faults.append(f"export {export.fault}")
            if whole is not None:
                self.whole.add(sha256(whole).hexdigest())
                self.csvs.add(sha256(csv).hexdigest())
        return given

    def _noted(self, export: Export) -> Answer:
        made = served(export)
        # The answer is kept, so that no other gets its id.
        self._offered[id(made.answer)] = (made.answer, export, made.whole, made.csv)
        return made.answer


@dataclass
class World:
    """One episode's bucket, Spaaza, clock and ears; `heard` is all that was logged, measured or printed."""

    stack: Stack
    spaaza: RecordingSpaaza
    folder: Path
    exits: ExitStack
    heard: StringIO = field(default_factory=StringIO)
    said: list[str] = field(default_factory=list)  # error texts and events
    keys: list[str] = field(default_factory=list)  # of every session so far
    today: date = FIRST_DAY
    hour: int = 3
    _function: LambdaFunction | None = None

    @property
    def now(self) -> datetime:
        """The campaign's time."""
        return datetime(self.today.year, self.today.month, self.today.day, self.hour, tzinfo=UTC)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the function: those of the stack, and a read timeout that a stall exceeds."""
        return self.stack.environment() | {"SPAAZA_READ_TIMEOUT_SECONDS": "1"}

    @property
    def function(self) -> LambdaFunction:
        """The function in the real runtime client, started when it is first needed."""
        if self._function is None:
            self._function = self.exits.enter_context(LambdaFunction(HANDLER, self.environment))
        return self._function

    def clock(self, out_of_time_at: int | None = None) -> Clock:
        """Return a clock that stands still, on which sleep takes no time; the time is over at the nth look."""
        asked = 0
        slept = timedelta()

        def remaining_ms() -> int:
            nonlocal asked
            asked += 1
            over = out_of_time_at is not None and asked >= out_of_time_at
            return int(1000 * (RESERVE_SECONDS - 5 if over else SECONDS_OF_A_RUN))

        def sleep(seconds: float) -> None:
            nonlocal slept
            slept += timedelta(seconds=seconds)

        return Clock(
            remaining_ms=remaining_ms,
            now=lambda: self.now + slept,
            monotonic=lambda: (self.now + slept).timestamp(),  # noqa: PLW0108 # `slept` grows
            sleep=sleep,
        )

    def renew_session(self, key: str, *, tell: bool) -> None:
        """Begin a session at Spaaza, which ends the one before; `tell`: put it into the secret."""
        self.spaaza.session = KnownSession(key=key)
        self.keys.append(key)
        if tell:
            self.tell_secret()

    def tell_secret(self) -> None:
        """Put Spaaza's session into the secret."""
        secret = json.dumps(dict(session_secret(self.spaaza)))
        self.stack.aws.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=secret)


@contextmanager
def new_world(servers: Servers, bucket: str) -> Iterator[World]:
    """Make the world of one episode, which hears all that this process prints; remove its bucket at the end."""
    with ExitStack() as exits:
        spaaza = exits.enter_context(RecordingSpaaza())
        servers.wire.clear()
        create_bucket(servers.s3, bucket)
        exits.callback(_remove, servers.s3, bucket)
        exits.callback(servers.aws.reset)
        stack = furnish(spaaza, servers.seaweed, servers.aws, servers.wire, servers.s3, bucket)
        variables = {name: value for name, value in stack.environment().items() if name.startswith("AWS_")}
        exits.enter_context(patch.dict(os.environ, variables))
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="campaign-")))
        world = World(stack, spaaza, folder, exits, keys=[spaaza.session.key])
        exits.enter_context(_listening(world.heard))
        for cached in (export_wiring.clients_for, parquet_wiring.clients_of):
            cached.cache_clear()
        yield world


@contextmanager
def _listening(heard: StringIO) -> Iterator[None]:
    handler = cast("Any", logger).registered_handler
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(heard)
    try:
        with redirect_stdout(heard), redirect_stderr(heard):
            yield
    finally:
        handler.setStream(before or sys.stdout)


def _remove(s3: "S3Client", bucket: str) -> None:
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
    for page in pages:
        for found in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            s3.delete_object(Bucket=bucket, Key=found["Key"], VersionId=found["VersionId"])
    s3.delete_bucket(Bucket=bucket)
