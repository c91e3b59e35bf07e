"""The same export as Parquet by others, all columns text, on one processor and without checks.

`.tools/peers/bin/python -m tools.bench.clients.typed_peers NAME FILE`; FILE is gzip.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tools.bench.clients.meter import metered


def plain_duckdb(source: Path, target: Path) -> int:
    """DuckDB, which counts what it wrote."""
    import duckdb

    database = duckdb.connect(config={"threads": 1})
    read = f"read_csv('{source}', all_varchar=true, header=true, delim=',', quote='\"', escape='\"')"
    ((rows,),) = database.execute(f"COPY (FROM {read}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)").fetchall()
    return int(rows)


def arrow(source: Path, target: Path) -> int:
    """pyarrow, block by block."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    with csv.open_csv(source, read_options=csv.ReadOptions(use_threads=False)) as header:
        names = header.schema.names
    as_text = csv.ConvertOptions(column_types={name: pa.string() for name in names})
    options = csv.ReadOptions(use_threads=False, block_size=1 << 23)
    rows = 0
    with (
        csv.open_csv(source, options, csv.ParseOptions(newlines_in_values=True), as_text) as batches,
        parquet.ParquetWriter(target, batches.schema, compression="zstd") as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def polars(source: Path, target: Path) -> int:
    """polars, streaming."""
    import polars as library

    library.scan_csv(source, infer_schema=False).sink_parquet(target, compression="zstd")
    return int(library.scan_parquet(target).select(library.len()).collect().item())


WAYS: dict[str, Callable[[Path, Path], int]] = {"duckdb": plain_duckdb, "pyarrow": arrow, "polars": polars}

if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        written = Path(folder) / "users.parquet"

        def work() -> list[int]:
            """Convert, and return the rows and the size of the file."""
            return [WAYS[sys.argv[1]](Path(sys.argv[2]), written), written.stat().st_size]

        metered(work)
