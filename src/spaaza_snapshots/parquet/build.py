"""The typed copy of one snapshot: from its manifest to a Parquet object, in the order in which it happens."""

import errno
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import Telemetry, logger
from spaaza_snapshots.errors import InvalidRequest, StorageError
from spaaza_snapshots.events.bus import EventBus
from spaaza_snapshots.events.messages import parquet_completed
from spaaza_snapshots.model.manifest import Manifest, Raw, utc_text
from spaaza_snapshots.model.quality import Quality, Rejects
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.parquet.convert import Converted, Machine, convert
from spaaza_snapshots.s3.objects import ROUNDS, StoredObject
from spaaza_snapshots.s3.parquet_store import ParquetStore
from spaaza_snapshots.s3.snapshot_store import SnapshotStore

COMPLETE = "complete"
ALREADY_COMPLETE = "already_complete"
SUPERSEDED = "superseded"

TEXT_PER_CSV: Final = 1.5
"""Bytes of the text of rows for each byte of the CSV: 1.02 measured. A row with a quote or a line break has two more
for each of its cells, so of the documented columns 1.4 if every row had one. In theory three."""

PARQUET_PER_GZIP: Final = 1
"""Bytes of the Parquet file for each byte of the raw object, at most: 0.53 measured on users that repeat little."""

FOLDER_PREFIX: Final = "parquet-"
LEFTOVER_SECONDS: Final = 15 * 60
"""Lambda's longest run: an older folder is of a conversion that was killed."""

LOGGED_REJECTS: Final = 20

ParquetResult = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ParquetServices:
    """What a conversion works with; without a bus nothing is told."""

    snapshots: SnapshotStore
    store: ParquetStore
    bus: EventBus | None
    telemetry: Telemetry
    clock: Clock
    memory_mb: int


def build_parquet(services: ParquetServices, snapshot_id: SnapshotId) -> ParquetResult:
    """Make sure that the Parquet object of a snapshot is that of its committed manifest.

    Returns `status`: "complete", "already_complete", or "superseded" where another run has committed meanwhile, whose
    own event starts the conversion that counts. Raises `InvalidRequest` and `StorageError`. Safe to repeat, and to run
    many times at once.
    """
    manifest = _committed(services, snapshot_id)
    if all(there is not None and there.is_of(manifest.run_id) for there in _derived(services, manifest)):
        return _finish(services, manifest, ALREADY_COMPLETE)
    _remove_leftovers()
    with _disk_errors(), _work_folder(manifest) as folder:
        source = folder / "users.csv.gz"
        if not services.store.download(manifest.raw, source):
            return _superseded(services, manifest)
        services.clock.require("converting", f"downloaded, {manifest.row_count:,} rows")
        converted = convert(source, manifest, Machine(services.memory_mb, folder, services.clock))
        quality = _quality(services, manifest, converted)
        services.clock.require("converting", f"converted, {converted.rows:,} rows, not yet visible")
        if not _publish(services, manifest, converted.parquet, quality):
            return _superseded(services, manifest)
    _tell_findings(services, manifest, quality, converted.rejects)
    return _finish(services, manifest, COMPLETE)


def _committed(services: ParquetServices, snapshot_id: SnapshotId) -> Manifest:
    stored = services.snapshots.manifest(snapshot_id)
    if stored is None:
        raise InvalidRequest(
            "There is no committed snapshot",
            str(snapshot_id),
            "Look under manifests/ in the bucket for the dates that have one.",
        )
    if stored.manifest is None:
        raise StorageError(
            "The manifest of this snapshot is damaged",
            str(snapshot_id),
            "Restore an earlier version of it.",
        )
    return stored.manifest


def _derived(services: ParquetServices, manifest: Manifest) -> tuple[StoredObject | None, StoredObject | None]:
    """Return what is there of the typed copy and of its findings."""
    return services.snapshots.derived(manifest.snapshot_id)


