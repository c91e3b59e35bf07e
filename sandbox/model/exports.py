"""What Spaaza answers a run: a small whole export, or none; what is on its way of it is proven as in the product."""

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
"""Of an export: against 100 before, the guard doubts the first four."""

EDITIONS = 2
"""How many exports of the same length differ: with one, equal lengths always were equal ETags."""


@functools.cache
def body_of(rows: int, edition: int) -> bytes:
    """Return a gzip CSV with so many rows."""
    lines = "".join(f"{number + edition}\r\n" for number in range(rows))
    return gzip.compress(f"ID\r\n{lines}".encode(), mtime=edition)


class Export:
    """One answer, as the attempt uses an `ExportStream`."""

    def __init__(self, body: bytes, *, broken: bool) -> None:
        self.first_byte_at = NOW
        self.received_bytes = 0
        self.declared_end = f"Content-Length {len(body)}"
        self._body = body
        self._broken = broken

    def header(self, _name: str) -> str | None:
        """Return no header at all."""
        return None

    def how_far(self) -> str:
        """Say how much came."""
        return f"{self.received_bytes} bytes"

    def chunks(self) -> Iterator[bytes]:
        """Yield the body, or half of it and then what a broken connection raises."""
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
    """Stands for `SpaazaExports` of one run; `rows` scripts the answers, else each is drawn."""

    url = "https://spaaza.model/segments/export/users"

    def __init__(self, random: Random, faults: Faults, rows: int | None = None) -> None:
        self._random = random
        self._faults = faults
        self._rows = rows

    def open(self, _chain_id: int, _read_session: Any, _read_again: Any) -> Export:
        """Answer, or raise what an answer that is no export raises."""
        fails = self._faults.export_fails()
        if fails:
            self._faults.count(SPAAZA, Fault.NO_EXPORT)
            kind = int(self._random.random() * 4)
            if kind == 0:
                raise ExportUnavailable("Spaaza cannot export now", "HTTP 503", NEXT_RUN)
            if kind == 1:
                raise NotAnExport("Spaaza's answer is no gzip CSV")
        rows = self._random.choice(ROWS) if self._rows is None else self._rows
        return Export(body_of(rows, int(self._random.random() * EDITIONS)), broken=fails)
