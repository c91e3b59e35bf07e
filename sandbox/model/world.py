"""A bucket with a past, and the runs that meet in it: the product's own code with the model's client."""

import functools
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any, cast
from unittest.mock import patch

from sandbox.model.exports import NOW, Exports
from sandbox.model.faults import Fate, Faults
from sandbox.model.schedule import Network, Schedule
from sandbox.model.sdk import Client, Killed
from sandbox.model.watch import CHAIN, MOST_DROP_PERCENT
from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import Telemetry, logger
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.proof import checks
from spaaza_snapshots.s3 import multipart
from spaaza_snapshots.s3 import snapshot_store as store
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.snapshot import attempt
from spaaza_snapshots.snapshot.run import Run, Services
from spaaza_snapshots.snapshot.snapshot import take_snapshot
from spaaza_snapshots.spaaza.credentials import Session
from spaaza_snapshots.spaaza.export_api import SpaazaExports

TODAY = NOW.date()
YESTERDAY = date(2026, 11, 21)
SESSION = Session("1", "key", None)

PLAIN, FORCED, ACCEPT = "plain", "forced", "accept"


class NoPool:
    """Stands for the pool of an upload: does its work at once, so that one thread is enough."""

    def __init__(self, *_arguments: object, **_named: object) -> None:
        """Start no thread."""

    def submit(self, call: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Do it, and keep the outcome as a pool does."""
        done: Future[Any] = Future()
        try:
            done.set_result(call(*arguments))
        except BaseException as error:  # noqa: BLE001 # even the end of the process: the run meets it at its next call
            done.set_exception(error)
        return done

    def shutdown(self, **_named: object) -> None:
        """End nothing."""


PART_BYTES = 150
"""So that a few exports of the model have one part, and most have two."""

DOCUMENTED = {"ID": ("id", "bigint")}
"""The documented column names: just one, to keep the manifests of the model short."""


class Ids:
    """Stands for the module `uuid`: short ids, the same each time an interleaving is replayed."""

    def __init__(self) -> None:
        self.prefix = ""
        self.count = 0

    def uuid4(self) -> str:
        """Return the next one."""
        self.count += 1
        return f"{self.prefix}{self.count}"


IDS = Ids()


@contextmanager
def prepared() -> Iterator[None]:
    """Adapt the product to one thread and many thousands of runs: no pools, small buffers, short ids, no log.

    Manifests are immutable, so each is parsed only once.
    """
    level = logger.log_level
    upload = functools.partial(multipart.MultipartUpload, part_bytes=PART_BYTES)
    with (
        patch.dict(vars(store), MultipartUpload=upload, ACCEPTED_PART_BYTES=PART_BYTES + 1),
        patch.dict(vars(multipart), ThreadPoolExecutor=NoPool),
        patch.dict(vars(attempt), uuid=IDS),
        patch.dict(vars(checks), KNOWN=DOCUMENTED),
        patch.object(Manifest, "from_json", functools.cache(Manifest.from_json)),
    ):
        logger.setLevel("CRITICAL")
        try:
            yield
        finally:
            logger.setLevel(level)


class Silent(Telemetry):
    """Measures nothing."""

    def measure(self, values: Mapping[str, float], chain_id: int | None = None) -> None:
        """Do nothing."""


@dataclass
class Actor:
    """One run of the model: its request and its end."""

    name: str
    kind: str
    day: date
    client: Client
    run: Run
    services: Services
    began: int = -1
    ended: int = -1
    result: Mapping[str, Any] | None = None
    error: BaseException | None = None

    def go(self, network: Network) -> None:
        """Take the snapshot and record how that ended."""
        self.began = network.step
        try:
            self.result = take_snapshot(self.run, self.services)
        except (Exception, Killed) as error:  # noqa: BLE001 # every end is judged
            self.error = error
        self.ended = network.step
        network.say(self.name, "ends", self.result["status"] if self.result else self.error)


@dataclass(frozen=True, slots=True)
class Meeting:
    """What the runs of one interleaving share."""

    network: Network
    schedule: Schedule
    faults: Faults
    random: Random

    def actor(self, name: str, kind: str, fate: Fate, *, rows: int | None = None, day: date = TODAY) -> Actor:
        """Return a run that is ready to go; `rows` are those of its exports, None to draw them."""
        client = Client(name, self.network, self.schedule, self.faults, fate)
        exports = Exports(self.random, self.faults, rows)
        run = Run(
            snapshot_id=SnapshotId(CHAIN, day),
            taken_on=TODAY,
            environment="prod",
            max_row_drop_percent=MOST_DROP_PERCENT,
            force=kind == FORCED,
            accept=kind == ACCEPT,
            requested_at=NOW if kind == PLAIN else None,  # a plain run is a scheduled one
            started_at=NOW,
        )
        return Actor(name, kind, day, client, run, self._services(client, exports))

    def _services(self, client: Client, exports: Exports) -> Services:
        clock = Clock(
            lambda: int(client.left_seconds * 1000),
            now=lambda: NOW,
            monotonic=lambda: 0.0,
            sleep=lambda _seconds: self.schedule.pause(),
        )
        return Services(
            store=SnapshotStore(cast("Any", client), "snapshots"),
            exports=cast("SpaazaExports", exports),
            read_session=lambda: SESSION,
            catalog=None,
            bus=None,
            renewal=None,
            telemetry=Silent("model"),
            clock=clock,
        )
