"""The typed copy beside what others need for the same columns as text, unchecked."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from spaaza_snapshots.parquet.work_folder import disk_bytes
from tools.bench.clients.ours import kept_manifest
from tools.bench.content import MB, Content, content
from tools.bench.options import Options
from tools.bench.part_run import ours
from tools.bench.places import serving
from tools.bench.report import Goal, Results, Section, Table, spread
from tools.bench.rounds import PEERS, Figures, Way, cpu, in_turn, measure, module, ratios

GOAL: Final = 2.2
KINDS: Final = {"lf": "by the book", "crlf": "CRLF", "bad-byte": "one bad byte"}
DUCKDB: Final = "DuckDB, all text"
LIBRARIES: Final = {DUCKDB: "duckdb", "pyarrow, all text": "pyarrow", "polars, all text": "polars"}
ONE_THREAD: Final = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
MOST_ROUNDS: Final = 3


def typed(options: Options, results: Results) -> Section:
    """Measure every kind of export in turn with the peers, which get the one by the book."""
    exports = {kind: content(options.size_mb * options.typed_share, kind) for kind in KINDS}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        ways = [_ours(kind, export, Path(folder)) for kind, export in exports.items()]
        measured = in_turn([*ways, *_peers(exports["lf"])], min(options.rounds, MOST_ROUNDS))
        raw = kept_manifest(Path(folder) / "lf.json").raw
    export = exports["lf"]
    results.figures.update(
        typed_cpu_seconds_per_user=median(cpu(measured[_name("lf")])) / export.rows,
        disk_bytes_per_user=disk_bytes(raw) / export.rows,
        parquet_bytes_per_user=measured[_name("lf")][0].found[1] / export.rows,
    )
    duckdb_cpu = cpu(measured[DUCKDB])
    return Section(
        "typed",
        f"{export.rows:,} users, {export.csv_bytes / MB:,.0f} MB of CSV; {len(duckdb_cpu)} rounds. "
        "One processor each; the peers read the export by the book.",
        [Table(("typed copy", "CPU s", "peak MB", "rows", "Parquet MB"), list(_rows(measured)))],
        [
            Goal(f"typed copy : plain DuckDB, {shown}", GOAL, ratios(cpu(measured[_name(kind)]), duckdb_cpu))
            for kind, shown in KINDS.items()
        ],
    )


def _name(kind: str) -> str:
    return f"ours, {KINDS[kind]}"


def _ours(kind: str, export: Content, folder: Path) -> Way:
    """Take the snapshot whose manifest the conversion needs, and return the way that converts it."""
    kept = folder / f"{kind}.json"
    with serving(export.gzip) as places:
        run = ours(places)
        measure(Way(run.name, [*run.command, str(kept)], run.environment))
        return Way(_name(kind), module("typed_ours", str(export.gzip), str(kept)), places.environment)


def _peers(export: Content) -> list[Way]:
    return [
        Way(shown, module("typed_peers", name, str(export.gzip), python=PEERS), ONE_THREAD)
        for shown, name in LIBRARIES.items()
    ]


def _rows(measured: Mapping[str, Sequence[Figures]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, figures in measured.items():
        peak = f"{median(each.peak_bytes for each in figures) / MB:.0f}"
        written, size = figures[-1].found
        rows.append((name, spread(cpu(figures)), peak, f"{written:,}", f"{size / MB:.1f}"))
    return rows
