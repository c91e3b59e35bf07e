"""The typed copy and the findings of its conversion, held against the manifest: is every record in one of the two?"""

import tempfile
from dataclasses import dataclass
from typing import Final

import duckdb

from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.model.quality import Quality, quality_of
from spaaza_snapshots.upkeep.findings import Difference, Findings, differing
from spaaza_snapshots.upkeep.stored import ObjectReader

REBUILD: Final = "spaaza-snapshots rebuild makes it again"
PARQUET_MAGIC: Final = b"PAR1"
END_BYTES: Final = 8
"""A Parquet file ends in the length of its footer, four bytes little-endian, and the magic:
https://parquet.apache.org/docs/file-format/"""

FOOTER_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""Far above the footer of the widest copy; a longer one is damage."""


@dataclass(frozen=True, slots=True)
class Footer:
    """What a typed copy says of itself at its end."""

    rows: int
    run_id: str | None


def prove_typed(stored: ObjectReader, manifest: Manifest, *, quick: bool) -> Findings:
    """Compare the typed copy and its findings with the manifest; `quick` leaves out the copy's footer."""
    snapshot_id = manifest.snapshot_id
    copy, report = stored.facts(snapshot_id.parquet_key), stored.read(snapshot_id.quality_key)
    if copy is None or report is None:
        missing = "typed copy" if copy is None else "report of the typed copy"
        return Findings(not_proven=(f"there is no {missing}; {REBUILD}",))
    differences = differing({"typed copy.run_id": (manifest.run_id, copy.run_id)})
    quality = quality_of(report)
    if quality is None:
        return Findings((*differences, Difference("quality.json", "a report", "cannot be read")))
    differences += _in_report(manifest, quality)
    if not quick and copy.run_id == manifest.run_id:
        differences += _in_footer(manifest, quality, footer_of(stored, snapshot_id.parquet_key, copy.version_id))
    return Findings(differences)


def footer_of(stored: ObjectReader, key: str, version_id: str | None) -> Footer | None:
    """Read only the end of a Parquet object; None if it does not end as Parquet does."""
    end = stored.tail(key, version_id, END_BYTES)
    length = int.from_bytes(end[:4], "little") + END_BYTES
    if end[4:] != PARQUET_MAGIC or length > FOOTER_LIMIT_BYTES:
        return None
    with tempfile.TemporaryFile() as parquet:  # without a name: a footer has the least and the greatest of each column
        parquet.write(PARQUET_MAGIC + stored.tail(key, version_id, length))  # DuckDB asks for no more
        parquet.flush()
        try:
            return _read_footer(f"/dev/fd/{parquet.fileno()}")
        except duckdb.Error:
            return None


def _read_footer(parquet: str) -> Footer:
    with duckdb.connect() as reader:
        (rows,) = reader.execute("SELECT num_rows FROM parquet_file_metadata(?)", [parquet]).fetchall()[0]
        pairs: dict[bytes, bytes] = dict(
            reader.execute("SELECT key, value FROM parquet_kv_metadata(?)", [parquet]).fetchall()
        )
    run_id = pairs.get(b"run_id")
    return Footer(rows, None if run_id is None else run_id.decode(errors="replace"))


def _in_report(manifest: Manifest, quality: Quality) -> tuple[Difference, ...]:
    return differing(
        {
            "quality.run_id": (manifest.run_id, quality.run_id),
            "quality.row_count": (manifest.row_count, quality.row_count),
            "quality.parquet_rows + rejected_rows": (manifest.row_count, quality.parquet_rows + quality.rejected_rows),
        }
    )


def _in_footer(manifest: Manifest, quality: Quality, footer: Footer | None) -> tuple[Difference, ...]:
    if footer is None:
        return (Difference("typed copy", "a Parquet file", "does not end as one"),)
    return differing(
        {
            "typed copy.rows + rejected_rows": (manifest.row_count, footer.rows + quality.rejected_rows),
            "typed copy.footer.run_id": (manifest.run_id, footer.run_id),
        }
    )
