"""A stored export held against its manifest: by what S3 says of it, or by reading it back."""

from collections.abc import Callable, Iterator

from spaaza_snapshots.errors import ExportInterrupted, NotAnExport
from spaaza_snapshots.model.manifest import Manifest, parts_of
from spaaza_snapshots.proof.checks import prove
from spaaza_snapshots.proof.gzip_csv import GzipCsvInspector, Inspection
from spaaza_snapshots.s3.objects import checksum_text
from spaaza_snapshots.upkeep.findings import Difference, Figure, Findings, differing
from spaaza_snapshots.upkeep.stored import Facts, ObjectReader

Tell = Callable[[int], None]
"""Is told how many more bytes were read."""


def prove_by_checksum(stored: ObjectReader, manifest: Manifest) -> Findings | None:
    """Compare what S3 says of the version that a manifest names; None if that version is gone."""
    facts = stored.facts(manifest.snapshot_id.raw_key, manifest.raw.version_id)
    if facts is None:
        return None
    differences = _in_facts(stored.bucket, manifest, facts)
    if facts.checksum is None:
        reason = "S3 keeps no CRC-32 of the whole object; without --quick it is read"
        return Findings(differences, not_proven=(reason,))
    return Findings(differences + differing({"raw.checksum": (manifest.raw.checksum, facts.checksum)}))


def prove_by_reading(stored: ObjectReader, manifest: Manifest, tell: Tell) -> Findings | None:
    """Read the version that a manifest names, and compare every figure; None if that version is gone.

    Memory: a chunk, and what the inspector needs, however large the export is.
    """
    with stored.opened(manifest.snapshot_id.raw_key, manifest.raw.version_id) as found:
        if found is None:
            return None
        facts, chunks = found
        return Findings(_in_facts(stored.bucket, manifest, facts) + _in_bytes(manifest, facts, chunks, tell))


def _in_facts(bucket: str, manifest: Manifest, facts: Facts) -> tuple[Difference, ...]:
    """Find what a manifest says of itself that cannot be, and where S3 says something else."""
    raw = manifest.raw
    figures: dict[str, tuple[Figure, Figure]] = {
        "raw.bucket": (raw.bucket, bucket),
        "raw.key": (raw.key, manifest.snapshot_id.raw_key),
        "columns": _names(manifest.header, tuple(column.name for column in manifest.columns)),
        "run_id": (manifest.run_id, facts.run_id),
        "raw.gzip_bytes": (raw.gzip_bytes, facts.size_bytes),
    }
    if raw.etag is not None:  # a draft cannot know it
        figures |= {"raw.etag": (raw.etag, facts.etag), "raw.parts": (raw.parts, parts_of(facts.etag))}
    return differing(figures)


def _in_bytes(manifest: Manifest, facts: Facts, chunks: Iterator[bytes], tell: Tell) -> tuple[Difference, ...]:
    inspector = GzipCsvInspector()
    try:
        for chunk in chunks:
            inspector.feed(chunk)
            tell(len(chunk))
        inspection = inspector.finish()
    except (ExportInterrupted, NotAnExport) as error:
        return (Difference("content", "whole", f"{error.what}: {error.detail}"),)
    proof = prove(inspection, facts.size_bytes, "the end of the object")
    failed = [check for check in (*proof.transfer, *proof.records) if check.required and not check.passed]
    return _in_counts(manifest, inspection) + tuple(Difference(check.name, "passed", check.notes) for check in failed)


def _in_counts(manifest: Manifest, inspection: Inspection) -> tuple[Difference, ...]:
    raw = manifest.raw
    return differing(
        {
            "header": _names(manifest.header, inspection.header),
            "row_count": (manifest.row_count, inspection.row_count),
            "rows_with_line_breaks": (manifest.rows_with_line_breaks, inspection.rows_with_line_breaks),
            "raw.csv_bytes": (raw.csv_bytes, inspection.csv_bytes),
            "raw.gzip_members": (raw.gzip_members, inspection.gzip_members),
            "raw.sha256": (raw.sha256, inspection.sha256),
            "raw.checksum": (raw.checksum, checksum_text(inspection.crc32)),
        }
    )


def _names(said: tuple[str, ...], found: tuple[str, ...]) -> tuple[Figure, Figure]:
    """Compare names without telling them: of a replaced object the first record may be a person's."""
    if said == found:
        return None, None
    same = next((place for place, (one, other) in enumerate(zip(said, found, strict=False)) if one != other), None)
    where = min(len(said), len(found)) if same is None else same
    return f"{len(said)} names", f"{len(found)} names, different from number {where + 1} on"
