"""One attempt at an export: stream it into an upload, prove it, commit it."""

import uuid
from dataclasses import dataclass

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import Progress, logger
from spaaza_snapshots.model.manifest import Manifest, Raw, Source
from spaaza_snapshots.proof.checks import prove
from spaaza_snapshots.proof.gzip_csv import GzipCsvInspector, Inspection
from spaaza_snapshots.s3.multipart import MultipartUpload
from spaaza_snapshots.s3.objects import CHECKSUM_ALGORITHM, checksum_text
from spaaza_snapshots.snapshot.commit import commit
from spaaza_snapshots.snapshot.draft import Proven
from spaaza_snapshots.snapshot.run import Run
from spaaza_snapshots.snapshot.services import Services
from spaaza_snapshots.spaaza.export_stream import ExportStream


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a run: the id that its upload and its draft carry, and its number, from 1."""

    run_id: str
    number: int


def export_once(run: Run, services: Services, number: int) -> Manifest | None:
    """Make the export a snapshot and return its manifest; None where another run was quicker.

    Nothing can be seen before all of it was proven: leaving this function before the commit aborts the upload. The id
    is this attempt's own: it names one upload and no other. Raises `SnapshotHeld` for a doubtful export.
    """
    attempt = Attempt(str(uuid.uuid4()), number)
    logger.append_keys(run_id=attempt.run_id)
    with (
        services.exports.open(run.snapshot_id.chain_id, services.read_session, services.read_again) as export,
        services.store.upload_raw(run.snapshot_id, attempt.run_id, services.clock) as upload,
    ):
        inspection = _copy(export, upload, services.clock)
        proven = _prove(run, services, export, upload, inspection, attempt)
        return commit(run, proven, upload, services.store, services.clock)


def _copy(export: ExportStream, upload: MultipartUpload, clock: Clock) -> Inspection:
    """Send each chunk two ways, unchanged into the upload and past the inspector."""
    inspector = GzipCsvInspector()
    progress = Progress(clock)
    for chunk in export.chunks():
        inspector.feed(chunk)
        upload.write(chunk)
        progress.at(inspector.gzip_bytes, inspector.csv_bytes, inspector.row_count)
        if clock.seconds_left() <= 0:
            raise clock.out_of_time("streaming the export", export.how_far())
    inspection = inspector.finish()
    logger.info("The export has ended", extra={"gzip_bytes": inspection.gzip_bytes, "rows": inspection.row_count})
    return inspection


def _prove(
    run: Run,
    services: Services,
    export: ExportStream,
    upload: MultipartUpload,
    inspection: Inspection,
    attempt: Attempt,
) -> Proven:
    """Refuse what is not whole, and wait until S3 has all parts of what is."""
    proof = prove(inspection, export.received_bytes, export.declared_end)
    proof.refuse_if_broken()
    upload.flush()
    content_type, disposition = export.header("Content-Type"), export.header("Content-Disposition")
    return Proven(
        run_id=attempt.run_id,
        inspection=inspection,
        checks=proof.checks,
        raw=_raw(services.store.bucket, run.snapshot_id.raw_key, inspection, upload.parts),
        source=Source(services.exports.url, content_type, disposition, attempt.number),
        first_byte_at=export.first_byte_at,
        proven_at=services.clock.now(),
    )


def _raw(bucket: str, key: str, inspection: Inspection, parts: int) -> Raw:
    return Raw(
        bucket=bucket,
        key=key,
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
