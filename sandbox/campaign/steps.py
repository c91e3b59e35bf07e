"""Carries a step out: the product's own functions in this process, and now and then the real runtime client."""

import os
import signal
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Barrier, BrokenBarrierError, Lock, Timer
from typing import Any, Final
from unittest.mock import patch
from uuid import UUID

import boto3

from sandbox.campaign.draws import FAULTS, AwsFault, CallFault, Kind, Step
from sandbox.campaign.exports import PERSON, sound_export
from sandbox.campaign.world import World
from sandbox.wire import faults
from sandbox.wire.faults import Exchange
from sandbox.wire.proxy import HttpAnswer
from sandbox.wire.wire import EVERY_TIME
from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import Telemetry
from spaaza_snapshots.export_handler import take
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.parquet import wiring as parquet_wiring
from spaaza_snapshots.parquet.build import build_parquet
from spaaza_snapshots.parquet.settings import ParquetSettings
from spaaza_snapshots.snapshot.request import parse_request
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.snapshot.wiring import run_for, services_for
from spaaza_snapshots.upkeep.erasure import erase, prove
from spaaza_snapshots.upkeep.erasure_plan import Search
from spaaza_snapshots.upkeep.person import People
from spaaza_snapshots.upkeep.versions import VersionedBucket

MEMORY_MB: Final = 512
COMPLETE: Final = "CompleteMultipartUpload"
MEETING_SECONDS: Final = 2.0
MEETING: Final = "two commits meet"
KILLED: Final = "killed"
OUT_OF_TIME: Final = "out of time"


