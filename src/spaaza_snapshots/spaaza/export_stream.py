"""The body of Spaaza's answer: bytes as they arrive, never waiting past the time that the function has."""

import contextlib
import itertools
import math
import threading
from collections.abc import Iterator
from typing import Self

import urllib3
from urllib3.exceptions import HTTPError

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.errors import NEXT_RUN, ExportInterrupted, ExportUnavailable
from spaaza_snapshots.spaaza.connections import reason, refuse_negative_chunks

CHUNK_BYTES = 65_536
"""The most that one read takes off the connection; larger chunks gain nothing."""

SHOWN_HEADER_CHARACTERS = 200


class ExportStream:
    """One HTTP answer, from its first byte until HTTP says that it has ended.

    It owns the connection: leaving it as a context manager, or `close`, ends that. A watchdog shuts a stalled read
    down when only the reserve of the function's time is left.
    """

    def __init__(self, response: urllib3.BaseHTTPResponse, clock: Clock) -> None:
        self.status = response.status
        self.received_bytes = 0
        self._response = response
        self._connection = response.connection  # a body read to its end gives it back to the pool
        self._clock = clock
        self.first_byte_at = clock.now()
        self._chunks = _chunks_of(response)
        self._peeked = b""
        self._cut_off = threading.Event()
        self._watchdog = threading.Timer(max(clock.seconds_left(), 0), self._cut)
        self._watchdog.daemon = True
        self._watchdog.start()

    def header(self, name: str) -> str | None:
        """Return a response header as sent, at most 200 characters of it."""
        value = self._response.headers.get(name)
        return None if value is None else value[:SHOWN_HEADER_CHARACTERS]

    @property
    def declared_end(self) -> str | None:
        """How HTTP marks the end of this body; None where it ends with the connection, which proves nothing."""
        if (self.header("Transfer-Encoding") or "").lower() == "chunked":
            return "the last chunk came"
        length = self.header("Content-Length")
        return None if length is None else f"Content-Length {length}"

    def peek(self, least_bytes: int, patience_seconds: float = math.inf) -> bytes:
        """Return at least so many bytes of the body's start, or all of a shorter one; `chunks` yields them again.

        The connection is shut down when the patience ends. Raises `OutOfTime`, and `ExportUnavailable` if the body of
        a 200 breaks off or is shut down before that: any other status has said enough already.
        """
        give_up_at = self._clock.monotonic() + patience_seconds
        patience = threading.Timer(min(patience_seconds, threading.TIMEOUT_MAX), self._shut_down)  # one chunk may drip
        patience.daemon = True
        patience.start()
        failed = ""
        try:
            while len(self._peeked) < least_bytes and self._clock.monotonic() < give_up_at:
                chunk = next(self._chunks, b"")
                if not chunk:
                    break
                self._peeked += chunk
        except (HTTPError, OSError, ValueError) as error:
            failed = reason(error)
        finally:
            patience.cancel()
        # Not while that error is handled, here and below: its text quotes what came in place of a chunk size.
        self._refuse_cut_off()
        if failed and self.status == 200:
            raise ExportUnavailable("Spaaza broke off before the export began", f"HTTP 200, {failed}", NEXT_RUN)
        return self._peeked

    def longer_start(self) -> bytes:
        """Wait for the next chunk and return all that came of the body; what breaks meanwhile is raised by `chunks`."""
        try:
            self._peeked += next(self._chunks, b"")
        except (HTTPError, OSError, ValueError) as error:
            self._chunks = _failing(error)
        return self._peeked

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes of the body; raises `ExportInterrupted` or `OutOfTime`."""
        failed = ""
        try:
            for chunk in itertools.chain((self._peeked,) if self._peeked else (), self._chunks):
                self.received_bytes += len(chunk)
                # a TLS connection that is being shut down may hand out bytes that were never deciphered
                self._refuse_cut_off()
                yield chunk
        except (HTTPError, OSError, ValueError) as error:
            failed = reason(error)
        # a body that ends with its connection looks whole when the watchdog has shut it down
        self._refuse_cut_off()
        if failed:
            raise ExportInterrupted("The export broke off", f"{failed} after {self.how_far()}", NEXT_RUN)

    def how_far(self) -> str:
        """Say how much came and at what rate, for people."""
        seconds = max((self._clock.now() - self.first_byte_at).total_seconds(), 0.001)
        rate = self.received_bytes / seconds / 1e6
        return f"{self.received_bytes:,} bytes of gzip in {seconds:.1f} s, {rate:.2f} MB/s"

    def close(self) -> None:
        """End the connection: what is unread must not reach the next answer, and the next run is hours away."""
        self._watchdog.cancel()
        self._response.close()
        if self._connection is not None:
            self._connection.close()

    def _refuse_cut_off(self) -> None:
        if self._cut_off.is_set():
            raise self._clock.out_of_time("waiting for the export", self.how_far())

    def _cut(self) -> None:
        self._cut_off.set()
        self._shut_down()

    def _shut_down(self) -> None:
        with contextlib.suppress(OSError, RuntimeError, ValueError):  # it has ended by itself
            self._response.shutdown()

    def __enter__(self) -> Self:
        """Return the stream itself: the connection is open already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close, whatever happened."""
        self.close()


def _failing(error: Exception) -> Iterator[bytes]:
    raise error
    yield b""


def _chunks_of(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Yield the body as it arrives; `stream` alone would wait for a whole chunk of a body that is not chunked."""
    if response.chunked:
        refuse_negative_chunks(response)
        return response.stream(CHUNK_BYTES, decode_content=False)
    return iter(lambda: response.read1(CHUNK_BYTES, decode_content=False), b"")
