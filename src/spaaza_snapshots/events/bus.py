"""The event bus: what is asked of it and what is told on it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from spaaza_snapshots.base.aws_errors import storage_errors
from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import logger
from spaaza_snapshots.errors import SnapshotError, SnapshotHeld, StorageError
from spaaza_snapshots.model import keys
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.snapshot.request import SNAPSHOT_REQUESTED, SOURCE, Request

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_events.type_defs import PutEventsRequestEntryTypeDef

SNAPSHOT_COMPLETED = "Snapshot Completed"
SNAPSHOT_FAILED = "Snapshot Failed"
PARQUET_COMPLETED = "Parquet Completed"

FIRST_NOTICE = "first"
REPEATED_NOTICE = "repeated"

ENTRIES_PER_CALL = 10
"""https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html"""

TRIES = 3


@dataclass(frozen=True, slots=True)
class Event:
    """One entry to put: what happened, to which chain, and all that is told of it."""

    detail_type: str
    chain_id: int
    detail: Mapping[str, Any]


class EventBus:
    """Puts events of this product on one bus; raises `StorageError` for what it could not put."""

    def __init__(self, events: "EventBridgeClient", bus_name: str, clock: Clock) -> None:
        self._events = events
        self._bus_name = bus_name
        self._clock = clock

    def put(self, events: Sequence[Event]) -> None:
        """Put events ten at a time; entries that the bus refuses are put again, alone, three times in all.

        Raises `StorageError` naming the chains of those that still fail, after all others were put.
        """
        failed: list[Event] = []
        for begin in range(0, len(events), ENTRIES_PER_CALL):
            failed += self._put_batch(events[begin : begin + ENTRIES_PER_CALL])
        if failed:
            raise StorageError(
                "EventBridge refused events",
                f"{failed[0].detail_type!r} of chains {sorted({event.chain_id for event in failed})}",
                "The next run of the schedule puts them again; else check the bus and the function's role.",
            )

    def _put_batch(self, batch: Sequence[Event]) -> Sequence[Event]:
        """Put a batch and return what is still refused after all tries, or after one when only the reserve is left."""
        batch = self._put_once(batch)
        for waited_seconds in range(1, TRIES):
            if not batch or self._clock.seconds_left() <= waited_seconds:
                break
            self._clock.sleep(waited_seconds)
            batch = self._put_once(batch)
        return batch

    def _put_once(self, batch: Sequence[Event]) -> Sequence[Event]:
        """Put a batch and return those of its events that were refused: a call that fails refuses them all."""
        try:
            with storage_errors(f"putting {batch[0].detail_type!r} on {self._bus_name}"):
                answer = self._events.put_events(Entries=[self._entry(event) for event in batch])
        except StorageError as error:
            logger.warning("PutEvents failed", extra={"error": str(error)})
            return batch
        # a refused entry raises nothing: it only has an ErrorCode in its place of the answer
        return [event for event, entry in zip(batch, answer["Entries"], strict=True) if "ErrorCode" in entry]

    def _entry(self, event: Event) -> "PutEventsRequestEntryTypeDef":
        return {
            "EventBusName": self._bus_name,
            "Source": SOURCE,
            "DetailType": event.detail_type,
            "Detail": json.dumps(event.detail),
        }


def snapshots_requested(request: Request) -> list[Event]:
    """One event for each chain of a request, the date settled now so that a late delivery fills the right day."""
    return [
        Event(
            SNAPSHOT_REQUESTED,
            chain_id,
            {"chain_id": chain_id, "date": request.snapshot_date.isoformat(), "force": request.force},
        )
        for chain_id in request.chain_ids
    ]


def snapshot_completed(manifest: Manifest) -> Event:
    """What starts whatever is derived from a snapshot."""
    detail = {
        "chain_id": manifest.chain_id,
        "date": manifest.snapshot_date,
        "run_id": manifest.run_id,
        "row_count": manifest.row_count,
        "raw_key": manifest.raw.key,
        "manifest_key": manifest.key,
        "header_changes": None if manifest.header_changes is None else asdict(manifest.header_changes),
    }
    return Event(SNAPSHOT_COMPLETED, manifest.chain_id, detail)


def parquet_completed(manifest: Manifest) -> Event:
    """What tells that the typed copy of a snapshot can be queried."""
    detail = {
        "chain_id": manifest.chain_id,
        "date": manifest.snapshot_date,
        "run_id": manifest.run_id,
        "parquet_key": keys.parquet_key(manifest.chain_id, manifest.date),
        "quality_key": keys.quality_key(manifest.chain_id, manifest.date),
    }
    return Event(PARQUET_COMPLETED, manifest.chain_id, detail)


def snapshot_failed(chain_id: int, snapshot_date: date, error: Exception) -> Event:
    """What a run that ended without a committed snapshot leaves for others to react to."""
    told: dict[str, Any] = {
        "chain_id": chain_id,
        "date": snapshot_date.isoformat(),
        "error": type(error).__name__,
        "detail": error.detail if isinstance(error, SnapshotError) else "",
        "hint": error.hint if isinstance(error, SnapshotError) else "This is a defect: look at the function's log.",
    }
    if isinstance(error, SnapshotHeld):
        # A day is held hour after hour, and needs one e-mail. The rule that sends it matches `notice`: a boolean in the
        # pattern of a rule has come out of CloudFormation as a text before, which would match nothing.
        told |= {"again": error.again, "notice": REPEATED_NOTICE if error.again else FIRST_NOTICE}
    return Event(SNAPSHOT_FAILED, chain_id, told)
