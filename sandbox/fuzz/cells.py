"""Target: one cell, typed by DuckDB as in the typed copy, and by the standard library alone."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from typing import Final

import duckdb

from sandbox.fuzz.target import Bytes, same
from spaaza_snapshots.parquet import typed_sql

Cell = object
Typer = Callable[[str], str]
"""Returns the SQL that types a text."""

WORDS: Final = (b"0", b"1", b"3", b"9", b"-", b".", b"000", b":", b"T", b"Z", b"e1", b" ", b"+", b"true", "²".encode())

_DATE: Final = r"\d{4}-\d{2}-\d{2}"


def cell(data: bytes, sql: Mapping[str, Typer] = typed_sql.TYPED) -> None:
    """A cell, and the type of its column: its exact value, or NULL."""
    kind = sorted(sql)[(data[0] if data else 0) % len(sql)]
    try:
        text = data[1:].decode()
    except UnicodeDecodeError:
        return  # such a record is a reject
    ((found,),) = _database().execute(f"SELECT {sql[kind]('cell')} FROM (SELECT $1 AS cell)", [text]).fetchall()
    same(f"{kind} of {text!r}", (type(found), found), (type(typed(kind, text)), typed(kind, text)))


def seeds() -> Iterator[bytes]:
    """Yield texts that are only just a value of a type, and texts that only just are not."""
    texts = ("", "0", "-1", "9" * 18, "9" * 19, "1.5", "-0.0001", "1.00001", "1e3", "true", "True", "yes", "2024-02-29")
    times = (
        "2026-11-22T03:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T03:00:00.12300000Z",
        "2026-11-22T03:00:00.1234Z",
    )
    others = (
        "2023-02-29",
        "0000-01-01",
        "0001-01-01",
        "9999-12-31",
        "2026-11-22T23:59:60Z",
        "infinity",
        "١٢",
        " 1",
        "1\n",
    )
    for kind in range(len(typed_sql.TYPED)):
        yield from (bytes([kind]) + text.encode() for text in (*texts, *times, *others))


def from_a_seed(_data: bytes, _change: Bytes, random: Random) -> bytes:
    """Change a seed in up to three places: DuckDB shows the fuzzer no branches, so it finds no input to build upon."""
    text = bytearray(random.choice(list(seeds())))
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(1, len(text) + 1)
        text[at : at + random.randrange(2)] = random.choice(WORDS)
    return bytes(text)


def typed(kind: str, text: str) -> Cell:
    """Return the value of a text in a column of this type, or None."""
    return TYPED[kind](text)


@cache
def _database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


def _where(pattern: str, make: Callable[[str], Cell]) -> Callable[[str], Cell]:
    def typed(text: str) -> Cell:
        try:
            return make(text) if re.fullmatch(pattern, text, re.ASCII) else None
        except ValueError:  # the 30th of February, the year 0
            return None

    return typed


def _instant(text: str) -> datetime:
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    milliseconds = fraction.rstrip("0")
    if len(milliseconds) > 3 or seconds[11:13] == "24":  # the table keeps no more; to some Pythons, midnight
        raise ValueError
    return datetime.fromisoformat(seconds) + timedelta(milliseconds=int(milliseconds.ljust(3, "0")))


TYPED: Final[Mapping[str, Callable[[str], Cell]]] = {
    "string": lambda text: text,
    "bigint": _where(r"-?\d{1,18}", int),
    "decimal(18,4)": _where(r"-?\d{1,14}(\.\d{1,4})?", Decimal),
    "boolean": {"true": True, "false": False}.get,
    "date": _where(_DATE, date.fromisoformat),
    "timestamp": _where(_DATE + r"T\d{2}:\d{2}:\d{2}(\.\d+)?Z", _instant),
}
