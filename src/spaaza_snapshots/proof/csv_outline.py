"""Reduces a block of CSV to its outline: the same bytes, but with each quoted field replaced by a mark.

Every line end left then ends a record, and every comma left ends a field. There are two methods. The *walk* jumps from
quote to quote and handles any block, but its cost grows with the quotes. *Bulk* splits the block at all its quotes at
once and takes every second piece as quoted, which is right only if each quote that opens a field is at its start; if
one is not, it returns None and the walk is used. Blocks with few quotes are walked; the others try bulk first.
"""

import io

# With more quotes than this the walk is slower than bulk (measured: they break even at 40 to 60 bytes per quote).
# The first bytes of a block are taken as a sample of all of it.
BULK_FROM_QUOTES_PER_BYTE = 1 / 50
SAMPLE_BYTES = 4096

# The marks of quoted fields in an outline. All line ends are \n there, so \r is free.
QUOTED = b'"'
BROKEN = b"\r"  # with a line break inside

# Reduces what bulk finds between quotes; \r stands for the `","` between two quoted fields.
_OUTLINE_OF_QUOTED = bytes.maketrans(b"\r\n", b"," + BROKEN)
_NOT_IN_OUTLINE = bytes(byte for byte in range(256) if byte not in b'"\r\n')


def outline_of(body: bytes, *, opens: bool, bulk_from: float) -> tuple[bytes, bool]:
    """Return the outline of a body and whether it ends inside a quoted field.

    The body starts outside quotes, does not end with a quote, and has \\n for every line end. `opens`: whether a
    quote as its first byte would open a field. `bulk_from` is in quotes per byte.
    """
    found = None
    if is_dense(body, bulk_from):
        found = outline_in_bulk(body, opens=opens)
    return found or outline_by_walk(body, opens=opens)


def is_dense(body: bytes, bulk_from: float) -> bool:
    """Return whether a body has so many quotes that bulk is faster, judged by its first bytes."""
    sample = body[:SAMPLE_BYTES]
    return sample.count(b'"') > bulk_from * len(sample)


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
    """Return the end of the quoted field whose content starts at `start`: the first quote that is not doubled."""
    quote = body.find(b'"', start)
    while quote >= 0 and body.startswith(b'"', quote + 1):
        quote = body.find(b'"', quote + 2)
    return quote if quote >= 0 else len(body)


def outline_in_bulk(body: bytes, *, opens: bool) -> tuple[bytes, bool] | None:
    """Return what `outline_of` does, or None if only the walk can tell.

    Doubled quotes next to a comma, as in `[""a"",""b""]`, can look like the `","` between two fields. Then the pairs
    are removed first: in a run of quotes only an odd one opens or closes a field. A line of only pairs is still a
    record, and must not become blank.
    """
    found = _split_at_quotes(body, opens=opens)
    if found is None:
        odd = body.replace(b'""', b"")
        if _blank_lines(odd) == _blank_lines(body):
            found = _split_at_quotes(odd, opens=opens)
    return found


def _split_at_quotes(body: bytes, *, opens: bool) -> tuple[bytes, bool] | None:
    """Return the outline and whether it ends in quotes, or None if a quote does not open or close a field.

    Each quote enters or leaves a quoted piece, including both of a doubled one, which have nothing between them. So
    every entering quote must directly follow a comma, a line end or another quote. Most quotes of a fully quoted row
    are in `","`: each `","` first becomes one byte, which must then be inside a quoted piece.
    """
    pieces = body.replace(b'","', b"\r").split(QUOTED)
    leading_in = len(pieces) // 2
    ends_in_quotes = len(pieces) % 2 == 0
    doubled = pieces[0::2].count(b"")  # also counts the first quote if it is the first byte
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
