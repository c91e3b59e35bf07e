"""Inspects the compressed bytes of an export as they pass: completeness, hash and row count.

Every gzip member is decompressed to its trailer, which checks the CRC and length of its content; the CSV is counted
and discarded.
"""

import hashlib
from dataclasses import dataclass

from isal import isal_zlib

from spaaza_snapshots.errors import ASK_SPAAZA, NEXT_RUN, ExportInterrupted, NotAnExport
from spaaza_snapshots.proof.csv_records import CsvRecords

GZIP_MAGIC = b"\x1f\x8b"
FIXED_HEADER_BYTES = 10
FHCRC, FEXTRA, FNAME, FCOMMENT = 2, 4, 8, 16  # flags: optional fields of a header
RESERVED_FLAGS = 0xE0  # "must be zero"; ISA-L does not check
GZIP_HEADER_LIMIT_BYTES = 128 * 1024  # the longest FEXTRA has 64 KiB; a name that long is damage
GZIP_WBITS = 31  # one gzip member: header, deflate data, trailer

# Together these bound the memory, however long a chunk is and however much it expands (up to 1,032 : 1). The bytes
# after a member are copied when it ends, so the first also bounds the cost of a chunk of many tiny members.
WINDOW_BYTES = 64 * 1024  # of compressed bytes
BLOCK_BYTES = 256 * 1024  # of CSV


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was observed of a stream that has ended; nothing here is judged."""

    gzip_bytes: int
    csv_bytes: int
    sha256: str  # hex, of the compressed bytes
    crc32: int  # of the compressed bytes, as in S3's FULL_OBJECT CRC32
    gzip_members: int  # members decompressed to their trailer
    at_member_end: bool  # False: cut inside a member, or no bytes at all
    header: tuple[str, ...]  # exactly as sent, without a BOM; () if there is none
    row_count: int  # records after the header
    rows_with_line_breaks: int  # rows with \n or \r inside a field
    open_quote: bool  # the CSV ended inside a quoted field
    first_row_fields: int | None  # None without rows
    last_row_fields: int | None  # of the last record, even without a line end


class GzipCsvInspector:
    """Inspects the chunks of one gzip CSV.

    Memory: about 5 `BLOCK_BYTES` (70 for a block of 3-byte rows), and the header until it ends.
    """

    def __init__(self) -> None:
        self.gzip_bytes = 0
        self.csv_bytes = 0
        self._sha256 = hashlib.sha256()
        self._crc32 = 0
        self._gzip_members = 0
        self._member_start = b""  # the bytes of a member, until its header is complete
        self._member: isal_zlib.Decompress | None = None
        self._records = CsvRecords()

    @property
    def row_count(self) -> int:
        """Return the number of rows that have ended so far."""
        return self._records.row_count

    def feed(self, chunk: bytes) -> None:
        """Inspect the next chunk, of any length.

        Raises `NotAnExport` if the stream does not start as gzip, or has no readable header, and `ExportInterrupted`
        if it is damaged or followed by other bytes. A truncated stream raises nothing here: only `finish` can tell.
        """
        self._sha256.update(chunk)
        self._crc32 = isal_zlib.crc32(chunk, self._crc32)
        view = memoryview(chunk)
        for start in range(0, len(view), WINDOW_BYTES):
            window = view[start : start + WINDOW_BYTES]
            self.gzip_bytes += len(window)
            self._inflate(window)

    def finish(self) -> Inspection:
        """End the stream and return what was observed; the last record of a truncated stream is not counted.

        Raises `NotAnExport` if the CSV is only a header, without a line end, that cannot be read.
        """
        at_member_end = self._gzip_members > 0 and self._member is None and not self._member_start
        if at_member_end:
            self._records.close()
        return Inspection(
            gzip_bytes=self.gzip_bytes,
            csv_bytes=self.csv_bytes,
            sha256=self._sha256.hexdigest(),
            crc32=self._crc32,
            gzip_members=self._gzip_members,
            at_member_end=at_member_end,
            header=self._records.header,
            row_count=self._records.row_count,
            rows_with_line_breaks=self._records.rows_with_line_breaks,
            open_quote=self._records.open_quote,
            first_row_fields=self._records.first_row_fields,
            last_row_fields=self._records.last_row_fields,
        )

    def _inflate(self, data: bytes | memoryview) -> None:
        while data:
            data = self._inflate_member(self._member, data) if self._member else self._begin_member(data)

    def _begin_member(self, data: bytes | memoryview) -> bytes:
        """Return the bytes of the member that starts here, or none until its header is complete."""
        data = self._member_start + bytes(data)
        self._member_start = b""
        if not data.startswith(GZIP_MAGIC[: len(data)]):
            raise self._no_member(self.gzip_bytes - len(data))
        if data[3:4] and data[3] & RESERVED_FLAGS:
            raise self._damaged()
        if _has_whole_header(data):
            self._member = isal_zlib.decompressobj(wbits=GZIP_WBITS)
            return data
        if len(data) > GZIP_HEADER_LIMIT_BYTES:
            raise self._damaged()
        self._member_start = data
        return b""

    def _inflate_member(self, member: isal_zlib.Decompress, data: bytes | memoryview) -> bytes:
        """Decompress data to its end or the end of the member; return the bytes after the member."""
        inflating = True
        while inflating:
            block = self._next_block(member, data)
            self.csv_bytes += len(block)
            self._records.feed(block)
            data = member.unconsumed_tail
            # After a full block the decompressor may hold more output, even if no data is left.
            inflating = not member.eof and bool(data or len(block) == BLOCK_BYTES)
        if member.eof:
            self._gzip_members += 1
            self._member = None
        return member.unused_data

    def _next_block(self, member: isal_zlib.Decompress, data: bytes | memoryview) -> bytes:
        try:
            return member.decompress(data, BLOCK_BYTES)
        except isal_zlib.error as error:  # type: ignore[misc]  # its stub declares an instance
            raise self._damaged() from error

    def _no_member(self, offset: int) -> NotAnExport | ExportInterrupted:
        if offset == 0:
            return NotAnExport("The answer is not gzip", "it does not start with 1f 8b", ASK_SPAAZA)
        return ExportInterrupted("Other bytes follow the gzip stream", f"from byte {offset:,} on", NEXT_RUN)

    def _damaged(self) -> ExportInterrupted:
        where = f"member {self._gzip_members + 1:,}, before byte {self.gzip_bytes:,}"
        return ExportInterrupted("The gzip stream is damaged", where, NEXT_RUN)


def _has_whole_header(data: bytes) -> bool:
    """Return whether data contains a member's whole header (RFC 1952, section 2.3).

    ISA-L misreads a header with several optional fields that arrives in pieces: it can refuse good ones and accept bad.
    """
    if len(data) < FIXED_HEADER_BYTES:
        return False
    flags = data[3]
    end = FIXED_HEADER_BYTES
    if flags & FEXTRA:
        end += 2 + int.from_bytes(data[end : end + 2], "little")
    for flag in (FNAME, FCOMMENT):
        if flags & flag:
            zero = data.find(b"\0", end)
            end = zero + 1 if zero >= 0 else len(data) + 1
    return end + (2 if flags & FHCRC else 0) <= len(data)
