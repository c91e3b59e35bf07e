"""Users made for tests and benchmarks, read back by `csv.reader`."""

import csv
import io
import itertools
import re
import tracemalloc

import pytest

from sandbox.spaaza.users import AWKWARD, HEADER, generated_csv, gzipped


def records(csv_bytes: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(csv_bytes.decode(), newline="")))


@pytest.mark.parametrize("users", [0, 1, 511, 512, 513, 5_000])
def test_so_many_users_are_generated_each_with_68_fields_and_an_id_of_its_own(users: int) -> None:
    header, *rows = records(b"".join(generated_csv(users)))
    assert tuple(header) == HEADER
    assert {len(row) for row in rows} <= {68}
    ids = [int(row[0]) for row in rows]
    assert len(ids) == users
    assert all(earlier < later for earlier, later in itertools.pairwise(ids))


def test_equal_seeds_make_equal_users_and_other_seeds_others() -> None:
    first, again, other = (b"".join(generated_csv(1_000, seed=seed)) for seed in (5, 5, 6))
    assert first == again
    assert first != other


def test_every_awkward_value_occurs_and_they_stand_in_a_few_percent_of_the_rows() -> None:
    rows = records(b"".join(generated_csv(2_000)))[1:]
    assert set(AWKWARD) <= {value for row in rows for value in row}
    assert 0.01 < sum(not set(AWKWARD).isdisjoint(row) for row in rows) / len(rows) < 0.05
    everything = "".join(AWKWARD)
    assert all(awkward in everything for awkward in (",", '"', "\n", "\r\n", "\\", "@", "ü", "🎉"))


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("ID", r"[1-9]\d*"),
        ("Spaaza User ID", r"[1-9]\d*"),
        ("Birthday", r"\d{4}-\d\d-\d\d"),
        ("Created date", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
        ("Cashback Balance", r"\d+\.\d\d"),
        ("Opted-in", "true|false"),
        ("Country", "[A-Z]{2}"),
        ("email (username)", r"[^@ ]+@example\.(com|org|net)"),
    ],
)
def test_generated_values_look_like_their_column(name: str, pattern: str) -> None:
    values = {row[HEADER.index(name)] for row in records(b"".join(generated_csv(500)))[1:]} - {""}
    assert values
    assert all(re.fullmatch(pattern, value) for value in values)


def test_codes_keep_their_leading_zeros() -> None:
    rows = records(b"".join(generated_csv(500)))[1:]
    for name in ("Postal code", "Home Store Owner Code", "Phone Number"):
        assert any(row[HEADER.index(name)].startswith("0") for row in rows)


def test_columns_may_be_reordered_removed_renamed_and_appended_and_values_keep_to_their_names() -> None:
    columns = [*reversed(HEADER[1:]), "ID", "Shoe size"]
    before = csv.DictReader(io.StringIO(b"".join(generated_csv(800)).decode(), newline=""))
    after = csv.DictReader(io.StringIO(b"".join(generated_csv(800, columns=columns)).decode(), newline=""))
    sizes = set()
    for old, new in zip(before, after, strict=True):
        sizes.add(new.pop("Shoe size"))
        assert new == old
    assert len(sizes) > 1
    assert records(next(generated_csv(1, columns=["ID", "Gender"], extra_columns=["ID"]))) == [["ID", "Gender", "ID"]]
    assert {
        len(row) for row in records(b"".join(generated_csv(9, columns=["ID", "Gender"], extra_columns=["ID"])))
    } == {3}


def test_memory_does_not_grow_with_the_users() -> None:
    def peak_bytes(users: int) -> int:
        tracemalloc.start()
        try:
            for _ in gzipped(generated_csv(users)):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak_bytes(40_000) < peak_bytes(4_000) + 512 * 1024
