"""The events that this product sends: their types, and what each carries."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from spaaza_snapshots.errors import SnapshotError, SnapshotHeld
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.model.snapshot_id import SnapshotId

SOURCE = "spaaza.snapshots"
SNAPSHOT_REQUESTED = "Snapshot Requested"
SNAPSHOT_COMPLETED = "Snapshot Completed"
SNAPSHOT_FAILED = "Snapshot Failed"
PARQUET_COMPLETED = "Parquet Completed"

FIRST_NOTICE = "first"
REPEATED_NOTICE = "repeated"


@dataclass(frozen=True, slots=True)
class Event:
    """One event to put: its type, and its detail, which names the chain."""

    detail_type: str
    detail: Mapping[str, Any]


def snapshots_requested(chain_ids: Iterable[int], snapshot_date: date, *, force: bool) -> list[Event]:
    """Return one event for each chain, with the date fixed now so that a late delivery fills the right day."""
    day = snapshot_date.isoformat()
    return [Event(SNAPSHOT_REQUESTED, {"chain_id": each, "date": day, "force": force}) for each in chain_ids]


def snapshot_completed(manifest: Manifest) -> Event:
    """Return the event that starts everything derived from a snapshot."""
    detail = {
        "chain_id": manifest.chain_id,
        "date": manifest.snapshot_date,
        "run_id": manifest.run_id,
        "row_count": manifest.row_count,
        "raw_key": manifest.raw.key,
        "manifest_key": manifest.key,
        "header_changes": None if manifest.header_changes is None else asdict(manifest.header_changes),
    }
    return Event(SNAPSHOT_COMPLETED, detail)


def parquet_completed(manifest: Manifest) -> Event:
    """Return the event that says that the typed copy of a snapshot can be queried."""
    detail = {
        "chain_id": manifest.chain_id,
        "date": manifest.snapshot_date,
        "run_id": manifest.run_id,
        "parquet_key": manifest.snapshot_id.parquet_key,
        "quality_key": manifest.snapshot_id.quality_key,
    }
    return Event(PARQUET_COMPLETED, detail)


def snapshot_failed(snapshot_id: SnapshotId, error: Exception) -> Event:
    """Return the event of a run that failed: before its commit, or in what follows it."""
    told: dict[str, Any] = {
        "chain_id": snapshot_id.chain_id,
        "date": snapshot_id.snapshot_date.isoformat(),
        "error": type(error).__name__,
        "detail": error.detail if isinstance(error, SnapshotError) else "",
        "hint": error.hint if isinstance(error, SnapshotError) else "This is a bug: look at the function's log.",
    }
    if isinstance(error, SnapshotHeld):
        # A day stays held hour after hour but needs only one e-mail. The rule that sends it matches `notice`, because
        # CloudFormation has turned booleans in rule patterns into strings before, which would match nothing.
        told |= {"again": error.again, "notice": REPEATED_NOTICE if error.again else FIRST_NOTICE}
    return Event(SNAPSHOT_FAILED, told)
