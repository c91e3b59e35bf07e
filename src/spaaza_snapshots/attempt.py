"""One attempt at an export: stream it into an upload, prove it, write its record ahead, make it an object."""

from dataclasses import dataclass

from spaaza_snapshots import keys
from spaaza_snapshots.checks import advice, guard, proof, refuse_unproven
from spaaza_snapshots.columns import columns_of
from spaaza_snapshots.commit import settle
from spaaza_snapshots.errors import SnapshotHeld
from spaaza_snapshots.export_stream import ExportStream
from spaaza_snapshots.gzip_csv import GzipCsvInspector, Inspection
from spaaza_snapshots.manifest import (
    MANIFEST_VERSION,
    Check,
    Manifest,
    Producer,
    Raw,
    Source,
    header_changes,
    utc_text,
)
from spaaza_snapshots.multipart import CHECKSUM_ALGORITHM, MultipartUpload, checksum_text
from spaaza_snapshots.run import Run
from spaaza_snapshots.telemetry import Progress, logger


@dataclass(frozen=True, slots=True)
class Comparison:
    """The snapshots that a new one is compared with: the one before it, and the one that it would replace."""

    previous: Manifest | None
    replaced: Manifest | None


def export_once(run: Run, compared_with: Comparison, attempt: int) -> Manifest | None:
    """Make the export an object, and return its record; None where another run was quicker.

    Verify, write ahead, complete: nothing can be seen before all of it was proved, and leaving this function in any
    other way than with a record aborts the upload.
    """
    services = run.services
    with (
        services.exports.open(run.chain_id, services.read_session) as export,
        services.store.upload_raw(run.chain_id, run.snapshot_date, run.run_id, services.clock) as upload,
    ):
        inspection = _copy(export, upload, run)
        proved = proof(inspection, export.received_bytes, export.declared_end)
        refuse_unproven(proved)
        upload.flush()
        record = _record(run, inspection, proved, compared_with, export, upload.parts, attempt)
        if record.is_held and compared_with.replaced is not None:
            raise held(record, kept="The snapshot that was there stays")
        services.clock.require("committing the snapshot", export.how_far())
        day = settle(services.store, run.chain_id, run.snapshot_date)
        if day.committed is not None and not run.force:
            return None
        services.store.write_ahead(record)
        if upload.complete(inspection.crc32, {} if run.force else day.unchanged) is None:
            services.store.remove_pending(record)
            return None
    return record


def held(record: Manifest, kept: str = "It is kept, unseen") -> SnapshotHeld:
    """Return the error that says why a whole export is doubtful, and what accepts it."""
    notes = "; ".join(f"{check.name}: {check.notes}" for check in record.failed_checks)
    payload = f'{{"chain_id": {record.chain_id}, "date": "{record.snapshot_date}", "accept": true}}'
    return SnapshotHeld(
        f"The snapshot of chain {record.chain_id} for {record.snapshot_date} is doubtful",
        f"{notes}. {kept}",
        f"If Spaaza confirms these users, invoke the function with {payload}; else do nothing.",
    )


def _copy(export: ExportStream, upload: MultipartUpload, run: Run) -> Inspection:
    """Send each chunk two ways, unchanged into the upload and past the inspector."""
    inspector = GzipCsvInspector()
    progress = Progress(run.services.clock)
    for chunk in export.chunks():
        inspector.feed(chunk)
        upload.write(chunk)
        progress.at(inspector.gzip_bytes, inspector.csv_bytes, inspector.row_count)
        if run.services.clock.seconds_left() <= 0:
            raise run.services.clock.out_of_time("streaming the export", export.how_far())
    inspection = inspector.finish()
    logger.info("The export has ended", extra={"gzip_bytes": inspection.gzip_bytes, "rows": inspection.row_count})
    return inspection


def _record(
    run: Run,
    inspection: Inspection,
    proved: tuple[Check, ...],
    compared_with: Comparison,
    export: ExportStream,
    parts: int,
    attempt: int,
) -> Manifest:
    changes = header_changes(inspection.header, compared_with.previous)
    completed_at = utc_text(run.services.clock.now())
    return Manifest(
        manifest_version=MANIFEST_VERSION,
        producer=Producer(),
        run_id=run.run_id,
        dataset=keys.DATASET,
        environment=run.environment,
        chain_id=run.chain_id,
        snapshot_date=run.snapshot_date.isoformat(),
        header=inspection.header,
        columns=columns_of(inspection.header),
        row_count=inspection.row_count,
        rows_with_line_breaks=inspection.rows_with_line_breaks,
        raw=_raw(run, inspection, parts),
        header_changes=changes,
        checks=(
            *proved,
            *_guards(run, inspection.row_count, compared_with),
            *advice(inspection.header, run.snapshot_date, run.taken_on, changes),
        ),
        source=Source(
            url=run.services.exports.url,
            content_type=export.header("Content-Type"),
            content_disposition=export.header("Content-Disposition"),
            attempts=attempt,
        ),
        requested_at=utc_text(run.requested_at or run.started_at),
        started_at=utc_text(run.started_at),
        first_byte_at=utc_text(export.first_byte_at),
        completed_at=completed_at,
    )


def _guards(run: Run, row_count: int, compared_with: Comparison) -> tuple[Check, ...]:
    """Compare with the snapshot before, and a forced export also with the one that it would replace."""
    allowed = run.max_row_drop_percent
    guards = [guard(row_count, compared_with.previous, "rows_kept_since_previous", allowed)]
    if compared_with.replaced is not None:
        guards.append(guard(row_count, compared_with.replaced, "rows_kept_since_replaced", allowed))
    return tuple(guards)


def _raw(run: Run, inspection: Inspection, parts: int) -> Raw:
    return Raw(
        bucket=run.services.store.bucket,
        key=keys.raw_key(run.chain_id, run.snapshot_date),
        version_id=None,
        etag=None,
        gzip_bytes=inspection.gzip_bytes,
        csv_bytes=inspection.csv_bytes,
        sha256=inspection.sha256,
        checksum_algorithm=CHECKSUM_ALGORITHM,
        checksum=checksum_text(inspection.crc32),
        parts=parts,
        gzip_members=inspection.gzip_members,
    )
