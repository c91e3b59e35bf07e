"""What Spaaza answers a run: a small complete export, or none; the product itself proves what arrives."""

import functools
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any, Self

from sandbox.model.faults import SPAAZA, Fault, Faults
from spaaza_snapshots.errors import NEXT_RUN, ExportInterrupted, ExportUnavailable, NotAnExport

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ROWS = (0, 1, 90, 94, 95, 96, 99, 100, 100, 100, 101)
"""Row counts of exports: after 100 rows, the guard doubts the first four."""

EDITIONS = 2
"""Number of different exports per length: with one, equal lengths would always mean equal ETags."""


@functools.cache
def body_of(rows: int, edition: int) -> bytes:
    """Return a gzip CSV with that many rows."""
    lines = "".join(f"{number + edition}\r\n" for number in range(rows))
    return gzip.compress(f"ID\r\n{lines}".encode(), mtime=edition)


class Export:
    """One answer, with what the attempt uses of an `ExportStream`."""

    def __init__(self, body: bytes, *, broken: bool) -> None:
        self.first_byte_at = NOW
        self.received_bytes = 0
        self.declared_end = f"Content-Length {len(body)}"
        self._body = body
        self._broken = broken

    def header(self, _name: str) -> str | None:
        """Return no header."""
        return None

    def how_far(self) -> str:
        """Say how much has arrived."""
        return f"{self.received_bytes} bytes"

    def chunks(self) -> Iterator[bytes]:
        """Yield the body, or half of it and then raise as a broken connection does."""
        body = self._body[: len(self._body) // 2] if self._broken else self._body
        self.received_bytes = len(body)
        yield body
        if self._broken:
            raise ExportInterrupted("The export broke off", self.how_far(), NEXT_RUN)

    def __enter__(self) -> Self:
        """Open nothing."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close nothing."""


class Exports:
    """Stands for `SpaazaExports` of one run; `rows` sets the row count of each answer, otherwise it is drawn."""

    url = "https://spaaza.model/segments/export/users"

    def __init__(self, random: Random, faults: Faults, rows: int | None = None) -> None:
        self._random = random
        self._faults = faults
        self._rows = rows

    def open(self, _chain_id: int, _read_session: Any, _read_again: Any) -> Export:
        """Answer, or raise as an answer that is not an export does."""
        fails = self._faults.export_fails()
        if fails:
            self._faults.count(SPAAZA, Fault.NO_EXPORT)
            kind = int(self._random.random() * 4)
            if kind == 0:
                raise ExportUnavailable("Spaaza cannot export now", "HTTP 503", NEXT_RUN)
            if kind == 1:
                raise NotAnExport("Spaaza's answer is not a gzip CSV", "", "")
        rows = self._random.choice(ROWS) if self._rows is None else self._rows
        return Export(body_of(rows, int(self._random.random() * EDITIONS)), broken=fails)
