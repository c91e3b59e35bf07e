"""One attempt at an export: stream it into an upload, prove it, commit it."""

import uuid

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.telemetry import Progress, logger
from spaaza_snapshots.model.manifest import Manifest, Raw, Source
from spaaza_snapshots.proof.checks import prove
from spaaza_snapshots.proof.gzip_csv import GzipCsvInspector, Inspection
from spaaza_snapshots.s3.multipart import MultipartUpload
from spaaza_snapshots.s3.objects import CHECKSUM_ALGORITHM, checksum_text
from spaaza_snapshots.snapshot.commit import commit
from spaaza_snapshots.snapshot.draft import Proven
from spaaza_snapshots.snapshot.run import Run, Services
from spaaza_snapshots.spaaza.export_stream import ExportStream


def export_once(run: Run, services: Services, number: int) -> Manifest | None:
    """Export, prove and commit, and return the manifest; None if another run was faster. `number`: the try, from 1.

    Nothing becomes visible until all of it is proven: leaving this function before the commit aborts the upload. Each
    attempt has its own id, so the id names exactly one upload. Raises `SnapshotHeld` for a doubtful export.
    """
    run_id = str(uuid.uuid4())
    logger.append_keys(run_id=run_id)
    with (
        services.exports.open(run.snapshot_id.chain_id, services.read_session, services.read_again) as export,
        services.store.upload_raw(run.snapshot_id, run_id, services.clock) as upload,
    ):
        inspection = _copy(export, upload, services.clock)
        proven = _prove(run, services, export, upload, inspection, number)
        return commit(run, proven, upload, services.store, services.clock)


def _copy(export: ExportStream, upload: MultipartUpload, clock: Clock) -> Inspection:
    """Send each chunk, unchanged, to both the inspector and the upload."""
    inspector = GzipCsvInspector()
    progress = Progress(clock)
    for chunk in export.chunks():
        inspector.feed(chunk)
        upload.write(chunk)
        progress.at(inspector.gzip_bytes, inspector.csv_bytes, inspector.row_count)
        if clock.seconds_left() <= 0:
            raise clock.out_of_time("streaming the export", export.how_far())
    inspection = inspector.finish()
    logger.info("Export received", extra={"gzip_bytes": inspection.gzip_bytes, "rows": inspection.row_count})
    return inspection


def _prove(
    run: Run, services: Services, export: ExportStream, upload: MultipartUpload, inspection: Inspection, number: int
) -> Proven:
    """Refuse an incomplete export, or wait until S3 has every part of a complete one."""
    proof = prove(inspection, export.received_bytes, export.declared_end)
    proof.refuse_if_broken()
    upload.flush()
    content_type, disposition = export.header("Content-Type"), export.header("Content-Disposition")
    return Proven(
        run_id=upload.run_id,
        inspection=inspection,
        checks=proof.checks,
        raw=_raw(services.store.bucket, run.snapshot_id.raw_key, inspection, upload.parts),
        source=Source(services.exports.url, content_type, disposition, number),
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
