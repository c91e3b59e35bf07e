"""Several chains: one event for each, so that each has its own run, time limit and failure."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from spaaza_snapshots.base.telemetry import Telemetry, logger
from spaaza_snapshots.errors import InvalidRequest, StorageError
from spaaza_snapshots.events.bus import EventBus
from spaaza_snapshots.events.messages import snapshots_requested
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.snapshot.commit import look
from spaaza_snapshots.snapshot.request import SnapshotRequest


def fan_out(request: SnapshotRequest, bus: EventBus | None) -> Mapping[str, Any]:
    """Request each chain's snapshot on the bus; raises `StorageError` naming the chains that could not be requested."""
    if bus is None:
        raise InvalidRequest(
            "Several chains need an event bus",
            f"{len(request.chain_ids)} chains, and EVENT_BUS_NAME is not set",
            "Set EVENT_BUS_NAME, or invoke the function once for each chain.",
        )
    events = snapshots_requested(request.chain_ids, request.snapshot_date, force=request.force)
    bus.put(events)
    requested = [event.detail for event in events]
    logger.info("Requested", extra={"requested": requested})
    return {"requested": requested}


def measure_missing(store: SnapshotStore, chain_ids: Iterable[int], snapshot_date: date, telemetry: Telemetry) -> None:
    """Measure how many chains have no committed snapshot of a date; one that cannot be checked counts as missing."""
    missing = [chain_id for chain_id in chain_ids if not _is_committed(store, SnapshotId(chain_id, snapshot_date))]
    telemetry.measure({"ChainsMissingToday": len(missing)})
    logger.info("Missing so far", extra={"missing_chain_ids": missing, "snapshot_date": snapshot_date.isoformat()})


def _is_committed(store: SnapshotStore, snapshot_id: SnapshotId) -> bool:
    try:
        return look(store, snapshot_id).committed is not None
    except StorageError as error:
        logger.warning(
            "A chain could not be checked", extra={"missing_chain_id": snapshot_id.chain_id, "error": str(error)}
        )
        return False
