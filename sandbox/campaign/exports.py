"""What Spaaza answers in a campaign: exports with marks in their cells, sound or broken in every known way."""

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from typing import Final

from sandbox.spaaza.answers import Answer, gzip_answer, html_answer, refusal
from sandbox.spaaza.users import HEADER

MARK: Final = "Wilhelmina"
"""In every record, so that it must appear nowhere else."""
PERSON: Final = 734512904100
FIRST_ID: Final = 834500001000
STALL_SECONDS: Final = 2.0
"""Longer than the function's read timeout in a campaign."""

HEADERS: Final[Sequence[Sequence[str]]] = (
    HEADER,
    (*HEADER, "Shoe size"),
    (HEADER[0], HEADER[2], HEADER[1], *HEADER[3:]),
    HEADER[:-1],
)
TYPED: Final = "Birthday"


class ExportFault(StrEnum):
    """What may happen to one answer."""

    CUT = "cut"
    RESET = "reset"
    STALLED = "stalled"
    HALF = "clean end half-way"
    BIT = "a bit flipped"
    TWICE = "compressed twice"
    MID_RECORD = "ends within a record"
    FEWER = "fewer users"
    REFUSED = "refused"
    NO_EXPORT = "a page, with a name in it"


@dataclass(frozen=True)
class Export:
    """One answer: how many users, which header, whether the person is among them, and its fault, if any.

    `at` is the place of the fault, as a part of the body from 0 to 1; `chunk_bytes` the longest HTTP chunk.
    """

    users: int
    header: int
    person: bool
    fault: ExportFault | None
    at: float
    chunk_bytes: int

    def csv(self) -> bytes:
        """Return the CSV: some cells do not fit their type, some have line breaks, and one record is not UTF-8."""
        names = HEADERS[self.header]
        lines = [",".join(names).encode()]
        ids = [PERSON] * self.person + [FIRST_ID + number for number in range(self.users - self.person)]
        for number, user_id in enumerate(ids):
            cells = dict.fromkeys(names, b"")
            cells |= {"ID": b"%d" % user_id, "First name": MARK.encode(), TYPED: b"1980-01-0%d" % (number % 9 + 1)}
            if number % 11 == 3:
                cells["First name"] = b'"%b ""\n%b"""' % (MARK.encode(), MARK.encode())
            if number % 13 == 5:
                cells[TYPED] = MARK.encode()
            if number == 8:
                cells["First name"] = MARK.encode() + b"\xff"
            lines.append(b",".join(cells[name] for name in names))
        return b"\n".join([*lines, b""])


@dataclass(frozen=True)
class Served:
    """An answer with its body if the server sends all of it, and that body's CSV."""

    answer: Answer
    whole: bytes | None
    csv: bytes


def served(export: Export) -> Served:
    """Return what the server answers for an export."""
    csv = export.csv()
    body = gzip.compress(csv, mtime=0)
    if export.fault in _SHORT:
        return Served(_SHORT[export.fault](gzip_answer(body), int(len(body) * export.at)), None, csv)
    if export.fault in _OTHER:
        return Served(_OTHER[export.fault](), None, csv)
    if export.fault is ExportFault.BIT:
        body = _flipped(body, export.at)
    elif export.fault is ExportFault.TWICE:
        body = gzip.compress(body)
    elif export.fault is ExportFault.MID_RECORD:
        body = gzip.compress(csv[:-10])
    return Served(replace(gzip_answer(body), chunk_bytes=export.chunk_bytes), body, csv)


_SHORT: dict[ExportFault | None, Callable[[Answer, int], Answer]] = {
    ExportFault.CUT: lambda answer, at: replace(answer, cut_after_bytes=at),
    ExportFault.RESET: lambda answer, at: replace(answer, reset_after_bytes=at),
    ExportFault.HALF: lambda answer, at: replace(answer, clean_end_after_bytes=at),
    ExportFault.STALLED: lambda answer, at: replace(answer, stall_after_bytes=at, stall_seconds=STALL_SECONDS),
}
_OTHER: dict[ExportFault | None, Callable[[], Answer]] = {
    ExportFault.REFUSED: lambda: refusal(503),
    ExportFault.NO_EXPORT: lambda: html_answer(f"<h1>{MARK}</h1>"),
}


def _flipped(body: bytes, at: float) -> bytes:
    bit = int(len(body) * 8 * at)
    flipped = bytearray(body)
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


def draw_export(random: Random, rate: float) -> Export:
    """Draw one answer; `rate` is how likely it is broken."""
    fault = random.choice(tuple(ExportFault)) if random.random() < rate else None
    return Export(
        users=random.choice((0, 1, 20)) if fault is ExportFault.FEWER else random.randint(60, 62),
        header=random.choice((0, 0, 0, 1, 2, 3)),
        person=fault is not ExportFault.FEWER and random.random() < 0.3,
        fault=fault,
        at=random.uniform(0.01, 0.99),
        chunk_bytes=random.choice((1, 97, 64 * 1024)),
    )


def sound_export() -> Export:
    """Return the export of a day on which nothing happens; it has no fewer users than any other."""
    return Export(users=62, header=0, person=False, fault=None, at=0.5, chunk_bytes=64 * 1024)
