"""Gzip members made by hand, and what is seen of them."""

import gzip
import struct
import zlib
from collections.abc import Iterable

from spaaza_snapshots.proof.gzip_csv import (
    FCOMMENT,
    FEXTRA,
    FHCRC,
    FNAME,
    GZIP_MAGIC,
    GzipCsvInspector,
    Inspection,
)

CONTENT = b'ID,Name\n1,"Jansen, de Vries"\n2,"c/o\nBakker"\n3,Kroger\n'
FIRST, SECOND = gzip.compress(CONTENT[:20], mtime=0), gzip.compress(CONTENT[20:], mtime=0)
NO_TIME_NO_SYSTEM = b"\0\0\0\0\0\xff"
SHORT_EXTRA = b"Sp\x02\0\0x"
LONG_EXTRA = b"Sp\x04\x01" + b"\0extra\0" * 37  # its length takes two bytes
FTEXT = 1
ALL_FIELDS = FHCRC | FEXTRA | FNAME | FCOMMENT


def inspected(chunks: Iterable[bytes]) -> Inspection:
    inspector = GzipCsvInspector()
    for chunk in chunks:
        inspector.feed(chunk)
    return inspector.finish()


def single_bytes(body: bytes) -> list[bytes]:
    return [body[place : place + 1] for place in range(len(body))]


def raw_deflate(content: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflate.compress(content) + deflate.flush()


def member(content: bytes, flags: int, extra: bytes = SHORT_EXTRA) -> bytes:
    """A member with the optional fields of RFC 1952 that the flags ask for; its extra field has zeros inside."""
    header = GZIP_MAGIC + b"\x08" + bytes([flags]) + NO_TIME_NO_SYSTEM
    header += struct.pack("<H", len(extra)) + extra if flags & FEXTRA else b""
    header += b"users.csv\0" if flags & FNAME else b""
    header += b"a comment\0" if flags & FCOMMENT else b""
    header += struct.pack("<H", zlib.crc32(header) & 0xFFFF) if flags & FHCRC else b""
    return header + raw_deflate(content) + struct.pack("<II", zlib.crc32(content), len(content))
