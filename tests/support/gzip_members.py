"""Gzip members made by hand, and what is seen of them."""

import gzip
import struct
import zlib
from collections.abc import Iterable

from spaaza_snapshots.proof.gzip_csv import GzipCsvInspector, Inspection

CONTENT = b'ID,Name\n1,"Jansen, de Vries"\n2,"c/o\nBakker"\n3,Kroger\n'
FIRST, SECOND = gzip.compress(CONTENT[:20], mtime=0), gzip.compress(CONTENT[20:], mtime=0)
NO_TIME_NO_SYSTEM = b"\0\0\0\0\0\xff"


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


def member_with_all_optional_fields(content: bytes) -> bytes:
    """A member as RFC 1952 allows it and hardly anyone writes it: extra field, name, comment, CRC of the header."""
    header = b"\x1f\x8b\x08\x1e" + NO_TIME_NO_SYSTEM + b"\x05\0extra" + b"users.csv\0" + b"a comment\0"
    header += struct.pack("<H", zlib.crc32(header) & 0xFFFF)
    return header + raw_deflate(content) + struct.pack("<II", zlib.crc32(content), len(content))
