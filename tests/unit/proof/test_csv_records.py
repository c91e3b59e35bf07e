"""The count of records is `csv.reader`'s, whatever the bytes, wherever they are cut, whichever way is taken."""

import csv
import io
from itertools import pairwise
from typing import Literal, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spaaza_snapshots.errors import NotAnExport
from spaaza_snapshots.proof.csv_outline import BULK_FROM_QUOTES_PER_BYTE, outline_in_bulk
from spaaza_snapshots.proof.csv_records import HEADER_LIMIT_BYTES, CsvRecords
from tests.support.builders import all_texts

WALK, BULK = 2.0, 0.0  # quotes per byte from which bulk is tried: never, wherever there is a quote
WAYS = (WALK, BULK, BULK_FROM_QUOTES_PER_BYTE)
BOM = "\ufeff".encode()

TOKENS = [
    *(b",", b'"', b"\r", b"\n", b"\r\n", b"a", "é".encode(), BOM, b"\xff", b"\0"),
    *(b"abc", b" a", b'""', b'"""', b"x" * 60, b'","', b'"",""', b'"",', b'""\n', b'"\n"', b'"a",', b',"b"\n'),
]


class Figures(NamedTuple):
    header: tuple[str, ...]
    rows: int
    rows_with_line_breaks: int
    open_quote: bool
    first_row_fields: int | None
    last_row_fields: int | None


def records_of(content: bytes) -> list[list[str]]:
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", errors="surrogateescape", newline="")
    return [record for record in csv.reader(text) if record]


def reference(content: bytes) -> Figures:
    records = records_of(content)
    header, rows = (records[0], records[1:]) if records else ([], [])
    return Figures(
        header=tuple(header),
        rows=len(rows),
        rows_with_line_breaks=sum(any("\n" in field or "\r" in field for field in row) for row in rows),
        open_quote=records_of(content + b"\nprobe")[-1] != ["probe"],  # an open quote swallows what follows
        first_row_fields=len(rows[0]) if rows else None,
        last_row_fields=len(rows[-1]) if rows else None,
    )


def counted(blocks: list[bytes], way: float = BULK_FROM_QUOTES_PER_BYTE) -> Figures:
    records = CsvRecords(way)
    for block in blocks:
        records.feed(block)
    records.close()
    return Figures(
        header=records.header,
        rows=records.row_count,
        rows_with_line_breaks=records.rows_with_line_breaks,
        open_quote=records.open_quote,
        first_row_fields=records.first_row_fields,
        last_row_fields=records.last_row_fields,
    )


def cut(content: bytes, at: list[int]) -> list[bytes]:
    ends = sorted({0, len(content), *(place % (len(content) + 1) for place in at)})
    return [content[start:end] for start, end in pairwise(ends)]


# A header of its own, so that odd bytes come where they may: behind it.
contents = st.builds(
    lambda header, tokens: header + b"".join(tokens),
    st.sampled_from([b"", b"ID,Name\n", b"ID\r\n", BOM, BOM + b'"ID","a ""b""\r\nc"\n']),
    st.lists(st.sampled_from(TOKENS), max_size=40),
)
cuts = st.lists(st.integers(0, 1_000), max_size=12)


def is_readable(header: tuple[str, ...]) -> bool:
    return not any("\ud800" <= character <= "\udfff" for name in header for character in name)


@pytest.mark.slow
@settings(max_examples=2_000, derandomize=True, deadline=None)
@given(contents, cuts)
@example(b'a\n"b""', [])
@example(b'a\n"b""', [5])
@example(b'a\nb,"c"d,e\n"f', [4, 7])
@example(b'a\n""\n\n""', [])
@example(b'a\nb"c,d"\n"e,f\n', [3, 4])
@example(b'a\n,",",b\n', [])
@example(b'a\nX\nX"b\nXc"\n\nX,"X\nX",X\n', [3, 5, 6])
@example(b'a\nX\nX"b\nXc"\n\nX,"X\nX",X\n', [])
@example(b'a\nb"\n"\n""\n', [])
def test_any_bytes_are_counted_as_csv_reader_counts_them(content: bytes, at: list[int]) -> None:
    expected = reference(content)
    for way in WAYS:
        if is_readable(expected.header):
            assert counted(cut(content, at), way) == expected
        else:
            with pytest.raises(NotAnExport):
                counted(cut(content, at), way)


fields = st.text(alphabet='ab,"\r\n é', max_size=8)


