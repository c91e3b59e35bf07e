"""Exports of any length, made while they are sent: one gzip member of a block that is compressed once."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from struct import pack
from typing import Final

from isal import isal_zlib

from sandbox.spaaza.answers import EXPORT_HEADERS, Answer

HEAD: Final = bytes.fromhex("1f8b08000000000000ff")
"""RFC 1952: deflate, no flags, no time, unknown system."""

LAST_BLOCK: Final = b"\x03\x00"
"""RFC 1951: the final block of a stream, with nothing in it."""


@dataclass(frozen=True)
class Endless:
    """A CSV that begins with `start` and repeats `block`; `level` 0 stores it, so that its gzip is as long.

    A deflate block that ends in a full flush refers to nothing before it, so the same bytes may come again and again;
    only the CRC and the length at the end of the member speak of all of them.
    """

    start: bytes
    block: bytes
    times: int
    level: int = 6

    @property
    def csv_bytes(self) -> int:
        """How long the CSV is."""
        return len(self.start) + len(self.block) * self.times

    @property
    def gzip_bytes(self) -> int:
        """How long its gzip is."""
        return len(HEAD) + len(self._start) + len(self._block) * self.times + len(LAST_BLOCK) + 8

    def gzip(self) -> Iterator[bytes]:
        """Yield the one member."""
        yield HEAD + self._start
        crc, block_crc = isal_zlib.crc32(self.start), isal_zlib.crc32(self.block)
        for _ in range(self.times):
            yield self._block
            crc = isal_zlib.crc32_combine(crc, block_crc, len(self.block))
        yield LAST_BLOCK + pack("<II", crc, self.csv_bytes % 2**32)

    def answer(self) -> Answer:
        """Return what Spaaza answers."""
        return Answer(headers=EXPORT_HEADERS, body=self.gzip)

    @cached_property
    def _start(self) -> bytes:
        return _flushed(self.start, self.level)

    @cached_property
    def _block(self) -> bytes:
        return _flushed(self.block, self.level)


def _flushed(plain: bytes, level: int) -> bytes:
    deflate = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    return deflate.compress(plain) + deflate.flush(zlib.Z_FULL_FLUSH)
