"""What the sandbox's Spaaza can answer: sound and broken exports, refusals, and faults of the connection."""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Literal

from sandbox.spaaza.users import HEADER, generated_csv, gzipped, sample_csv

EXPORT_HEADERS = {
    "Content-Type": "text/csv",
    "Content-Encoding": "gzip",
    "Content-Disposition": "attachment;filename=spaaza-export.csv",
}
ERROR_NAMES = {
    4: "http_request_method_not_allowed",
    5: "password_error_or_non_existent",
    6: "no_valid_session",
    68: "permission_denied_or_non_existent",
}


@dataclass(frozen=True)
class Pause:
    """A place in the body where the answer waits: `reached` is set there, `resume` lets it continue."""

    after_bytes: int
    reached: Event = field(default_factory=Event)
    resume: Event = field(default_factory=Event)


@dataclass(frozen=True)
class Answer:
    """The answer to one request. Positions count body bytes; an end beyond the body is the end of the body.

    A body that is a function is made while it is sent. `cut`: close there, without the end that HTTP requires.
    `clean_end`: leave out the rest, but end HTTP properly. `reset`: TCP RST there, which may overtake bytes sent
    before. `stall` and `pause`: wait there. `chunk_bytes`: the longest HTTP chunk.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Callable[[], Iterator[bytes]] = b""
    framing: Literal["chunked", "content-length", "close"] = "chunked"
    chunk_bytes: int = 64 * 1024
    bytes_per_second: float | None = None
    delay_seconds: float = 0.0
    stall_after_bytes: int | None = None
    stall_seconds: float = 3600.0
    pause: Pause | None = None
    cut_after_bytes: int | None = None
    clean_end_after_bytes: int | None = None
    reset_after_bytes: int | None = None

    def pieces(self) -> Iterator[bytes]:
        """Yield the part of the body that is sent, in HTTP chunks that end wherever something happens."""
        ends = {self.cut_after_bytes, self.clean_end_after_bytes, self.reset_after_bytes}
        holds = {self.stall_after_bytes, self.pause.after_bytes if self.pause else None}
        marks = [at for at in ends | holds if at is not None]
        sent = 0
        for block in (self.body,) if isinstance(self.body, bytes) else self.body():
            start = 0
            while start < len(block):
                if sent in ends:
                    return
                piece = block[start : start + min([self.chunk_bytes, *(at - sent for at in marks if at > sent)])]
                yield piece
                start += len(piece)
                sent += len(piece)

    def promised_bytes(self) -> int:
        """What Content-Length says: it allows for a clean end; a cut or a reset breaks it."""
        return sum(map(len, replace(self, cut_after_bytes=None, reset_after_bytes=None).pieces()))


def gzip_answer(gzip_bytes: bytes) -> Answer:
    """An export of exactly these compressed bytes, sound or not."""
    return Answer(headers=EXPORT_HEADERS, body=gzip_bytes)


def csv_answer(csv_bytes: bytes) -> Answer:
    """An export of this CSV, compressed as one gzip member."""
    return gzip_answer(gzip.compress(csv_bytes, mtime=0))


def sample_users() -> Answer:
    """The export of the vendor's page."""
    return csv_answer(sample_csv())


def generated_users(
    users: int, *, seed: int = 1, columns: Sequence[str] = HEADER, extra_columns: Sequence[str] = ()
) -> Answer:
    """An export of that many users (see `generated_csv`), made while it is sent, in constant memory."""

    def body() -> Iterator[bytes]:
        return gzipped(generated_csv(users, seed=seed, columns=columns, extra_columns=extra_columns))

    return Answer(headers=EXPORT_HEADERS, body=body)


def json_answer(value: object, status: int = 200) -> Answer:
    """JSON instead of an export."""
    return Answer(status, {"Content-Type": "application/json"}, json.dumps(value).encode(), "content-length")


def html_answer(text: str, status: int = 200) -> Answer:
    """A web page instead of an export."""
    return Answer(status, {"Content-Type": "text/html"}, text.encode(), "content-length")


def redirect(location: str, status: int = 307) -> Answer:
    """A redirect to another address."""
    return replace(html_answer("moved", status), headers={"Location": location})


def refusal(status: int, code: int | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """An error: in Spaaza's format if it has a code, otherwise a bare page as a gateway sends it."""
    if code is None:
        answer = html_answer(f"<h1>{status}</h1>", status)
    else:
        name = ERROR_NAMES.get(code, "unknown")
        error = {"code": code, "name": name, "description": name.replace("_", " ")}
        answer = json_answer({"result": {"code": 2, "status": "error"}, "error": error}, status)
    return replace(answer, headers={**answer.headers, **(headers or {})})


def flip_byte(data: bytes, at: int) -> bytes:
    """The same bytes with one of them inverted; `at` may count from the end."""
    flipped = bytearray(data)
    flipped[at] ^= 0xFF
    return bytes(flipped)


def bad_crc(gzip_bytes: bytes) -> bytes:
    """The same gzip with a wrong CRC: the trailer is CRC-32 and length, four bytes each (RFC 1952)."""
    return flip_byte(gzip_bytes, -8)


def trailing_bytes(gzip_bytes: bytes, tail: bytes = b"not gzip") -> bytes:
    """The same gzip followed by bytes that are not another member."""
    return gzip_bytes + tail


def two_members(csv_bytes: bytes, at: int) -> bytes:
    """The CSV as two gzip members, the second starting at byte `at`."""
    return gzip.compress(csv_bytes[:at], mtime=0) + gzip.compress(csv_bytes[at:], mtime=0)
