"""The text format that passes rows to DuckDB, designed so that it cannot be misread.

One line per row: its check, then its cells, separated by U+001F. If a cell contains that character, a quote or a line
break, every cell of the row is quoted. The check is the number of characters in all cells; a row that is read with a
different number is not what was written.
"""

from collections.abc import Iterable, Sequence
from typing import Final

DELIMITER: Final = "\x1f"
QUOTE: Final = '"'
LINE_END: Final = "\n"


def rows_text(rows: Iterable[Sequence[str]]) -> bytes:
    """Return the lines of rows, each of which has at least one cell."""
    return "".join(map(row_text, rows)).encode()


def row_text(row: Sequence[str]) -> str:
    """Return the line of one row, including its line end."""
    cells = DELIMITER.join(row)
    delimiters = len(row) - 1
    check = len(cells) - delimiters
    if QUOTE in cells or "\n" in cells or "\r" in cells or cells.count(DELIMITER) != delimiters:
        cells = DELIMITER.join([QUOTE + cell.replace(QUOTE, QUOTE + QUOTE) + QUOTE for cell in row])
    return f"{check}{DELIMITER}{cells}{LINE_END}"
