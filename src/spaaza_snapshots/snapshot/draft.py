"""Builds the draft of a proven export: the finished manifest, written ahead of the commit."""

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
from spaaza_snapshots.s3.snapshot_store import Predecessor
from spaaza_snapshots.snapshot.run import Run


@dataclass(frozen=True, slots=True)
class Proven:
    """A complete export: what was observed, the checks of its proof, its source, and the object it becomes."""

    run_id: str
    inspection: Inspection
    checks: tuple[Check, ...]
    raw: Raw
    source: Source
    first_byte_at: datetime
    proven_at: datetime


def draft_of(run: Run, proven: Proven, previous: Predecessor, replaced: Manifest | None) -> Manifest:
    """Return the manifest, except for what only S3 knows of the object: `Manifest.of_object` adds that at promotion.

    `is_doubtful` of it says whether a guard failed, or damage left nothing to compare with. `replaced`: the snapshot
    that a forced export would replace.
    """
    inspection = proven.inspection
    changes = header_changes(inspection.header, previous.manifest)
    return Manifest(
        manifest_version=MANIFEST_VERSION,
        producer=Producer(),
        run_id=proven.run_id,
        dataset=keys.DATASET,
        environment=run.environment,
        chain_id=run.snapshot_id.chain_id,
        snapshot_date=run.snapshot_id.snapshot_date.isoformat(),
        header=inspection.header,
        columns=columns_of(inspection.header),
        row_count=inspection.row_count,
        rows_with_line_breaks=inspection.rows_with_line_breaks,
        raw=proven.raw,
        header_changes=changes,
        checks=(
            *proven.checks,
            previous_readable(previous.damaged, previous.manifest),
            *_guards(inspection.row_count, previous.manifest, replaced, run.max_row_drop_percent),
            *advice(inspection.header, run.snapshot_id.snapshot_date, run.taken_on, changes),
        ),
        source=proven.source,
        requested_at=utc_text(run.requested_at or run.started_at),
        started_at=utc_text(run.started_at),
        first_byte_at=utc_text(proven.first_byte_at),
        completed_at=utc_text(max(proven.proven_at, run.started_at)),  # the clock may have been set back
    )


def _guards(
    row_count: int, previous: Manifest | None, replaced: Manifest | None, max_drop_percent: float
) -> list[Check]:
    guards = [guard(row_count, previous, "rows_kept_since_previous", max_drop_percent)]
    if replaced is not None:
        guards.append(guard(row_count, replaced, "rows_kept_since_replaced", max_drop_percent))
    return guards
