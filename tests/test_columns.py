"""What a header becomes in Athena."""

import re

from hypothesis import given
from hypothesis import strategies as st

from sandbox.users import HEADER
from spaaza_snapshots.columns import CAST_ERRORS, KNOWN, PARTITION_KEYS, columns_of

KNOWN_TYPES = dict(KNOWN.values())

# Names from everywhere: documented ones, ones that fall on the same Athena name, and anything at all.
names = st.one_of(
    st.sampled_from(HEADER),
    st.sampled_from(HEADER).map(str.upper),
    st.sampled_from(["chain_id", "Chain ID", "dt", "DT", "_cast_errors", "id_2", "ID 2", "", " ", "é", "2nd name"]),
    st.text(max_size=8),
    st.text(alphabet="aB-é", min_size=250, max_size=300),
)
headers = st.lists(names, max_size=40)


def athena_names(*header: str) -> list[str]:
    return [column.athena_name for column in columns_of(header)]


def test_the_table_is_the_documented_header_in_its_order() -> None:
    assert tuple(KNOWN) == HEADER


def test_every_documented_name_follows_the_general_rule() -> None:
    for name, (athena_name, _) in KNOWN.items():
        assert athena_name == re.sub("[^0-9a-z]+", "_", name.lower()).strip("_")


def test_every_documented_type_is_one_of_six() -> None:
    assert set(KNOWN_TYPES.values()) == {"bigint", "string", "date", "timestamp", "boolean", "decimal(18,4)"}


def test_codes_with_leading_zeros_are_strings() -> None:
    codes = ("Facebook ID", "Postal code", "House Number", "Phone Number", "Home Store Owner Code", "Signup Store Code")
    assert {KNOWN[code][1] for code in codes} == {"string"}


def test_the_documented_header_keeps_its_positions_names_and_types() -> None:
    columns = columns_of(HEADER)
    assert [column.position for column in columns] == list(range(1, 69))
    assert tuple(column.name for column in columns) == HEADER
    assert [(column.athena_name, column.athena_type) for column in columns] == list(KNOWN.values())


def test_an_unknown_column_is_a_string() -> None:
    (column,) = columns_of(["Shoe size (EU)"])
    assert (column.athena_name, column.athena_type) == ("shoe_size_eu", "string")


def test_a_name_in_another_spelling_never_takes_the_place_of_a_documented_one() -> None:
    assert athena_names("id", "ID") == ["id_2", "id"]
    assert athena_names("First Name") == ["first_name_2"]


def test_a_repeated_documented_name_is_a_string_of_another_name() -> None:
    first, second = columns_of(["ID", "ID"])
    assert (first.athena_name, first.athena_type) == ("id", "bigint")
    assert (second.athena_name, second.athena_type) == ("id_2", "string")


def test_names_that_differ_in_case_alone_are_numbered_in_their_order() -> None:
    assert athena_names("shoe", "Shoe", "SHOE") == ["shoe", "shoe_2", "shoe_3"]


def test_a_number_that_a_documented_name_has_is_passed_over() -> None:
    assert athena_names("Address Line", "address line") == ["address_line", "address_line_4"]


def test_a_column_is_never_called_as_a_partition_key() -> None:
    assert athena_names("Chain ID", "dt") == ["chain_id_2", "dt_2"]


def test_a_name_without_a_plain_letter_is_named_by_its_position() -> None:
    assert athena_names("Shoe", "", "é", "--") == ["shoe", "c_2", "c_3", "c_4"]


def test_a_name_that_begins_with_a_digit_gets_a_letter_before_it() -> None:
    assert athena_names("2nd address") == ["c_2nd_address"]


def test_letters_outside_ascii_become_underscores() -> None:
    assert athena_names("Prénom du client") == ["pr_nom_du_client"]


def test_long_names_that_begin_alike_stay_apart() -> None:
    first, second = athena_names("x" * 300 + "a", "x" * 300 + "b")
    assert (first, second) == ("x" * 255, "x" * 253 + "_2")


@given(headers)
def test_every_name_is_valid_and_its_own(header: list[str]) -> None:
    given_names = athena_names(*header)
    assert len(set(given_names)) == len(header)
    assert not {*PARTITION_KEYS, CAST_ERRORS} & set(given_names)
    for name in given_names:
        assert re.fullmatch("[a-z][a-z0-9_]*", name)
        assert len(name.encode()) <= 255


@given(headers)
def test_positions_and_header_names_are_kept_as_they_came(header: list[str]) -> None:
    assert [(column.position, column.name) for column in columns_of(header)] == list(enumerate(header, start=1))


@given(headers)
def test_documented_names_keep_their_athena_name_whatever_stands_beside_them(header: list[str]) -> None:
    columns = columns_of(header)
    for name in set(header) & set(KNOWN):
        first = columns[header.index(name)]
        assert (first.athena_name, first.athena_type) == KNOWN[name]


@given(headers)
def test_the_type_follows_from_the_athena_name_alone(header: list[str]) -> None:
    for column in columns_of(header):
        assert column.athena_type == KNOWN_TYPES.get(column.athena_name, "string")


@given(headers, headers)
def test_columns_appended_later_rename_nothing(header: list[str], appended: list[str]) -> None:
    assert columns_of(header + appended)[: len(header)] == columns_of(header)
