"""The text of rows, character by character: what DuckDB is given to read."""

import pytest

from spaaza_snapshots.parquet.row_text import row_text, rows_text


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (["7"], "1\x1f7\n"),
        ([""], "0\x1f\n"),
        (["7", "Zoë", ""], "4\x1f7\x1fZoë\x1f\n"),
        (["7", 'a "b"'], '6\x1f"7"\x1f"a ""b"""\n'),
        (["7", "a\nb"], '4\x1f"7"\x1f"a\nb"\n'),
        (["7", "a\rb"], '4\x1f"7"\x1f"a\rb"\n'),
        (["7", "a\x1fb"], '4\x1f"7"\x1f"a\x1fb"\n'),
        (["\x1f"], '1\x1f"\x1f"\n'),
    ],
    ids=repr,
)
def test_a_row_is_its_number_of_characters_and_its_cells_quoted_only_if_they_must_be(row: list[str], text: str) -> None:
    assert row_text(row) == text


def test_the_text_of_rows_is_that_of_each_in_utf_8() -> None:
    assert rows_text([["7", "Zoë"], ["8", "x"]]) == "4\x1f7\x1fZoë\n2\x1f8\x1fx\n".encode()
    assert rows_text([]) == b""
