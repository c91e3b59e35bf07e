"""One attempt at an export: stream it into an upload, prove it, write its record ahead, make it an object."""

from spaaza_snapshots.checks import proof, refuse_unproven
from spaaza_snapshots.commit import settle
from spaaza_snapshots.errors import SnapshotHeld
from spaaza_snapshots.export_stream import ExportStream
from spaaza_snapshots.gzip_csv import GzipCsvInspector, Inspection
from spaaza_snapshots.manifest import Manifest, Source
from spaaza_snapshots.multipart import MultipartUpload
from spaaza_snapshots.record import Comparison, Proven, record_of
from spaaza_snapshots.run import Run
from spaaza_snapshots.telemetry import Progress, logger


def export_once(run: Run, compared_with: Comparison, attempt: int) -> Manifest | None:
    """Make the export an object and return its record; None where another run was quicker.

    Nothing can be seen before all of it was proven: leaving this function in any other way than with a record aborts
    the upload.
    """
    services = run.services
    with (
        services.exports.open(run.chain_id, services.read_session) as export,
        services.store.upload_raw(run.chain_id, run.snapshot_date, run.run_id, services.clock) as upload,
    ):
        inspection = _copy(export, upload, run)
        proven = _prove(run, export, upload, inspection, attempt)
        record = record_of(run, proven, compared_with)
        if record.is_held and compared_with.replaced is not None:
            raise held(record, kept="The snapshot that was there stays")
        services.clock.require("committing the snapshot", export.how_far())
        return _commit(run, record, upload, inspection.crc32)


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


def _prove(run: Run, export: ExportStream, upload: MultipartUpload, inspection: Inspection, attempt: int) -> Proven:
    """Refuse what is not whole, and wait until S3 has all parts of what is."""
    checks = proof(inspection, export.received_bytes, export.declared_end)
    refuse_unproven(checks)
    upload.flush()
    content_type, disposition = export.header("Content-Type"), export.header("Content-Disposition")
    source = Source(run.services.exports.url, content_type, disposition, attempt)
    return Proven(inspection, checks, source, export.first_byte_at, upload.parts)


def _commit(run: Run, record: Manifest, upload: MultipartUpload, crc32: int) -> Manifest | None:
    """Write the record ahead and complete the upload, unless another run was quicker and this one is not forced."""
    store = run.services.store
    day = settle(store, run.chain_id, run.snapshot_date)
    if day.committed is not None and not run.force:
        return None
    store.write_ahead(record)
    if upload.complete(crc32, {} if run.force else day.unchanged) is None:
        store.remove_pending(record)
        return None
    return record