class Steps:
    """Carries out the steps of one world, and counts the faults that happened."""

    def __init__(self, world: World, random: Random, counts: Counter[str]) -> None:
        self._world = world
        self._random = random
        self._counts = counts
        self._completing = Lock()
        self.aborts_failed = False  # in the last step, so that an upload may stay open
        self.errors: list[Exception] = []  # of the last step
        self._does: Mapping[Kind, Callable[[Step], object]] = {
            Kind.TYPED: self._typed_step,
            Kind.TWO: self._two,
            Kind.KILLED: self._killed,
            Kind.NEW_SESSION: lambda _: self._new_session(tell=True),
            Kind.LATE_SESSION: lambda _: self._new_session(tell=False),
            Kind.ERASED: self._erased,
        }

    def play(self, step: Step) -> None:
        """Carry one out, with its faults; what the product raises is kept in `errors`."""
        world = self._world
        self.errors, self.aborts_failed = [], False
        world.stack.wire.clear()
        world.spaaza.faults.clear()
        world.spaaza.offer(step.exports, usual=sound_export())
        for call in step.calls:
            world.stack.wire.fail(call.operation, self._counted(call), nth=call.nth, times=call.times)
        if step.kind is Kind.KILLED:
            _ = world.function  # its folder is its own
        with patch.object(tempfile, "tempdir", str(world.folder)):
            self._do(lambda: self._does.get(step.kind, self._one)(step))
        world.stack.wire.clear()
        world.spaaza.offer(())
        self._counts.update(world.spaaza.faults)

    def run(self, event: Mapping[str, Any], clock: Clock) -> Mapping[str, Any]:
        """Run one chain's snapshot as the handler does."""
        settings = Settings.from_environment(self._world.environment)
        services = services_for(settings, Telemetry("campaign"), clock)
        request = parse_request(event, settings, clock.now())
        return take(run_for(request, settings, clock.now()), services)

    def typed(self, snapshot_id: SnapshotId, clock: Clock) -> Mapping[str, Any]:
        """Make the typed copy of a snapshot."""
        settings = ParquetSettings.from_environment(self._world.environment)
        services = parquet_wiring.services_for(settings, Telemetry("campaign"), clock, MEMORY_MB)
        return build_parquet(services, snapshot_id)

    def event(self, kind: Kind, chain_id: int) -> dict[str, Any]:
        """Return the event of a run."""
        world = self._world
        yesterday = world.today - timedelta(days=1)
        events: dict[Kind, dict[str, Any]] = {
            Kind.SCHEDULED: {"chain_ids": [chain_id], "scheduled_time": f"{world.now:%Y-%m-%dT%H:%M:%SZ}"},
            Kind.FORCED: {"chain_id": chain_id, "force": True},
            Kind.ACCEPTED: {"chain_id": chain_id, "accept": True},
            Kind.YESTERDAY: {"chain_id": chain_id, "date": yesterday.isoformat()},
        }
        return events.get(kind, {"chain_id": chain_id})

    def _do(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 # the watch judges it
            self.errors.append(error)
            self._world.said += [str(error), repr(error), "".join(traceback.format_exception(error))]

    def _clock(self, step: Step) -> Clock:
        if step.out_of_time_at is not None:
            self._counts[OUT_OF_TIME] += 1
        return self._world.clock(step.out_of_time_at)

    def _one(self, step: Step) -> None:
        self.run(self.event(step.kind, step.chain_id), self._clock(step))

    def _typed_step(self, step: Step) -> None:
        day = self._world.today - timedelta(days=step.kind is Kind.TYPED and step.meet is False)
        self.typed(SnapshotId(step.chain_id, day), self._clock(step))

    def _two(self, step: Step) -> None:
        if step.meet:
            self._world.stack.wire.fail(COMPLETE, self._meeting(), times=2)
        self._world.stack.wire.fail(COMPLETE, self._alone, times=EVERY_TIME)
        clock = self._clock(step)
        events = [self.event(kind, step.chain_id) for kind in step.kinds]
        with ThreadPoolExecutor(2) as threads:
            for event in events:
                threads.submit(self._do, lambda event=event: self.run(event, clock))  # type: ignore[misc] # its default

    def _meeting(self) -> faults.Fault:
        barrier = Barrier(2)

        def meet(exchange: Exchange) -> HttpAnswer:
            with suppress(BrokenBarrierError):  # the other run has nothing to complete
                barrier.wait(MEETING_SECONDS)
                self._counts[MEETING] += 1
            return self._alone(exchange)

        return meet

    def _alone(self, exchange: Exchange) -> HttpAnswer:
        """Forward one Complete after the other: S3 judges each condition in one instant, SeaweedFS does not."""
        with self._completing:
            return exchange.forward()

    def _killed(self, step: Step) -> None:
        world, function = self._world, self._world.function
        timers: list[Timer] = []

        def kill() -> None:
            with suppress(RuntimeError, ProcessLookupError):  # it has already ended
                os.kill(function.pid, signal.SIGKILL)

        def begin() -> None:
            timers.append(Timer(step.kill_seconds, kill))
            timers[-1].start()

        world.stack.wire.fail("GetSecretValue", faults.call(begin))
        ended = function.invoke({"chain_id": step.chain_id, "date": world.today.isoformat()})
        for timer in timers:
            timer.join()
        self._counts[KILLED] += ended.crashed
        world.said += [repr(ended), *ended.log_lines]
        self.aborts_failed = True  # nobody aborts for a process that is gone

    def _new_session(self, *, tell: bool) -> None:
        self._world.renew_session(f"{UUID(int=self._random.getrandbits(128)).hex}campaign", tell=tell)

    def _erased(self, step: Step) -> None:
        s3 = boto3.client("s3")
        try:
            bucket, people = VersionedBucket(s3, self._world.stack.bucket), People((PERSON,))
            search = Search(bucket, step.chain_id, people, self._world.today)
            plan = search.plan()
            erase(bucket, plan, people, lambda: datetime.now(UTC), lambda _: None)
            prove(bucket, plan, search, lambda: datetime.now(UTC))
        finally:
            s3.close()

    def _counted(self, call: CallFault) -> faults.Fault:
        leaves_open = call.operation == "AbortMultipartUpload" or (
            call.operation == "CreateMultipartUpload" and call.fault in (AwsFault.LOST, AwsFault.DONE_AND_ERROR)
        )

        def fault(exchange: Exchange) -> HttpAnswer | None:
            self._counts[f"{call.operation} {call.fault}"] += 1
            self.aborts_failed = self.aborts_failed or leaves_open
            with self._completing if call.operation == COMPLETE else nullcontext():
                return FAULTS[call.fault](exchange)

        return fault
