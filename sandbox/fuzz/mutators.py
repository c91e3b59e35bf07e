"""Changes an input where a change at random would only break its checksum, its Content-Length or its syntax."""

import gzip
import json
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any, Final

from sandbox.fuzz.target import MARK, Bytes
from sandbox.fuzz.truth import CONTENT_LIMIT_BYTES, inflate

UNTOUCHED_SHARE: Final = 0.25
"""How many changes are left to the fuzzer alone, which may break anything."""

CSV_WORDS: Final = (
    b'"',
    b'""',
    b'","',
    b",",
    b"\n",
    b"\r",
    b"\r\n",
    b'\n"',
    b'"\n',
    b"\xff",
    b"\xef\xbb\xbf",
    b"\0",
    b"\xc3\xa9",
)
VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, 1, -1, 1743, 1783, 10**18, 1.5, "", " ", "1", "2026-11-22", "20261122", "0001-01-01",
    "9999-12-31", "2026-11-22T03:00:00Z", "2026-11-22T03:00:00", "2026-12-06 11:19:10", "0999-12-06 11:19:10",
    MARK, MARK * 300, f"{MARK}\n", f"{MARK}\u00e9\ud800", [], {}, [1743], [1743, 1783], [MARK] * 50, {MARK: MARK},
)  # fmt: skip


def of_csv(data: bytes, change: Bytes, random: Random) -> bytes:
    """Put in what a CSV is made of, or repeat a part of it."""
    if random.random() < UNTOUCHED_SHARE:
        return change(data)
    at, end = sorted(random.choices(range(len(data) + 1), k=2))
    put_in = data[at:end] * 2 if random.random() < UNTOUCHED_SHARE else random.choice(CSV_WORDS)
    return data[:at] + put_in + data[at if random.random() < 0.5 else at + 1 :]


def of_gzip(data: bytes, change: Bytes, random: Random, head: int = 4) -> bytes:
    """Change the content, and compress it again: in one member or two, with any optional field and a right checksum."""
    found = inflate(data[head:])
    if random.random() < UNTOUCHED_SHARE or found is None or found.error:
        return change(data)
    content = of_csv(found.content, change, random)[:CONTENT_LIMIT_BYTES]
    at = random.randrange(len(content) + 1) if random.random() < 0.3 else len(content)
    parts = (content[:at], content[at:]) if at < len(content) else (content,)
    body = b"".join(member(part, random.choice((0, 0, 2, 4, 8, 16, 30)), random.choice((0, 1, 9))) for part in parts)
    return data[:head] + (body if random.random() < 0.9 else body[: random.randrange(len(body))])


def member(content: bytes, flags: int = 0, level: int = 6) -> bytes:
    """Return one member with the optional fields of these flags (RFC 1952, section 2.3.1)."""
    head = b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0\0\xff"
    head += b"\x05\0extra" if flags & 4 else b""
    head += (b"users.csv\0" if flags & 8 else b"") + (b"a comment\0" if flags & 16 else b"")
    head += struct.pack("<H", zlib.crc32(head) & 0xFFFF) if flags & 2 else b""
    deflate = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    return head + deflate.compress(content) + deflate.flush() + struct.pack("<II", zlib.crc32(content), len(content))


def of_json(data: bytes, change: Bytes, random: Random, head: int = 1) -> bytes:
    """Replace, take away or repeat a value of a document, wherever it is."""
    try:
        document = json.loads(data[head:])
    except (ValueError, RecursionError):
        return change(data)
    if random.random() < UNTOUCHED_SHARE:
        return change(data)
    places = list(_places(document))
    if not places:
        return data[:head] + json.dumps(random.choice(VALUES)).encode()
    holder, key = random.choice(places)
    match random.randrange(4):
        case 0:
            del holder[key]
        case 1:
            holder[key] = deepcopy(random.choice(places)[0])
        case 2 if isinstance(holder[key], str):
            text = change(holder[key].encode("utf-8", "surrogatepass"))
            holder[key] = text.decode("utf-8", "surrogateescape")
        case _:
            holder[key] = deepcopy(random.choice(VALUES))
    return data[:head] + json.dumps(document).encode()


def of_http(data: bytes, change: Bytes, random: Random, head: int = 1) -> bytes:
    """Change the body of an answer and say its length, or the head alone."""
    start, gap, body = data[head:].partition(b"\r\n\r\n")
    if not gap or random.random() < UNTOUCHED_SHARE:
        return change(data)
    if random.random() < 0.4:
        return data[:head] + change(start) + gap + body
    changed = _body_changed(body, change, random)
    if random.random() < 0.8:
        start = re.sub(rb"(?i)(content-length: *)\d+", rb"\g<1>%d" % len(changed), start)
    return data[:head] + start + gap + changed


def _body_changed(body: bytes, change: Bytes, random: Random) -> bytes:
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: of_json(body, change, random, head=0),
        lambda: of_gzip(body, change, random, head=0),
        lambda: gzip.compress(body, mtime=0),
        lambda: b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body),
    )
    return random.choices(ways, (6, 4, 1, 1))[0]()


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each place of a value: what holds it, and its key or index there."""
    if isinstance(document, dict | list):
        for key, value in list(document.items() if isinstance(document, dict) else enumerate(document)):
            yield document, key
            yield from _places(value)
