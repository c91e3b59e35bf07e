"""What is seen of a gzip stream that goes by, and what is refused of it."""

import csv
import gzip
import hashlib
import io
import tracemalloc
import zlib
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spaaza_snapshots.proof.gzip_csv import BLOCK_BYTES, GzipCsvInspector, Inspection
from tests.support.gzip_members import (
    ALL_FIELDS,
    CONTENT,
    FIRST,
    FTEXT,
    LONG_EXTRA,
    SECOND,
    inspected,
    member,
    single_bytes,
)


def cut(content: bytes, at: Iterable[int]) -> list[bytes]:
    ends = sorted({0, len(content), *(place % (len(content) + 1) for place in at)})
    return [content[start:end] for start, end in pairwise(ends)]


def reference(body: bytes, members: int) -> Inspection:
    content = gzip.decompress(body)
    header, *rows = filter(None, csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    return Inspection(
        gzip_bytes=len(body),
        csv_bytes=len(content),
        sha256=hashlib.sha256(body).hexdigest(),
        crc32=zlib.crc32(body),
        gzip_members=members,
        at_member_end=True,
        header=tuple(header),
        row_count=len(rows),
        rows_with_line_breaks=sum(any("\n" in field or "\r" in field for field in row) for row in rows),
        open_quote=False,
        first_row_fields=len(rows[0]) if rows else None,
        last_row_fields=len(rows[-1]) if rows else None,
    )


rows = st.lists(st.lists(st.text(alphabet='ab,"\r\n é', max_size=8), min_size=2, max_size=3), min_size=1, max_size=20)
places = st.lists(st.integers(0, 2_000), max_size=10)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(rows, places, places, st.sampled_from([0, 1, 6, 9]))
def test_a_whole_stream_is_described_alike_however_it_is_divided(
    records: list[list[str]], member_ends: list[int], chunk_ends: list[int], level: int
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(records)
    members = [gzip.compress(content, level) for content in cut(text.getvalue().encode(), member_ends)]
    body = b"".join(members)
    expected = reference(body, len(members))

    assert inspected([body]) == expected
    assert inspected(cut(body, chunk_ends)) == expected
    assert inspected(single_bytes(body)) == expected


def test_a_stream_that_was_cut_anywhere_is_not_at_the_end_of_a_member() -> None:
    body = FIRST + SECOND
    for end in range(len(body)):
        for chunks in ([body[:end]], single_bytes(body[:end])):
            seen = inspected(chunks)
            assert (seen.at_member_end, seen.gzip_members) == (end == len(FIRST), int(end >= len(FIRST)))


def test_the_record_in_which_a_cut_stream_breaks_off_is_not_counted() -> None:
    body = gzip.compress(CONTENT, 0)  # stored as it is, so that a byte less is a byte of the last record less
    trailer_bytes = 8

    assert inspected([body[: -trailer_bytes - 3]]).row_count == inspected([body]).row_count - 1


@pytest.mark.parametrize("flags", range((FTEXT | ALL_FIELDS) + 1))
def test_a_header_with_any_optional_fields_is_understood_wherever_it_is_cut(flags: int) -> None:
    body = member(CONTENT, flags, LONG_EXTRA)
    assert zlib.decompress(body, wbits=31) == CONTENT

    assert inspected(single_bytes(body)) == reference(body, 1)
    for place in range(len(body)):
        assert inspected([body[:place], body[place:]]) == reference(body, 1)


@pytest.mark.parametrize("begun_bytes", [1, 2, 9, len(SECOND) - 1])
def test_a_further_member_that_has_only_begun_leaves_the_stream_unfinished(begun_bytes: int) -> None:
    assert not inspected([FIRST + SECOND[:begun_bytes]]).at_member_end


def test_without_a_byte_there_is_no_member() -> None:
    seen = inspected([b""])

    assert (seen.gzip_members, seen.at_member_end, seen.header) == (0, False, ())


def test_an_open_quote_and_a_short_last_record_are_reported() -> None:
    seen = inspected([gzip.compress(b'ID,Name,City\n1,a,b\n2,"c')])

    assert (seen.open_quote, seen.first_row_fields, seen.last_row_fields, seen.row_count) == (True, 3, 2, 2)


def test_the_header_is_as_it_was_sent_without_its_byte_order_mark() -> None:
    seen = inspected(single_bytes(gzip.compress('\ufeff"ID"," Näme\r\n",ID,\r\n'.encode())))

    assert seen.header == ("ID", " Näme\r\n", "ID", "")


def test_how_far_a_stream_has_come_can_be_read_at_any_time() -> None:
    inspector = GzipCsvInspector()
    inspector.feed(FIRST)
    assert (inspector.gzip_bytes, inspector.csv_bytes, inspector.row_count) == (len(FIRST), 20, 0)

    inspector.feed(SECOND)
    assert (inspector.gzip_bytes, inspector.csv_bytes, inspector.row_count) == (len(FIRST + SECOND), len(CONTENT), 3)


def test_a_chunk_may_hold_many_tiny_members() -> None:
    rows_each = [gzip.compress(b"%d,a\n" % number, 1) for number in range(20_000)]
    body = gzip.compress(b"ID,Name\n") + b"".join(rows_each)

    seen = inspected([body])

    assert (seen.gzip_members, seen.row_count, seen.at_member_end) == (20_001, 20_000, True)


@pytest.mark.parametrize("more_bytes", [-1, 0, 1, 7, 300])
def test_all_content_is_out_before_the_trailer_comes_however_it_fills_its_blocks(more_bytes: int) -> None:
    content = b"ID\n" + b"1\n" * BLOCK_BYTES
    content = content[: 2 * BLOCK_BYTES + more_bytes - 400] + b"1" * 400
    body = gzip.compress(content)
    inspector = GzipCsvInspector()

    inspector.feed(body[:-8])
    assert inspector.csv_bytes == len(content)

    inspector.feed(body[-8:])
    assert inspector.finish() == reference(body, 1)


@pytest.mark.parametrize("repeated", [b"0", b",", b"\n", b'"', b"1,2\n", b'"1","2"\n'])
def test_a_chunk_that_inflates_a_thousandfold_takes_time_but_no_memory(repeated: bytes) -> None:
    mebibytes = 100 if repeated == b"0" else 2
    deflate = zlib.compressobj(wbits=31)
    mebibyte = repeated * (1024 * 1024 // len(repeated))
    body = deflate.compress(b"a,b\n")
    body += b"".join(deflate.compress(mebibyte) for _ in range(mebibytes)) + deflate.flush()

    tracemalloc.start()
    seen = inspected([body])
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert seen.csv_bytes == mebibytes * len(mebibyte) + 4
    assert peak_bytes < 10 * 1024 * 1024
