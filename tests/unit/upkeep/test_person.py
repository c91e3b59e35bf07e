"""Whether an export has a record of a person, however it is written."""

import gzip
import io

import pytest

from spaaza_snapshots.upkeep.person import People, Unreadable

PEOPLE = People((404100, 12))
HEADER = "First name,ID,Town/City\n"


def found(csv_text: str | bytes, header: str = HEADER) -> bool:
    body = csv_text if isinstance(csv_text, bytes) else csv_text.encode()
    compressed = gzip.compress(header.encode() + body)
    anywhere = PEOPLE.anywhere_in(io.BytesIO(compressed))
    record = PEOPLE.with_a_record_in(io.BytesIO(compressed))
    assert anywhere >= record  # what is fast misses nobody
    return bool(record)


@pytest.mark.parametrize(
    "csv_text",
    [
        "Ann,404100,\n",
        "Ann,12,",
        'Ann,"404100",\r\n',
        "Ann, 404100 ,\n",
        "Ann,00404100,\n",
        '"An\nn",404100,\n',
        "Ben,1,\n\nAnn,404100,\n",
        "Ann,404100.0,\n",
    ],
)
def test_the_column_id_tells_however_it_is_written(csv_text: str) -> None:
    assert found(csv_text)


@pytest.mark.parametrize("csv_text", ["Ann,1,404100\n", "404100,1,\n", "Ann,4041007,\n", "Ann,1404100,\n", "", "\n"])
def test_the_number_in_another_column_or_as_part_of_another_is_nobody(csv_text: str) -> None:
    assert not found(csv_text)


@pytest.mark.parametrize(
    "csv_text",
    [
        "404100,Ann\n",  # too few fields
        "Ann,1,x,404100\n",  # too many
        b"Ann\xff,1,404100\n",  # not UTF-8
        'Ben,1,"Town\nAnn,404100,"Town"\n',  # two records in one, by a quote that was not closed
    ],
)
def test_in_a_record_that_cannot_be_read_the_number_counts_wherever_it_stands(csv_text: str | bytes) -> None:
    assert found(csv_text)


def test_an_export_without_the_column_counts_the_number_wherever_it_stands() -> None:
    assert found("Ann,404100\n", header="First name,Number\n")


def test_each_of_several_columns_named_id_counts_and_a_byte_order_mark_hides_none() -> None:
    assert found("1,Ann,404100\n", header="ID,First name,ID\n")
    assert found("404100,1\n", header="\ufeffID,First name\n")


def test_a_number_across_two_blocks_is_found() -> None:
    pad = "x" * (1024 * 1024 - len(HEADER) - 7)
    assert found(f"{pad},404100,\n")


@pytest.mark.parametrize("damage", [lambda body: body[:-1], lambda body: b"plain", lambda body: body + b"more"])
def test_an_export_that_does_not_end_as_gzip_is_unreadable(damage: object) -> None:
    assert callable(damage)
    body = damage(gzip.compress(f"{HEADER}Ann,1,\n".encode()))
    with pytest.raises(Unreadable):
        PEOPLE.anywhere_in(io.BytesIO(body))


def test_a_body_of_several_members_is_read_to_the_last() -> None:
    assert PEOPLE.anywhere_in(io.BytesIO(gzip.compress(HEADER.encode()) + gzip.compress(b"Ann,404100,\n")))


def test_an_export_is_read_until_those_who_are_sought_are_found() -> None:
    compressed = gzip.compress(f"{HEADER}Ann,12,\nBen,1,404100\nCy,404100,12\n".encode())

    def of(*sought: int) -> list[int]:
        return sorted(PEOPLE.with_a_record_in(io.BytesIO(compressed), frozenset(sought)))

    assert (of(), of(12), of(404100), of(404100, 5)) == ([12], [12], [12, 404100], [12, 404100])


def test_no_text_of_the_object_shows_an_id() -> None:
    assert "404100" not in repr(PEOPLE)
