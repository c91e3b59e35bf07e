"""Records that cannot be read, or are only odd, among others: each costs itself alone."""

import csv
import gzip
from pathlib import Path

import pytest

from spaaza_snapshots.parquet.convert import convert
from tests.support import builders
from tests.support.converted import AFTER, BEFORE, HEAD, assert_as_expected, converted, machine
from tests.support.typed_reference import parquet_rows

DAMAGED = {
    "too few fields": b"7,x\n",
    "too many fields": b"7,x,true,\n",
    "too many fields, the last one empty and quoted": b'7,x,true,""\n',
    "an undoubled quote": b'7,"foo \\" bar",true\n',
    "an undoubled quote before a comma": b'7,"foo \\" bar, x",true\n',
    "text behind a quoted field": b'7,"x" ,true\n',
    "a byte that is not UTF-8": b"7,\xff,true\n",
    "half a character in quotes": b'7,"\xc3",true\n',
    "a surrogate": b"7,\xed\xa0\x80,true\n",
    "a bare carriage return": b"7,x\ry,true\n",
}


@pytest.mark.parametrize("record", DAMAGED.values(), ids=DAMAGED)
def test_a_record_that_cannot_be_read_costs_itself_alone(record: bytes, tmp_path: Path) -> None:
    found = assert_as_expected(HEAD + BEFORE + record + AFTER, tmp_path)
    ids = {row[0] for row in parquet_rows(found.parquet)[1]}
    assert ids == {1, 3}
    assert {reject.record for reject in found.rejects.first} <= {2, 3}


ODD_BUT_READABLE = {
    "a quote inside a bare field": b'7,6" nail,true\n',
    "blanks before a quote": b'7,  "x",true\n',
    "another line end": b"7,x,true\r\n",
    "a lone carriage return at its end": b"7,x,true\r",
    "blank lines around it": b"\n\r\n7,x,true\n\n",
    "a NUL": b"7,a\x00b,true\n",
    "all fields empty": b",,\n",
    "a very long field": b"7," + b"x" * 1_500_000 + b",true\n",
}


@pytest.mark.parametrize("record", ODD_BUT_READABLE.values(), ids=ODD_BUT_READABLE)
def test_a_record_that_is_only_odd_is_read_as_csv_reader_does(record: bytes, tmp_path: Path) -> None:
    csv.field_size_limit(2_000_000)  # the reference's own, as the conversion sets it
    assert assert_as_expected(HEAD + BEFORE + record + AFTER, tmp_path).rejects.count == 0


def test_a_record_beyond_any_user_is_left_out(tmp_path: Path) -> None:
    csv_bytes = HEAD + BEFORE + b'7,"' + (b"x" * 99 + b"\n") * 30_000 + b'",true\n' + AFTER
    source = tmp_path / "source.csv.gz"
    source.write_bytes(gzip.compress(csv_bytes, 1))
    header = ("ID", "First name", "Opted-in")
    found = convert(source, builders.manifest(header=header, row_count=3), machine(tmp_path))
    assert [row[0] for row in parquet_rows(found.parquet)[1]] == [1, 3]
    assert [reject.record for reject in found.rejects.first] == [2]


def test_of_many_damaged_records_all_are_counted_and_the_first_thousand_named(tmp_path: Path) -> None:
    found = converted(HEAD + b"7\n" * 1_200 + AFTER, tmp_path)
    assert found.rejects.count == 1_200
    assert [reject.record for reject in found.rejects.first] == list(range(1, 1_001))
