"""Every way to tamper with a stored snapshot, and what `spaaza-snapshots verify` has to say of it."""

import gzip
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from sandbox.spaaza.users import generated_csv
from tools.tampered.place import Place

USERS: Final = 500
"""How many users the good snapshot has to have."""

CONTENT: Final = frozenset({"raw.gzip_bytes", "raw.csv_bytes", "raw.sha256", "raw.checksum"})


@dataclass(frozen=True)
class Tampering:
    """What was done; the fields that have to be told of it; and whether `--quick` sees it too."""

    what: str
    tamper: Callable[[Place], object]
    fields: frozenset[str]
    is_quick: bool = True


def _another_export() -> bytes:
    return gzip.compress(b"".join(generated_csv(USERS, seed=9)))


def _flipped(body: bytes) -> bytes:
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


def _fewer_rows(place: Place) -> None:
    run_id = json.loads(place.read("manifest"))["run_id"]
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as writer:
        path = Path(folder) / "users.parquet"
        writer.execute(f"COPY (SELECT 1 AS id) TO '{path}' (FORMAT parquet, KV_METADATA {{run_id: '{run_id}'}})")
        place.put("parquet", path.read_bytes())


def _renamed(place: Place) -> None:
    first, *rest = json.loads(place.read("manifest"))["header"]
    place.edit("manifest", header=[f"{first}!", *rest])


TAMPERINGS: Final = (
    Tampering(
        "export replaced by another whole one",
        lambda place: place.put("raw", _another_export()),
        frozenset({"current version"}),
    ),
    Tampering("one bit of the export flipped", lambda place: place.rot(_flipped), frozenset({"content"})),
    Tampering(
        "seven bytes behind the export's end",
        lambda place: place.rot(lambda body: body + b"and so on"[:7]),
        frozenset({"content", "raw.gzip_bytes"}),
    ),
    Tampering(
        "the export's last twenty bytes cut off",
        lambda place: place.rot(lambda body: body[:-20]),
        frozenset({*CONTENT, "row_count", "raw.gzip_members", "gzip_ends_at_trailer"}),
    ),
    Tampering(
        "another export under the manifest's version",
        lambda place: place.rot(lambda _: _another_export()),
        CONTENT,
    ),
    Tampering(
        "export deleted, its version kept",
        lambda place: place.delete("raw", version=False),
        frozenset({"current version"}),
    ),
    Tampering(
        "export deleted with its version",
        lambda place: place.delete("raw", version=True),
        frozenset({"current version", "raw.version_id"}),
    ),
    Tampering(
        "manifest's row_count edited",
        lambda place: place.edit("manifest", row_count=USERS - 1),
        frozenset(
            {
                "row_count",
                "quality.row_count",
                "quality.parquet_rows + rejected_rows",
                "typed copy.rows + rejected_rows",
            }
        ),
    ),
    Tampering(
        "manifest's sha256 edited",
        lambda place: place.edit_raw(sha256="0" * 64),
        frozenset({"raw.sha256"}),
        is_quick=False,
    ),
    Tampering("a name in the manifest's header edited", _renamed, frozenset({"header", "columns"})),
    Tampering("manifest of another run", lambda place: place.edit("manifest", run_id="another"), frozenset({"run_id"})),
    Tampering("manifest is []", lambda place: place.put("manifest", b"[]"), frozenset({"manifest.json"})),
    Tampering(
        "typed copy of another run",
        lambda place: place.put("parquet", place.read("parquet"), run_id="another"),
        frozenset({"typed copy.run_id"}),
    ),
    Tampering(
        "typed copy with fewer rows", _fewer_rows, frozenset({"typed copy.rows + rejected_rows"}), is_quick=False
    ),
    Tampering(
        "typed copy is not Parquet", lambda place: place.put("parquet", b"?"), frozenset({"typed copy"}), is_quick=False
    ),
    Tampering(
        "report's rejected_rows edited",
        lambda place: place.edit("quality", rejected_rows=1),
        frozenset({"quality.parquet_rows + rejected_rows", "typed copy.rows + rejected_rows"}),
    ),
    Tampering("report is {}", lambda place: place.put("quality", b"{}"), frozenset({"quality.json"})),
)


def tampered(good: Place) -> Mapping[Tampering, Place]:
    """Copy a good snapshot to the days before it, and tamper with each copy in another way."""
    places = {tampering: good.copied(days_before) for days_before, tampering in enumerate(TAMPERINGS, start=1)}
    for tampering, place in places.items():
        tampering.tamper(place)
    return places
