"""The rows of an export, read in blocks so small that each of their edges is met."""

import csv
import io
import random
from dataclasses import dataclass

import pytest

from sandbox.fuzz import streams
from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.errors import OutOfTime
from spaaza_snapshots.parquet.export_rows import BLOCK_CHARS, LONGEST_RECORD, ExportRows
from spaaza_snapshots.proof.csv_records import HEADER_LIMIT_BYTES
from tests.support.builders import HeldClock

HEAD = b"ID,First name,Opted-in\n"
ROW = b"7,x,true\n"


@dataclass(frozen=True)
class Read:
    """What was read: the ids of the rows of each block, each reject, and how many records were read one by one."""

    blocks: list[list[str]]
    rejects: list[tuple[int, str]]
    one_by_one: int


def read(
    csv_bytes: bytes, *, block_chars: int = BLOCK_CHARS, longest: int = LONGEST_RECORD, clock: Clock | None = None
) -> Read:
    export = ExportRows(
        io.BytesIO(HEAD + csv_bytes), clock or HeldClock().clock(), block_chars=block_chars, longest=longest
    )
    blocks = [[row[0] for row in block] for block in export.blocks()]
    return Read(blocks, [(reject.record, reject.reason) for reject in export.rejects.first], export.one_by_one)


def long_record(chars: int) -> bytes:
    return b"7,x,%s\n" % (b"y" * (chars - 5))


def test_a_block_ends_with_the_line_that_fills_it() -> None:
    assert read(ROW * 5, block_chars=2 * len(ROW)) == Read([["7"] * 2, ["7"] * 2, ["7"]], [], 0)
    assert read(ROW * 4, block_chars=2 * len(ROW)) == Read([["7"] * 2, ["7"] * 2], [], 0)
    assert read(ROW * 7, block_chars=2 * len(ROW) + 1) == Read([["7"] * 3, ["7"] * 3, ["7"]], [], 0)


def test_only_the_records_of_a_refused_block_are_read_one_by_one_and_one_without_a_row_is_none() -> None:
    csv_bytes = ROW * 2 + ROW + b"8,too few\n" + ROW * 2 + b"9,\xff,true\n8,few\n"
    found = read(csv_bytes, block_chars=2 * len(ROW))
    assert found.blocks == [["7"] * 2, ["7"], ["7"] * 2]
    assert found.rejects == [(4, "wrong number of fields"), (7, "not UTF-8"), (8, "wrong number of fields")]
    assert found.one_by_one == 4


@pytest.mark.parametrize("blank", [b"\n", b"\r\n", b"\r", b"\n\r\n\n"])
def test_a_blank_line_among_records_read_one_by_one_has_no_number(blank: bytes) -> None:
    found = read(ROW + blank + b"7\n" + blank + ROW)
    assert found == Read([["7", "7"]], [(2, "wrong number of fields")], 3)


@pytest.mark.parametrize("line", [b" \n", b"\t\r\n", b"X\n"])
def test_a_line_with_anything_on_it_is_a_record(line: bytes) -> None:
    assert read(ROW + line).rejects == [(2, "wrong number of fields")]


def test_every_reason_is_told_of_the_record_that_has_it() -> None:
    assert read(b'7,"x" y,true\n' + ROW + b"7,\xff,true\n7\n").rejects == [
        (1, "text behind a closing quote"),
        (3, "not UTF-8"),
        (4, "wrong number of fields"),
    ]


@pytest.mark.parametrize(
    ("record", "is_kept"),
    [
        (long_record(96), True),
        (long_record(97), False),
        (b'"7","x","%s"\n' % (b"y" * 88), True),
        (b'"7","x","%s"\n' % (b"y" * 89), False),
        ("7,x,{}\n".format("ë" * 45).encode(), True),
        ("7,x,{}\n".format("ë" * 46).encode(), False),
    ],
    ids=["99 bytes written", "100 bytes written", "99 characters", "100 characters", "98 in UTF-8", "100 in UTF-8"],
)
def test_a_record_is_shorter_than_the_longest_as_received_and_as_written(record: bytes, is_kept: bool) -> None:
    found = read(record + ROW, block_chars=4, longest=100)
    assert found.rejects == ([] if is_kept else [(1, "too long")])
    assert [row for block in found.blocks for row in block] == ["7"] * (1 + is_kept)


def test_a_block_that_ends_with_a_long_line_is_read_one_by_one() -> None:
    assert read(ROW + long_record(12), longest=8 * 12).one_by_one == 0
    assert read(ROW + long_record(13), longest=8 * 12).one_by_one == 2


def test_a_line_cut_at_its_longest_is_read_one_by_one_with_the_rest_of_it() -> None:
    found = read(ROW + long_record(150) + ROW, block_chars=4, longest=100)
    assert found == Read([["7"], ["7"]], [(2, "too long")], 1)


@pytest.mark.parametrize("end", [b"", b"\r", b"\n", b"\r\n"])
def test_the_last_record_needs_no_line_end(end: bytes) -> None:
    assert read(ROW + ROW.strip() + end).blocks == [["7", "7"]]


def test_an_export_without_a_line_has_no_header_and_no_rows() -> None:
    export = ExportRows(io.BytesIO(b""), HeldClock().clock())
    assert (export.header, list(export.blocks())) == ((), [])


def test_a_cell_may_be_as_long_as_a_header() -> None:
    csv.field_size_limit(10)
    read(b"")
    assert csv.field_size_limit() == HEADER_LIMIT_BYTES


@pytest.mark.parametrize(
    ("looks", "csv_bytes", "told"),
    [
        (0, ROW, "0 records read"),
        (1, ROW * 3, "2 records read"),
        (1, b"7\n" * 10, "9 records read"),
        (1, ROW + b'8,"' + b"y\n" * 50, "record 2 has 101 characters so far"),
        (1, b'8,"' + b"y\n" * 48 + b"y\n", "record 1 has 101 characters so far"),
        (1, b'8,"y' + b"y\n" * 48, "record 1 has 100 characters so far"),
        (1, b"8,y" + b"y" * 300, "record 1 has 100 characters so far"),
        (2, b"8,y" + b"y" * 300, "record 1 has 200 characters so far"),
    ],
)
def test_a_reader_that_runs_out_of_time_says_where_it_is(looks: int, csv_bytes: bytes, told: str) -> None:
    left_ms = iter([900_000] * looks)
    clock = Clock(remaining_ms=lambda: next(left_ms, 0))
    with pytest.raises(OutOfTime) as caught:
        read(csv_bytes, block_chars=18, longest=100, clock=clock)
    what, detail, _ = caught.value.args
    assert what == "Too little time was left while converting"
    assert detail == f"{told}; 0 s of the function's time left"


PIECES = (
    b'"',
    b'""',
    b",",
    b"\n",
    b"\r",
    b"\r\n",
    b"x",
    b"7,x,true\n",
    b"\xff",
    "ë".encode(),
    b"\x1f",
    b" ",
    b"y" * 60,
    b"y" * 397,
)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_cut_wherever_every_record_is_a_row_or_a_reject_with_its_reason(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(20):
        body = b"".join(chance.choices(PIECES, k=chance.randrange(5, 60)))
        streams.rows(bytes([1, chance.randrange(256)]) + HEAD + body)
