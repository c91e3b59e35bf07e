"""The event bus: puts events in batches, and retries refused ones."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_incrementing

from spaaza_snapshots.base.aws_errors import storage_errors
from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import logger
from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.events.messages import SOURCE, Event

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_events.type_defs import PutEventsRequestEntryTypeDef

ENTRIES_PER_CALL = 10
"""https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html"""

TRIES = 3


class EventBus:
    """Puts this product's events on one bus; raises `StorageError` for those that it could not put."""

    def __init__(self, events: "EventBridgeClient", bus_name: str, clock: Clock) -> None:
        self._events = events
        self._bus_name = bus_name
        self._clock = clock

    def put(self, events: Sequence[Event]) -> None:
        """Put events ten at a time; only refused entries are retried, three tries in total.

        Raises `StorageError` naming the chains of those that still fail, after all others have been put.
        """
        failed: list[Event] = []
        for start in range(0, len(events), ENTRIES_PER_CALL):
            failed += self._put_batch(events[start : start + ENTRIES_PER_CALL])
        if failed:
            raise StorageError(
                "EventBridge refused events",
                f"{failed[0].detail_type!r} of chains {sorted({event.detail['chain_id'] for event in failed})}",
                "The next scheduled run puts those of today and yesterday again; older ones need make snapshot DATE=."
                " If that fails too, check the bus and the function's role.",
            )

    def _put_batch(self, batch: Sequence[Event]) -> Sequence[Event]:
        """Put a batch and return what is still refused after all tries, or earlier if only the reserve is left."""
        for attempt in self._attempts():
            with attempt:
                batch = self._put_once(batch)
            attempt.retry_state.set_result(batch)
        return batch

    def _attempts(self) -> Retrying:
        return Retrying(
            retry=retry_if_result(bool),  # what is refused
            wait=wait_incrementing(start=1, increment=1),
            stop=lambda state: stop_after_attempt(TRIES)(state) or self._clock.seconds_left() <= state.upcoming_sleep,
            sleep=self._clock.sleep,
            retry_error_callback=lambda _state: None,
        )

    def _put_once(self, batch: Sequence[Event]) -> Sequence[Event]:
        """Put a batch once and return the refused events: all of them if the call fails."""
        try:
            with storage_errors(f"putting {batch[0].detail_type!r} on {self._bus_name}"):
                answer = self._events.put_events(Entries=[self._entry(event) for event in batch])
        except StorageError as error:
            logger.warning("PutEvents failed", extra={"error": str(error)})
            return batch
        # a refused entry raises nothing: it only has an ErrorCode in the answer
        return [event for event, entry in zip(batch, answer["Entries"], strict=True) if "ErrorCode" in entry]

    def _entry(self, event: Event) -> "PutEventsRequestEntryTypeDef":
        return {
            "EventBusName": self._bus_name,
            "Source": SOURCE,
            "DetailType": event.detail_type,
            "Detail": json.dumps(event.detail),
        }
