"""The typed copy of one snapshot: from its manifest to a Parquet object, in order."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import Telemetry, logger
from spaaza_snapshots.errors import InvalidRequest, StorageError
from spaaza_snapshots.events.bus import EventBus
from spaaza_snapshots.events.messages import parquet_completed
from spaaza_snapshots.model.manifest import Manifest, utc_text
from spaaza_snapshots.model.quality import Quality, Rejects
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.parquet.convert import Converted, Machine, convert
from spaaza_snapshots.parquet.work_folder import disk_bytes, work_folder
from spaaza_snapshots.s3.objects import ROUNDS
from spaaza_snapshots.s3.parquet_store import ParquetStore
from spaaza_snapshots.s3.snapshot_store import SnapshotStore

COMPLETE = "complete"
ALREADY_COMPLETE = "already_complete"
SUPERSEDED = "superseded"

LOGGED_REJECTS: Final = 20

ParquetResult = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ParquetServices:
    """What a conversion depends on; without a bus, no event is sent."""

    snapshots: SnapshotStore
    store: ParquetStore
    bus: EventBus | None
    telemetry: Telemetry
    clock: Clock
    memory_mb: int


def build_parquet(services: ParquetServices, snapshot_id: SnapshotId, *, rebuild: bool = False) -> ParquetResult:
    """Make sure that the Parquet object of a snapshot matches its committed manifest.

    `rebuild`: replace even one that does, as after a change of the converter.

    Returns `status`: "complete", "already_complete", or "superseded" if another run has committed in the meantime; its
    event starts the conversion that counts. Raises `InvalidRequest` and `StorageError`. Idempotent, and safe to run
    concurrently.
    """
    manifest = _committed(services, snapshot_id)
    if not rebuild and services.snapshots.has_typed_copy(manifest):
        _measure(services, manifest.chain_id, services.snapshots.quality(snapshot_id))
        return _finish(services, manifest, ALREADY_COMPLETE)
    with work_folder(disk_bytes(manifest.raw)) as folder:
        source = folder / "users.csv.gz"
        if not services.store.download(manifest.raw, source):
            return _superseded(services, manifest)
        services.clock.require("converting", f"downloaded, {manifest.row_count:,} rows")
        converted = convert(source, manifest, Machine(services.memory_mb, folder, services.clock))
        quality = _quality(services, manifest, converted)
        services.clock.require("converting", f"converted, {converted.rows:,} rows, not yet visible")
        if not _publish(services, manifest, converted.parquet, quality, rebuild=rebuild):
            return _superseded(services, manifest)
    _tell_findings(services, manifest, quality, converted.rejects)
    return _finish(services, manifest, COMPLETE)


def _committed(services: ParquetServices, snapshot_id: SnapshotId) -> Manifest:
    stored = services.snapshots.manifest(snapshot_id)
    if stored is None:
        raise InvalidRequest(
            "There is no committed snapshot",
            str(snapshot_id),
            "Look under manifests/ in the bucket for dates that have one.",
        )
    if stored.manifest is None:
        raise StorageError(
            "The manifest of this snapshot is damaged",
            str(snapshot_id),
            "Restore an earlier version of it.",
        )
    return stored.manifest


def _quality(services: ParquetServices, manifest: Manifest, converted: Converted) -> Quality:
    return Quality(
        run_id=manifest.run_id,
        row_count=manifest.row_count,
        parquet_rows=converted.rows,
        rejected_rows=converted.rejects.count,
        cast_errors=converted.cast_errors,
        rejects=tuple(converted.rejects.first),
        completed_at=utc_text(services.clock.now()),
    )


def _publish(services: ParquetServices, manifest: Manifest, parquet: Path, quality: Quality, *, rebuild: bool) -> bool:
    """Publish Parquet and findings while the manifest is still of this run and its export there; False once not.

    The stored objects are read before the manifest, and replaced only if unchanged: so a run that was superseded after
    reading cannot overwrite what the later run wrote, and no conversion brings back a person who was erased meanwhile:
    an erasure deletes the export first, and then replaces the copy. The findings come last: users_latest shows a day
    only if its findings are from the manifest's own run.
    """
    for _ in range(ROUNDS):
        there, findings = services.snapshots.derived(manifest.snapshot_id)
        if _committed(services, manifest.snapshot_id).run_id != manifest.run_id:
            return False
        if not services.store.has(manifest.raw):
            return False
        # It may already be there: two conversions ran concurrently, or one was killed between the two writes.
        is_there = not rebuild and there is not None and there.is_of(manifest.run_id)
        if is_there and findings is not None and findings.is_of(manifest.run_id):
            return True
        if not is_there and not services.store.put_parquet(manifest, parquet, there):
            continue
        if services.store.put_quality(manifest, quality, findings):
            return True
    raise StorageError(
        "Other conversions of this snapshot were always faster",
        f"{manifest.snapshot_id}, {ROUNDS} rounds",
        "Find out who sends the event so often, then send it once more.",
    )


def _superseded(services: ParquetServices, manifest: Manifest) -> ParquetResult:
    """End without an event; raises `StorageError` if no other run has superseded this one."""
    current = _committed(services, manifest.snapshot_id)
    if current.run_id == manifest.run_id:
        raise StorageError(
            "The raw object is not the one that its manifest describes",
            manifest.raw.key,
            "If it was erased for a person, leave it so. Else restore that version, or take the snapshot again with"
            " force before its day ends.",
        )
    logger.info("Superseded", extra={"by_run_id": current.run_id})
    return _result(manifest, SUPERSEDED)


def _tell_findings(services: ParquetServices, manifest: Manifest, quality: Quality, rejects: Rejects) -> None:
    if rejects.count:
        first = [reject.record for reject in rejects.first[:LOGGED_REJECTS]]
        logger.warning("Records could not be read", extra={"reasons": dict(rejects.reasons), "first_records": first})
    errors = {column.column: column.count for column in quality.cast_errors}
    logger.info("Converted", extra={"rows": quality.parquet_rows, "cast_errors": errors})
    _measure(services, manifest.chain_id, quality)


def _measure(services: ParquetServices, chain_id: int, quality: Quality | None) -> None:
    """Measure what the findings say; again where they are stored, since who stored them may not have lived to do it."""
    if quality is None:
        return
    services.telemetry.measure(
        {
            "ParquetsCompleted": 1,
            "ParquetsUnfit": int(quality.is_unfit),
            "RejectedRecords": quality.rejected_rows,
            "ColumnsUnfit": len(quality.unfit_columns),
            "CastErrors": sum(column.count for column in quality.cast_errors),
        },
        chain_id,
    )


def _finish(services: ParquetServices, manifest: Manifest, status: str) -> ParquetResult:
    """Send the event, even if it may be a repeat: an earlier conversion may have been killed before sending it."""
    if services.bus is not None:
        services.bus.put([parquet_completed(manifest)])
    logger.info("Done", extra={"status": status})
    return _result(manifest, status)


def _result(manifest: Manifest, status: str) -> ParquetResult:
    return {
        "chain_id": manifest.chain_id,
        "date": manifest.snapshot_date,
        "run_id": manifest.run_id,
        "row_count": manifest.row_count,
        "status": status,
    }
