"""The export that everything is measured on: generated once for each size and kind, and kept in `.bench/`."""

import csv
import io
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import duckdb

from tools.bench import columns_sql
from tools.package import ROOT

FOLDER: Final = ROOT / ".bench"
MB: Final = 1_000_000
SEED: Final = 7
LEVEL: Final = 6
"""What zlib compresses with unless told otherwise, and so what a server most probably sends."""

SAMPLE_USERS: Final = 2_000
BLOCK_BYTES: Final = 1 << 20
BAD_BYTE: Final = b"\xff"


@dataclass(frozen=True)
class Content:
    """One export on disk: its CSV, and the same as one gzip member; `rows` as `csv.reader` counts them."""

    csv: Path
    gzip: Path
    rows: int

    @property
    def csv_bytes(self) -> int:
        """Size of the CSV."""
        return self.csv.stat().st_size

    @property
    def gzip_bytes(self) -> int:
        """Size of the gzip member."""
        return self.gzip.stat().st_size


def _one_bad_byte(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Replace one letter in the second block, or in a first that is the only one, by a byte that is not UTF-8."""
    first = next(blocks)
    second = next(blocks, None)
    damaged = first if second is None else second
    at = damaged.index(b"@", len(damaged) // 2) - 1
    damaged = damaged[:at] + BAD_BYTE + damaged[at + 1 :]
    yield from (damaged,) if second is None else (first, damaged)
    yield from blocks


KINDS: Final[dict[str, Callable[[Iterator[bytes]], Iterator[bytes]]]] = {
    "lf": lambda blocks: blocks,
    "crlf": lambda blocks: (block.replace(b"\n", b"\r\n") for block in blocks),
    "bad-byte": _one_bad_byte,
}
"""By name, how the blocks of the generated CSV are changed."""


def content(megabytes: float, kind: str = "lf") -> Content:
    """Return about that many MB of users, generated if these columns never were."""
    users = max(round(megabytes * MB / _bytes_per_user()), 10)
    query = columns_sql.select(SEED, f"range({users})")
    stem = FOLDER / f"{users}-{kind}-{sha256(query.encode()).hexdigest()[:8]}"
    made = Content(stem.with_suffix(".csv"), stem.with_suffix(".csv.gz"), users)
    if not made.gzip.exists():
        FOLDER.mkdir(exist_ok=True)
        plain = made.csv if kind == "lf" else content(megabytes).csv
        if kind == "lf":
            _copy(query, plain)
        _write(plain, kind, made)
    return made


def _bytes_per_user() -> float:
    with duckdb.connect() as database:
        rows = database.execute(columns_sql.select(SEED, f"range({SAMPLE_USERS})")).fetchall()
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return len(text.getvalue().encode()) / SAMPLE_USERS


def _copy(query: str, path: Path) -> None:
    with duckdb.connect(config={"threads": 2}) as database:
        # without forced quotes DuckDB would quote every empty text, to tell it from NULL
        database.execute(f"COPY ({_nulls_for_empty(query)}) TO '{path}.part' (HEADER, QUOTE '\"', NULLSTR '')")
    Path(f"{path}.part").replace(path)


def _nulls_for_empty(query: str) -> str:
    return f"SELECT nullif(COLUMNS(*)::VARCHAR, '') FROM ({query})"


def _write(plain: Path, kind: str, made: Content) -> None:
    """Write the changed CSV and its gzip, the latter last and at once."""
    gzip, part = zlib.compressobj(LEVEL, wbits=31), Path(f"{made.gzip}.{os.getpid()}")
    target = made.csv if kind != "lf" else Path(os.devnull)
    with plain.open("rb") as source, target.open("wb") as changed, part.open("wb") as compressed:
        for block in KINDS[kind](iter(lambda: source.read(BLOCK_BYTES), b"")):
            changed.write(block)
            compressed.write(gzip.compress(block))
        compressed.write(gzip.flush())
    part.replace(made.gzip)
