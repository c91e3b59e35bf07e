"""The text that rows are handed to DuckDB in: written for one reader, so that it cannot be misread.

A line for each row: its check, and its cells, with U+001F between them. Where a cell holds that character, a quote or
a line break, every cell of the row is quoted. The check is the number of characters of all cells; a row that is read
with another number is not what was written.
"""

from collections.abc import Iterable, Sequence
from typing import Final

DELIMITER: Final = "\x1f"
QUOTE: Final = '"'
LINE_END: Final = "\n"


def rows_text(rows: Iterable[Sequence[str]]) -> bytes:
    """Return the lines of rows, which hold at least one cell each."""
    return "".join(map(row_text, rows)).encode()


def row_text(row: Sequence[str]) -> str:
    """Return the line of one row, with its line end."""
    cells = DELIMITER.join(row)
    delimiters = len(row) - 1
    check = len(cells) - delimiters
    if QUOTE in cells or "\n" in cells or "\r" in cells or cells.count(DELIMITER) != delimiters:
        cells = DELIMITER.join([QUOTE + cell.replace(QUOTE, QUOTE + QUOTE) + QUOTE for cell in row])
    return f"{check}{DELIMITER}{cells}{LINE_END}"
