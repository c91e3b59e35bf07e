"""docs/columns.toml knows every documented column, once, and no other."""

from spaaza_snapshots.model.columns import KNOWN
from tools.dictionary import columns_table, dictionary


def test_every_documented_column_has_one_kind_and_no_other_column_has() -> None:
    named = [name for kind in dictionary().kinds for name in kind.columns]
    assert sorted(named) == sorted(KNOWN)
    assert len(named) == 68


def test_the_kinds_are_those_that_the_page_explains() -> None:
    kinds = [kind.name for kind in dictionary().kinds]
    assert kinds == ["identifier", "direct personal", "indirect personal", "behaviour"]


def test_only_documented_columns_have_a_meaning() -> None:
    assert dictionary().meanings.keys() <= KNOWN.keys()


def test_the_table_shows_no_value_that_could_be_a_persons() -> None:
    rows = [line.split(" | ") for line in columns_table().splitlines() if " | `" in line]
    assert len(rows) == len(KNOWN)
    shown = {row[3]: row[4] for row in rows if "`" in row[4] and "once the user is deleted" not in row[4]}
    assert shown.keys() == {"behaviour"}
