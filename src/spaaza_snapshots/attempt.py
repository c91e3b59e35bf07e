"""One attempt at an export: stream it into an upload, prove it, write its record ahead, make it an object."""

from spaaza_snapshots.checks import proof, refuse_unproven
from spaaza_snapshots.commit import look, settle
from spaaza_snapshots.errors import NEXT_RUN, ExportInterrupted, SnapshotHeld
from spaaza_snapshots.export_stream import ExportStream
from spaaza_snapshots.gzip_csv import GzipCsvInspector, Inspection
from spaaza_snapshots.manifest import Manifest, Source
from spaaza_snapshots.multipart import MultipartUpload
from spaaza_snapshots.record import Comparison, Proven, record_of
from spaaza_snapshots.run import Run
from spaaza_snapshots.telemetry import Progress, logger

NOT_YET = "if not, do nothing: the schedule exports a day again while it lasts, three times at most."


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
        services.clock.require("committing the snapshot", export.how_far())
        return _commit(run, record, upload, inspection.crc32)


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
    """Write the record ahead and complete the upload, over what may be replaced and over nothing else.

    A plain run replaces nothing that is committed, a doubtful record nothing at all that a run of ours made: what was
    there is good, or is the one that somebody was asked to accept.
    """
    store = run.services.store
    day = settle(store, run.chain_id, run.snapshot_date)
    if day.committed is not None and not run.force:
        return None
    if record.is_held and day.committed is not None:
        hint = "The snapshot that was there stays. If Spaaza confirms these users, force again with a higher limit."
        raise _doubtful(record, "it was not kept", hint, kept=False)
    store.write_ahead(record)
    if record.is_held and day.held is not None:
        return None
    if upload.complete(crc32, {} if run.force and not record.is_held else day.unchanged) is not None:
        return record
    store.remove_pending(record)
    day = look(store, run.chain_id, run.snapshot_date)
    if day.committed is None and (day.record is None or (day.record.is_held and not record.is_held)):
        raise ExportInterrupted(
            "Another run wrote the object meanwhile", "it left no snapshot, or a held one", NEXT_RUN
        )
    return None


def held(record: Manifest, otherwise: str = NOT_YET, *, again: bool = False) -> SnapshotHeld:
    """Return the error of a record that is held: why, what accepts it, and what to do otherwise."""
    payload = f'{{"chain_id": {record.chain_id}, "date": "{record.snapshot_date}", "accept": true}}'
    return _doubtful(
        record,
        "it is kept, unseen",
        f"If Spaaza confirms these users, invoke the function with {payload}"
        f" (make snapshot CHAIN={record.chain_id} DATE={record.snapshot_date} ACCEPT=1); {otherwise}",
        again=again,
    )


def _doubtful(record: Manifest, what_became_of_it: str, hint: str, **marks: bool) -> SnapshotHeld:
    notes = "; ".join(f"{check.name}: {check.notes}" for check in record.failed_checks)
    what = f"The snapshot of chain {record.chain_id} for {record.snapshot_date} is doubtful"
    return SnapshotHeld(what, f"{notes}; {what_became_of_it}", hint, **marks)
