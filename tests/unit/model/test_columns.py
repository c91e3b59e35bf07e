"""What a header becomes in Athena."""

import hashlib
import re
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from sandbox.spaaza.users import HEADER
from spaaza_snapshots.model.columns import CAST_ERRORS, KNOWN, PARTITION_KEYS, columns_of

KNOWN_TYPES = dict(KNOWN.values())

# Names from everywhere: documented ones, ones that fall on the same Athena name, and anything at all.
names = st.one_of(
    st.sampled_from(HEADER),
    st.sampled_from(HEADER).map(str.upper),
    st.sampled_from(["chain_id", "Chain ID", "dt", "DT", "_cast_errors", "id_2", "ID 2", "", " ", "é", "2nd name"]),
    st.text(max_size=8),
    st.builds(
        lambda text, length, end: (text * length)[:length] + end,  # a long text of its own takes long to choose
        st.text(alphabet="aB-é", min_size=1, max_size=4),
        st.integers(250, 300),
        st.text(alphabet="aB-é", max_size=4),
    ),
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
    (column,) = columns_of(["Shoe size"])
    assert (column.athena_name, column.athena_type) == ("shoe_size", "string")


def marked(plain: str, name: str) -> str:
    return f"{plain}_{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def test_a_name_in_another_spelling_never_takes_the_place_of_a_documented_one() -> None:
    assert athena_names("id", "ID") == [marked("id", "id"), "id"]
    assert athena_names("First Name") == [marked("first_name", "First Name")]


def test_a_repeated_documented_name_is_a_string_of_another_name() -> None:
    first, second = columns_of(["ID", "ID"])
    assert (first.athena_name, first.athena_type) == ("id", "bigint")
    assert (second.athena_name, second.athena_type) == (marked("id", "ID") + "_2", "string")


def test_names_that_would_come_to_the_same_carry_a_part_of_their_hash() -> None:
    assert athena_names("Shoe size") == ["shoe_size"]
    for other in ("shoe size", "Shoe Size", "SHOE SIZE", "Shoe  size", "Shoe-size", "Shoe size ", "Shoe_size"):
        assert athena_names(other) == [marked("shoe_size", other)]


def test_columns_that_change_places_keep_their_names() -> None:
    for header in (["Foo-bar", "Foo bar"], ["Shoe", "shoe"], ["日本語", "日本"], ["", "é"], ["x" * 300, "x" * 301]):
        assert athena_names(*header) == athena_names(*header[::-1])[::-1]


def test_a_name_without_a_plain_letter_is_the_same_wherever_it_stands() -> None:
    assert athena_names("日本語") == athena_names(*HEADER, "", "日本語")[-1:] == [marked("c", "日本語")]


def test_a_name_that_looks_like_a_marked_one_is_marked_itself() -> None:
    copy = marked("shoe_size", "shoe size").capitalize().replace("_", " ")
    assert len(set(athena_names("shoe size", copy))) == 2
    assert athena_names(f"{copy} 2") != athena_names("shoe size", "shoe size")[1:]


def test_a_column_is_never_called_as_a_partition_key() -> None:
    assert athena_names("Chain id", "Dt") == [marked("chain_id", "Chain id"), marked("dt", "Dt")]


def test_a_name_that_begins_with_a_digit_gets_a_letter_before_it() -> None:
    assert athena_names("2nd address") == [marked("c_2nd_address", "2nd address")]


def test_letters_outside_ascii_become_underscores() -> None:
    assert athena_names("Prénom du client") == [marked("pr_nom_du_client", "Prénom du client")]


def test_long_names_that_begin_alike_stay_apart() -> None:
    first, second = athena_names("x" * 300 + "a", "x" * 300 + "b")
    assert first != second
    assert first[:240] == second[:240] == "x" * 240


def test_equal_names_are_numbered_in_their_order_however_many_there_are() -> None:
    first, *others = athena_names(*["Shoe"] * 20_000)
    assert first == "shoe"
    assert others == [f"{marked('shoe', 'Shoe')}_{number}" for number in range(2, 20_001)]


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


@given(headers, st.randoms())
def test_a_name_gives_its_column_by_itself(header: list[str], random: Random) -> None:
    unrepeated = list(dict.fromkeys(header))
    shuffled = random.sample(unrepeated, len(unrepeated))
    assert dict(zip(unrepeated, athena_names(*unrepeated), strict=True)) == dict(
        zip(shuffled, athena_names(*shuffled), strict=True)
    )
