"""The edges of the count of records: its limits, its errors, and which of the two ways is taken."""

import pytest

from spaaza_snapshots.errors import ASK_SPAAZA, NotAnExport
from spaaza_snapshots.proof.csv_outline import SAMPLE_BYTES, is_dense, outline_by_walk, outline_in_bulk
from spaaza_snapshots.proof.csv_records import COLUMN_LIMIT, HEADER_LIMIT_BYTES, CsvRecords


def refusal_of(content: bytes) -> tuple[str, str, str]:
    records = CsvRecords()
    with pytest.raises(NotAnExport) as caught:
        records.feed(content)
    return caught.value.what, caught.value.detail, caught.value.hint


def test_a_header_of_exactly_the_limit_may_still_end() -> None:
    records = CsvRecords()
    records.feed(b"n" * HEADER_LIMIT_BYTES)
    records.feed(b"\n")
    assert records.header == ("n" * HEADER_LIMIT_BYTES,)


def test_a_header_without_an_end_tells_how_much_was_read() -> None:
    detail = "no record ends in its first 16,777,217 bytes"
    assert refusal_of(b"n" * (HEADER_LIMIT_BYTES + 1)) == ("The export has no header", detail, ASK_SPAAZA)


def test_a_header_of_more_columns_than_fit_tells_how_many_and_how_many_may_be() -> None:
    detail = "100,001 columns, at most 100,000 are allowed"
    assert refusal_of(b"," * COLUMN_LIMIT + b"\n") == ("The header has too many columns", detail, ASK_SPAAZA)


def test_a_header_that_is_not_utf_8_tells_where() -> None:
    assert refusal_of(b"ID,name\xff\n") == ("The header is not UTF-8", "character 6 of its names", ASK_SPAAZA)


@pytest.mark.parametrize(
    ("body", "bulk_from", "expected"),
    [
        pytest.param(b'"' + b"a" * 49, 1 / 50, False, id="just as many as that"),
        pytest.param(b'""' + b"a" * 97, 1 / 50, True, id="one more"),
        pytest.param(b"a" * 99 + b'""', 1 / 50, False, id="one less"),
        pytest.param(b'"', 0.0, True, id="any"),
        pytest.param(b"a", 0.0, False, id="none"),
        pytest.param(b"a" * SAMPLE_BYTES + b'"' * SAMPLE_BYTES, 1 / 50, False, id="only behind the sample"),
        pytest.param(b'"' * 82 + b"a" * SAMPLE_BYTES * 9, 1 / 50, True, id="only in the sample"),
    ],
)
def test_the_quotes_of_the_first_bytes_say_whether_bulk_is_faster(
    body: bytes, bulk_from: float, expected: bool
) -> None:
    assert is_dense(body, bulk_from) is expected


def test_bulk_adds_nothing_behind_a_field_that_is_still_open() -> None:
    assert outline_in_bulk(b'a,"b', opens=True) == (b'a,""', True)


def test_what_is_outside_quotes_stays_as_it_is() -> None:
    assert outline_by_walk(b'a,"b",c\n', opens=True) == (b'a,",c\n', False)
    assert outline_in_bulk(b'"",x,"[""a"",""b""]",y\n', opens=True) == (b',x,"",y\n', False)
