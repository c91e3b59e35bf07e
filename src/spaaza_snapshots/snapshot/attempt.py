"""One attempt at an export: stream it into an upload, prove it, write its record ahead, make it an object."""

import uuid
from contextlib import ExitStack
from dataclasses import dataclass

from spaaza_snapshots.base.telemetry import Progress, logger
from spaaza_snapshots.model.manifest import Manifest, Source
from spaaza_snapshots.proof.checks import proof, refuse_unproven
from spaaza_snapshots.proof.gzip_csv import GzipCsvInspector, Inspection
from spaaza_snapshots.s3.multipart import MultipartUpload
from spaaza_snapshots.snapshot.commit import ROUNDS, Day, outrun, settle
from spaaza_snapshots.snapshot.draft import Comparison, Proven, record_of
from spaaza_snapshots.snapshot.held import doubtful
from spaaza_snapshots.snapshot.run import Run
from spaaza_snapshots.spaaza.export_stream import ExportStream


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a run: the id that its upload and its record carry, and its number, from 1."""

    run_id: str
    number: int


def export_once(run: Run, attempt: int) -> Manifest | None:
    """Make the export an object and return its record; None where another run was quicker.

    Nothing can be seen before all of it was proven: leaving this function in any other way than with a record aborts
    the upload. The id is this attempt's own: it names one upload and no other.
    """
    services, run_id = run.services, str(uuid.uuid4())
    logger.append_keys(run_id=run_id)
    with (
        services.exports.open(run.chain_id, services.read_session) as export,
        services.store.upload_raw(run.chain_id, run.snapshot_date, run_id, services.clock) as upload,
    ):
        inspection = _copy(export, upload, run)
        proven = _prove(run, export, upload, inspection, Attempt(run_id, attempt))
        return _commit(run, proven, upload, export.how_far())


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


def _prove(run: Run, export: ExportStream, upload: MultipartUpload, inspection: Inspection, attempt: Attempt) -> Proven:
    """Refuse what is not whole, and wait until S3 has all parts of what is."""
    checks = proof(inspection, export.received_bytes, export.declared_end)
    refuse_unproven(checks)
    upload.flush()
    content_type, disposition = export.header("Content-Type"), export.header("Content-Disposition")
    source = Source(run.services.exports.url, content_type, disposition, attempt.number)
    return Proven(attempt.run_id, inspection, checks, source, export.first_byte_at, upload.parts)


def _commit(run: Run, proven: Proven, upload: MultipartUpload, how_far: str) -> Manifest | None:
    """Write the record ahead and complete the upload, only ever over what the export was judged against.

    Whatever others commit before the Complete takes effect changes what is there: then all is judged again.
    """
    store = run.services.store
    with ExitStack() as leaving:
        for _ in range(ROUNDS):
            run.services.clock.require("committing the snapshot", how_far)
            day = settle(store, run.chain_id, run.snapshot_date)
            if day.committed is not None and not run.force:
                return None
            record = _judge(run, proven, day)
            leaving.pop_all()  # from here on the record may be that of an object
            store.write_ahead(record)
            if record.is_held and day.held is not None:
                return None  # somebody was asked to accept the one that is there; this one only counts
            if upload.complete(proven.inspection.crc32, day.unchanged) is not None:
                return record
            # Not at once: a removal that takes effect late would take the record of the next round.
            leaving.callback(store.remove_pending, record)
        raise outrun(run.chain_id, run.snapshot_date)


def _judge(run: Run, proven: Proven, day: Day) -> Manifest:
    """Return the record of an export that may take the place of what stands; held where it is doubtful.

    A doubtful one replaces nothing that is committed: what is there is good.
    """
    previous = run.services.store.previous(run.chain_id, run.snapshot_date)
    record = record_of(run, proven, Comparison(previous, replaced=day.committed))
    if record.is_held and day.committed is not None:
        hint = "The snapshot that was there stays. If Spaaza confirms these users, force again with a higher limit."
        raise doubtful(record, "it was not kept", hint, kept=False)
    return record
