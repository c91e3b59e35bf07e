"""Makes typed copies again: starts the Parquet function for one day after another, a few at a time."""

import json
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from spaaza_snapshots.errors import OutOfTime, StorageError
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.upkeep import run_log
from spaaza_snapshots.upkeep.log_lines import LogEntry
from spaaza_snapshots.upkeep.run_log import RunLog

OLD_FUNCTION: Final = "the deployed function kept the copy that was there; deploy this version first"


class Outcome(StrEnum):
    """How it went for one day."""

    REBUILT = "rebuilt"
    SUPERSEDED = "superseded"
    """Another run replaced the snapshot meanwhile; its own event makes its typed copy."""
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """One day: the rows of its new copy and the records left out of it, or why there is none."""

    snapshot_id: SnapshotId
    outcome: Outcome
    rows: int | None = None
    rejected_rows: int | None = None
    detail: str = ""


class Rebuilder:
    """The Parquet function of one stack. `running` and `waiting`: the days that have not ended, or not begun."""

    def __init__(self, functions: Any, logs: Any, function: str, store: SnapshotStore, parallel: int) -> None:
        self._functions = functions
        self._logs = logs
        self._function = function
        self._store = store
        self._parallel = parallel
        self.running: dict[SnapshotId, RunLog] = {}
        self.waiting: deque[SnapshotId] = deque()

    def rebuild(self, days: Iterable[SnapshotId]) -> Iterator[Rebuilt]:
        """Yield each day as it ends; raises `ClientError` if there is no such function."""
        log_group = self._functions.get_function_configuration(FunctionName=self._function)["LoggingConfig"]["LogGroup"]
        self.waiting.extend(days)
        while self.waiting or self.running:
            while self.waiting and len(self.running) < self._parallel:
                yield from self._started(log_group)
            yield from self._ended()
            if len(self.running) == self._parallel or (self.running and not self.waiting):
                time.sleep(run_log.POLL_SECONDS)

    def _started(self, log_group: str) -> Iterator[Rebuilt]:
        """Start the next day; yields it only if AWS refuses."""
        day = self.waiting[0]
        payload = {"chain_id": day.chain_id, "date": day.snapshot_date.isoformat(), "rebuild": True}
        try:
            started = self._functions.invoke(
                FunctionName=self._function, InvocationType="Event", Payload=json.dumps(payload)
            )
        except (ClientError, BotoCoreError) as error:
            yield _failed(day, error)
        else:
            request_id = started["ResponseMetadata"]["RequestId"]
            self.running[day] = RunLog(self._logs, log_group, request_id, _tells_the_end)
        self.waiting.popleft()

    def _ended(self) -> Iterator[Rebuilt]:
        for day, log in list(self.running.items()):
            try:
                end = log.poll()
                result = None if end is None else self._result(day, end)
            except (OutOfTime, StorageError, ClientError, BotoCoreError) as error:
                result = _failed(day, error)
            if result is not None:
                del self.running[day]
                yield result

    def _result(self, day: SnapshotId, end: LogEntry) -> Rebuilt:
        if "error" in end:
            return Rebuilt(day, Outcome.FAILED, detail=f"{end['error']} {end['message']}")
        if "by_run_id" in end:
            return Rebuilt(day, Outcome.SUPERSEDED)
        quality = self._store.quality(day)
        if end["status"] != "complete" or quality is None:
            return Rebuilt(day, Outcome.FAILED, detail=OLD_FUNCTION)
        return Rebuilt(day, Outcome.REBUILT, quality.parquet_rows, quality.rejected_rows)


def _failed(day: SnapshotId, error: Exception) -> Rebuilt:
    return Rebuilt(day, Outcome.FAILED, detail=f"{type(error).__name__} {error}")


def _tells_the_end(entry: LogEntry) -> bool:
    return "status" in entry or "by_run_id" in entry
