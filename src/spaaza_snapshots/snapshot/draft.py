"""From what an attempt has proven to the manifest that is written ahead of its commit."""

from dataclasses import dataclass
from datetime import datetime

from spaaza_snapshots.model import keys
from spaaza_snapshots.model.columns import columns_of
from spaaza_snapshots.model.manifest import (
    MANIFEST_VERSION,
    Check,
    Manifest,
    Producer,
    Raw,
    Source,
    header_changes,
    utc_text,
)
from spaaza_snapshots.proof.checks import advice, guard, previous_readable
from spaaza_snapshots.proof.gzip_csv import Inspection
from spaaza_snapshots.s3.objects import CHECKSUM_ALGORITHM, checksum_text
from spaaza_snapshots.s3.snapshot_store import Predecessor
from spaaza_snapshots.snapshot.run import Run


@dataclass(frozen=True, slots=True)
class Comparison:
    """The snapshots that a new one is compared with: the one before it, and the one that it would replace."""

    previous: Predecessor
    replaced: Manifest | None


@dataclass(frozen=True, slots=True)
class Proven:
    """A whole export: what was seen of it, the checks that it passed, where it came from, in how many parts it lies."""

    run_id: str
    inspection: Inspection
    checks: tuple[Check, ...]
    source: Source
    first_byte_at: datetime
    parts: int


def record_of(run: Run, proven: Proven, compared_with: Comparison) -> Manifest:
    """Return the manifest, complete but for what S3 tells of the object; `is_held` says whether a guard failed."""
    inspection = proven.inspection
    changes = header_changes(inspection.header, compared_with.previous.manifest)
    return Manifest(
        manifest_version=MANIFEST_VERSION,
        producer=Producer(),
        run_id=proven.run_id,
        dataset=keys.DATASET,
        environment=run.environment,
        chain_id=run.chain_id,
        snapshot_date=run.snapshot_date.isoformat(),
        header=inspection.header,
        columns=columns_of(inspection.header),
        row_count=inspection.row_count,
        rows_with_line_breaks=inspection.rows_with_line_breaks,
        raw=_raw(run, inspection, proven.parts),
        header_changes=changes,
        checks=(
            *proven.checks,
            *_guards(run, inspection.row_count, compared_with),
            *advice(inspection.header, run.snapshot_date, run.taken_on, changes),
        ),
        source=proven.source,
        requested_at=utc_text(run.requested_at or run.started_at),
        started_at=utc_text(run.started_at),
        first_byte_at=utc_text(proven.first_byte_at),
        completed_at=utc_text(run.services.clock.now()),
    )


def _guards(run: Run, row_count: int, compared_with: Comparison) -> tuple[Check, ...]:
    """Compare with the snapshot before, and a forced export also with the one that it would replace."""
    allowed = run.max_row_drop_percent
    previous = compared_with.previous
    guards = [
        previous_readable(previous.damaged, previous.manifest),
        guard(row_count, previous.manifest, "rows_kept_since_previous", allowed),
    ]
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
