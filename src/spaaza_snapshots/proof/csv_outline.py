"""Reduces a block of CSV to its outline: the same bytes, but with a mark in place of each quoted field.

Every line end left then ends a record, and every comma left ends a field. Two ways lead there. The *walk* jumps from
quote to quote and can judge any block, but pays for each quote. *Bulk* splits the block at all its quotes at once and
takes every second piece as quoted, which is right only where each quote that opens a field stands at its start; it
says so where one does not, and the walk judges. Blocks with few quotes are walked, the others try bulk first.
"""

import io

# With more quotes than this the walk is slower than bulk (measured: they meet between 40 and 60 bytes per quote).
# The first bytes of a block speak for all of it.
BULK_FROM_QUOTES_PER_BYTE = 1 / 50
SAMPLE_BYTES = 4096

# The marks of quoted fields in an outline. All line ends are \n there, so that \r is free.
QUOTED = b'"'
BROKEN = b"\r"  # with a line break inside

# Reduces what bulk found between quotes, where \r stands for the `","` between two quoted fields.
_OUTLINE_OF_QUOTED = bytes.maketrans(b"\r\n", b"," + BROKEN)
_NOT_IN_OUTLINE = bytes(byte for byte in range(256) if byte not in b'"\r\n')


def outline_of(body: bytes, *, opens: bool, bulk_from: float = BULK_FROM_QUOTES_PER_BYTE) -> tuple[bytes, bool]:
    """Return the outline of a body and whether it ends inside a quoted field.

    The body begins outside of quotes, does not end with a quote, and has \\n for every line end. `opens`: whether a
    quote as its first byte would open a field. `bulk_from` is in quotes per byte.
    """
    quotes = body.count(b'"', 0, SAMPLE_BYTES)
    found = None
    if quotes > bulk_from * min(len(body), SAMPLE_BYTES):
        found = outline_in_bulk(body, opens=opens)
    return found or outline_by_walk(body, opens=opens)


def outline_by_walk(body: bytes, *, opens: bool) -> tuple[bytes, bool]:
    """Return what `outline_of` does, for any body."""
    pieces: list[bytes] = []
    done = 0
    ends_in_quotes = False
    quote = body.find(b'"')
    while quote >= 0:
        if body[quote - 1] in b",\n" if quote else opens:
            pieces.append(body[done:quote])
            end = _closing_quote(body, quote + 1)
            ends_in_quotes = end == len(body)
            pieces.append(QUOTED if body.find(b"\n", quote, end) < 0 else BROKEN)
            done = end + 1
            quote = end
        quote = body.find(b'"', quote + 1)
    pieces.append(body[done:])
    return b"".join(pieces), ends_in_quotes


def _closing_quote(body: bytes, start: int) -> int:
    """Return where the quoted field ends whose content starts at `start`: at the first quote that is not doubled."""
    quote = body.find(b'"', start)
    while quote >= 0 and body.startswith(b'"', quote + 1):
        quote = body.find(b'"', quote + 2)
    return quote if quote >= 0 else len(body)


def outline_in_bulk(body: bytes, *, opens: bool) -> tuple[bytes, bool] | None:
    """Return what `outline_of` does, or None if only the walk can tell.

    Doubled quotes next to a comma, as in `[""a"",""b""]`, can pass for the `","` between two fields. Then the
    pairs go first: of a run of quotes only an odd one opens or closes a field. A line of nothing but pairs is a
    record all the same, and must not come to look blank.
    """
    found = _split_at_quotes(body, opens=opens)
    if found is None:
        odd = body.replace(b'""', b"")
        if _blank_lines(odd) == _blank_lines(body):
            found = _split_at_quotes(odd, opens=opens)
    return found


def _split_at_quotes(body: bytes, *, opens: bool) -> tuple[bytes, bool] | None:
    """Return the outline and whether it ends in quotes, or None if a quote does not open or close a field.

    Each quote leads into a quoted piece or out of it, also each of a doubled one: those have nothing between them.
    So every quote that leads in must follow a comma, a line end or, directly, another quote. Most quotes of a row
    that is quoted throughout are in `","`: these become one byte first, which must then lie in a quoted piece.
    """
    pieces = body.replace(b'","', b"\r").split(QUOTED)
    leading_in = len(pieces) // 2
    ends_in_quotes = len(pieces) % 2 == 0
    doubled = pieces[0::2].count(b"")  # and the first quote, where it is the first byte
    if ends_in_quotes:
        pieces.append(b"")
    bare = QUOTED.join(pieces[0::2])
    proper = bare.count(b',"') + bare.count(b'\n"') + doubled
    if proper < leading_in or b"\r" in bare or (bare.startswith(QUOTED) and not opens):
        return None
    if leading_in:
        pieces[1::2] = QUOTED.join(pieces[1::2]).translate(_OUTLINE_OF_QUOTED, _NOT_IN_OUTLINE).split(QUOTED)
    return QUOTED.join(pieces), ends_in_quotes


def _blank_lines(body: bytes) -> int:
    return io.BytesIO(body).readlines().count(b"\n")
