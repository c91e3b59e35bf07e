"""What follows a commit; each step is idempotent, and a later run repeats what is missing.

    conclude      measure the new snapshot, then remove its draft, which says that this may be missing
    announce      put `Snapshot Completed` on the bus: once, and again while the typed copy is missing
    keep tables   make the Glue tables hold its columns

`finish` does the last two and returns the run's result; `follow_up` is the same for a day that has no run of its own.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from spaaza_snapshots.base.telemetry import logger
from spaaza_snapshots.errors import SessionExpired, SnapshotHeld, StorageError
from spaaza_snapshots.events.bus import EventBus
from spaaza_snapshots.events.messages import snapshot_completed, snapshot_failed
from spaaza_snapshots.glue.catalog import GlueCatalog
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.snapshot.commit import Day
from spaaza_snapshots.snapshot.run import Run, Services

COMPLETE = "complete"
ALREADY_COMPLETE = "already_complete"
HEALED = "healed"
"""For the previous day, which has no run left to return a result."""

SnapshotResult = Mapping[str, Any]
"""The manifest's fields and `status`."""


def conclude(services: Services, manifest: Manifest) -> None:
    """Report a new snapshot, then remove its draft: while the draft exists, the report may be missing."""
    seconds, changes = manifest.run_seconds, manifest.header_changes
    services.telemetry.measure(
        {
            "SnapshotsCompleted": 1,
            "Rows": manifest.row_count,
            "RowsWithLineBreaks": manifest.rows_with_line_breaks,
            "GzipBytes": manifest.raw.gzip_bytes,
            "CsvBytes": manifest.raw.csv_bytes,
            "RunSeconds": seconds,
            "CsvBytesPerSecond": manifest.raw.csv_bytes / max(seconds, 0.001),
            "Attempts": manifest.source.attempts,
            "HeaderChanges": int(changes is not None and changes.is_change),
        },
        manifest.chain_id,
    )
    services.store.remove_pending(manifest)


def conclude_for_others(services: Services, day: Day) -> None:
    """Report a snapshot whose run was killed before it could."""
    if day.committed is not None and day.draft is not None:
        conclude(services, day.committed)


def finish(services: Services, manifest: Manifest, status: str) -> SnapshotResult:
    """Do what follows a commit and return the result; a failed step is measured, and its error raised."""
    try:
        follow_up(services, manifest, status)
    except StorageError:
        services.telemetry.measure({"TailsUndone": 1}, manifest.chain_id)
        raise
    logger.info("Done", extra={"status": status, "rows": manifest.row_count, "snapshot_run_id": manifest.run_id})
    return {**asdict(manifest), "status": status}


def follow_up(services: Services, manifest: Manifest, status: str) -> None:
    """Announce the snapshot and update the tables; neither waits for the other to succeed."""
    try:
        if services.bus is not None:
            _announce(services, services.bus, manifest, status)
    finally:
        if services.catalog is not None:
            _keep_tables(services, services.catalog, manifest, status)


def _keep_tables(services: Services, catalog: GlueCatalog, manifest: Manifest, status: str) -> None:
    change = catalog.ensure_tables(manifest.columns, manifest.snapshot_id.snapshot_date)
    if status == COMPLETE or (status == ALREADY_COMPLETE and not change.raw_conforms):
        services.telemetry.measure({"RawTableSkips": int(not change.raw_conforms)}, manifest.chain_id)


def _announce(services: Services, bus: EventBus, manifest: Manifest, status: str) -> None:
    """Announce a new snapshot; re-announce one whose typed copy or findings are missing or from another run."""
    if status != COMPLETE:
        if services.store.has_typed_copy(manifest):
            return
        services.telemetry.measure({"ParquetsMissing": 1}, manifest.chain_id)
    bus.put([snapshot_completed(manifest)])


def report_failure(run: Run, services: Services, error: Exception) -> None:
    """Report a failed run to metrics and bus; raises nothing, so that the original error is raised."""
    name = "SnapshotsHeld" if isinstance(error, SnapshotHeld) and error.kept else "SnapshotsFailed"
    metrics = {name: 1, "SessionsRejected": 1} if isinstance(error, SessionExpired) else {name: 1}
    services.telemetry.measure(metrics, run.snapshot_id.chain_id)
    if services.bus is None:
        return
    try:
        services.bus.put([snapshot_failed(run.snapshot_id, error)])
    except StorageError as second:
        logger.warning("The failure could not be put on the bus", extra={"error": str(second)})