@pytest.mark.slow
@settings(max_examples=500, derandomize=True, deadline=None)
@given(
    st.lists(st.lists(fields, min_size=2, max_size=5), min_size=1, max_size=12),
    st.one_of(
        # before Python 3.13 the writer quotes a lone \r or \n only where it is of the line end itself
        st.just((csv.QUOTE_MINIMAL, "\r\n")),
        st.tuples(st.sampled_from([csv.QUOTE_NONNUMERIC, csv.QUOTE_ALL]), st.sampled_from(["\n", "\r\n", "\r"])),
    ),
    cuts,
)
def test_what_csv_writer_writes_is_counted_row_by_row(
    rows: list[list[str]], dialect: tuple[Literal[0, 1, 2], str], at: list[int]
) -> None:
    text = io.StringIO(newline="")
    quoting, line_end = dialect
    csv.writer(text, quoting=quoting, lineterminator=line_end).writerows(rows)
    content = text.getvalue().encode()

    for way in WAYS:
        figures = counted(cut(content, at), way)
        assert figures == reference(content)
        assert figures.rows == len(rows) - 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(b'1,"Jansen, de Vries",3\n', id="few quotes"),
        pytest.param(b'"1","a ""b"" c","","d\ne"\n', id="all fields quoted"),
        pytest.param(b'"1","[""a"",""b"",""""]","c"\r\n', id="a list of texts inside a field"),
        pytest.param(b'1,a"b,"c"\n', id="a quote inside a bare field"),
        pytest.param(b'"",\n""\n', id="empty fields"),
        pytest.param(b'x,",",y\n', id="a field that is a comma"),
        pytest.param(b'"""",""""""\n', id="fields that are quotes"),
    ],
)
def test_a_long_csv_is_counted_alike_in_blocks_of_any_length(row: bytes, way: float) -> None:
    # a few hundred rows end in a tiny block in every way there is; a block of thousands needs more
    for length, rows in ((1, 300), (7, 300), (4_093, 3_000), (1_000_000, 3_000)):
        content = b"ID,Name\n" + row * rows
        blocks = [content[start : start + length] for start in range(0, len(content), length)]
        assert counted(blocks, way) == reference(content)


@pytest.mark.parametrize("before", [b"", b"ID,Name\n", b"ID,Name\n1,", b"ID,Name\n1,a\n"])
@pytest.mark.parametrize(
    "repeated",
    [b"\n", b"\r\n", b",", b'"', b'"\n', b'"\n"', b'"a"\n\n', b'"\n\n",', b'","', b'"",', b'a""', b'","a""",'],
)
def test_bytes_that_repeat_are_counted_in_time_wherever_they_begin(repeated: bytes, before: bytes) -> None:
    content = before + repeated * (20_000 // len(repeated) - 1)
    for way in (WALK, BULK):
        assert counted([content], way) == reference(content)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(b'"1","a ""b"" c","","d\ne"\n', id="all fields quoted"),
        pytest.param(b'"",1,"","a"\n', id="texts quoted and numbers bare"),
        pytest.param(b'"1","[""a"",""b""]","c"\n', id="a list of texts inside a field"),
        pytest.param(b'""\n', id="nothing but an empty field"),
        pytest.param(b'1,"""a"" and ""b"""\n\n', id="quotes at both ends of a field, and a blank line"),
    ],
)
def test_bulk_leaves_nothing_to_the_walk_where_quotes_stand_around_whole_fields(row: bytes) -> None:
    assert outline_in_bulk(row * 10, opens=True)


@pytest.mark.parametrize("quotes", range(1, 8))
@pytest.mark.parametrize("before", [b"", b"a", b'"a', b'a"'])
@pytest.mark.parametrize("after", [b"", b",", b"\n", b"b", b',"', b'b,"c'])
def test_a_run_of_quotes_is_read_alike_wherever_a_block_ends_in_it(quotes: int, before: bytes, after: bytes) -> None:
    content = b"ID,Name\nx," + before + b'"' * quotes + after
    for way in WAYS:
        for end in range(len(content) + 1):
            assert counted([content[:end], content[end:]], way) == reference(content)
        assert counted([content[place : place + 1] for place in range(len(content))], way) == reference(content)


@pytest.mark.parametrize("content", [b"", b"\n\r\n\r", BOM])
def test_without_a_record_there_is_neither_a_header_nor_a_row(content: bytes) -> None:
    assert counted([content]) == reference(content) == ((), 0, 0, False, None, None)


def test_rows_can_be_counted_while_they_come() -> None:
    records = CsvRecords()
    seen = []
    for block in (b"ID,Na", b"me\n1,a\n2", b",b\n3,c"):
        records.feed(block)
        seen.append(records.row_count)

    assert seen == [0, 1, 2]


def test_a_header_of_a_hundred_thousand_columns_is_read_whole() -> None:
    names = [f"column {number}" for number in range(100_000)]
    content = (",".join(names) + "\n").encode()

    figures = counted([content[start : start + 65_536] for start in range(0, len(content), 65_536)])

    assert figures.header == tuple(names)


def test_a_header_that_does_not_end_within_its_limit_is_no_header() -> None:
    records = CsvRecords()
    block = b"name," * (1024 * 1024 // 5)

    with pytest.raises(NotAnExport, match="no record ends"):
        for _ in range(HEADER_LIMIT_BYTES // len(block) + 1):
            records.feed(block)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"ID,secret\xff\n", id="not UTF-8"),
        pytest.param(b"ID,secret\xc3", id="not UTF-8 and without a line end"),
        pytest.param(BOM[:2], id="half a byte order mark"),
    ],
)
def test_a_header_that_cannot_be_read_is_no_header_and_its_error_keeps_what_it_says_to_itself(header: bytes) -> None:
    with pytest.raises(NotAnExport) as caught:
        counted([header])

    assert "secret" not in all_texts(caught.value)


def test_a_name_of_any_length_is_read() -> None:
    """Longer than what `csv` takes by itself, 131,072 characters."""
    name = "n" * 300_000
    assert counted([f"ID,{name}\n1,2\n".encode()]).header == ("ID", name)