def _remove_leftovers() -> None:
    """Remove the folders of conversions that were killed in this environment: nothing else would."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        with suppress(OSError):  # another conversion removes it as well
            if time.time() - folder.stat().st_mtime > LEFTOVER_SECONDS:
                shutil.rmtree(folder)


@contextmanager
def _work_folder(manifest: Manifest) -> Iterator[Path]:
    """Make a folder with room for the conversion, and remove it with all that is in it."""
    with tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX) as name:
        needed_bytes, free_bytes = disk_bytes(manifest.raw), shutil.disk_usage(name).free
        if free_bytes < needed_bytes:
            raise _disk_is_full(f"{needed_bytes:,} bytes are needed, {free_bytes:,} are free")
        yield Path(name)


def disk_bytes(raw: Raw) -> int:
    """Return the bytes that a conversion may have on the disk at once: the raw object, its text, the Parquet file."""
    return int((1 + PARQUET_PER_GZIP) * raw.gzip_bytes + TEXT_PER_CSV * raw.csv_bytes)


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Turn what the disk refuses into a `StorageError`."""
    try:
        yield
    except OSError as error:
        name = type(error).__name__
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_is_full(name) from error
        raise StorageError(
            "The conversion could not write to the disk", name, "Send the event again; nothing was made visible."
        ) from error


def _disk_is_full(detail: str) -> StorageError:
    return StorageError(
        "The disk of the function is too small", detail, "Raise the size of its /tmp, and send the event again."
    )


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


def _publish(services: ParquetServices, manifest: Manifest, parquet: Path, quality: Quality) -> bool:
    """Make findings and Parquet visible while the manifest is still of that run; False once it is not.

    What is there is looked at before the manifest, and replaced only if it is still there: so a run that was
    superseded after it had looked cannot write over what the later run has put. The findings come last: only with
    findings of the manifest's own run does users_latest show a day.
    """
    for _ in range(ROUNDS):
        there, findings = _derived(services, manifest)
        if _committed(services, manifest.snapshot_id).run_id != manifest.run_id:
            return False
        # It may be there already: the conversion ran twice at once, or was killed between the two writes.
        is_there = there is not None and there.is_of(manifest.run_id)
        if is_there and findings is not None and findings.is_of(manifest.run_id):
            return True
        if not is_there and not services.store.put_parquet(manifest, parquet, there):
            continue
        if services.store.put_quality(manifest, quality, findings):
            return True
    raise StorageError(
        "Other conversions of this snapshot were always quicker",
        f"{manifest.snapshot_id}, {ROUNDS} rounds",
        "Find out who sends the event so often; sending it once more settles what stands.",
    )


def _superseded(services: ParquetServices, manifest: Manifest) -> ParquetResult:
    """End without a word on the bus; raises `StorageError` if no other run has taken this one's place."""
    current = _committed(services, manifest.snapshot_id)
    if current.run_id == manifest.run_id:
        raise StorageError(
            "The raw object is not the one that its manifest describes",
            manifest.raw.key,
            "Restore that version of it, or take the snapshot again with force while its day lasts.",
        )
    logger.info("Superseded", extra={"by_run_id": current.run_id})
    return _result(manifest, SUPERSEDED)


def _tell_findings(services: ParquetServices, manifest: Manifest, quality: Quality, rejects: Rejects) -> None:
    if rejects.count:
        first = [reject.record for reject in rejects.first[:LOGGED_REJECTS]]
        logger.warning("Records could not be read", extra={"reasons": dict(rejects.reasons), "first_records": first})
    errors = {column.column: column.count for column in quality.cast_errors}
    logger.info("Converted", extra={"rows": quality.parquet_rows, "cast_errors": errors})
    services.telemetry.measure(
        {
            "ParquetsCompleted": 1,
            "ParquetsUnfit": int(quality.is_unfit),
            "RejectedRecords": rejects.count,
            "CastErrors": sum(errors.values()),
        },
        manifest.chain_id,
    )


def _finish(services: ParquetServices, manifest: Manifest, status: str) -> ParquetResult:
    """Tell the bus, also once more: an earlier conversion may have ended before it could."""
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
