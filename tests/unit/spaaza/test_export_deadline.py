"""A body of any kind ends with the function's time, and leaves no thread."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
import urllib3

from sandbox.spaaza.answers import EXPORT_HEADERS, Answer, gzip_answer, sample_users
from sandbox.spaaza.server import SpaazaServer
from spaaza_snapshots.base.clock import RESERVE_SECONDS, Clock
from spaaza_snapshots.errors import ExportInterrupted, OutOfTime
from spaaza_snapshots.spaaza.export_api import SpaazaExports
from tests.support.builders import HeldClock, session
from tests.support.export_bodies import FRAMINGS, WHOLE, Open, refused


def ends_once_asked(server: SpaazaServer) -> Clock:
    """Time that is plenty until the request is there, and then a second more than is kept for ending cleanly."""
    return Clock(remaining_ms=lambda: int(RESERVE_SECONDS * 1000) + 1000 if server.requests else 900_000)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_stalled_body_ends_with_the_functions_time(server: SpaazaServer, opened: Open, framing: str) -> None:
    answer = replace(gzip_answer(WHOLE), stall_after_bytes=100)
    stream = opened(answer, framing=framing, read_timeout_seconds=3600, clock=ends_once_asked(server))
    assert "100 bytes" in refused(stream, OutOfTime)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_trickling_body_ends_with_the_functions_time(server: SpaazaServer, opened: Open, framing: str) -> None:
    answer = replace(gzip_answer(WHOLE), chunk_bytes=2, bytes_per_second=100)
    stream = opened(answer, framing=framing, read_timeout_seconds=3600, clock=ends_once_asked(server))
    assert "MB/s" in refused(stream, OutOfTime)


@pytest.mark.parametrize("status", [200, 503])
def test_a_body_that_never_begins_ends_with_the_functions_time(server: SpaazaServer, opened: Open, status: int) -> None:
    answer = Answer(status, EXPORT_HEADERS, WHOLE, stall_after_bytes=0)
    with pytest.raises(OutOfTime):
        opened(answer, read_timeout_seconds=3600, clock=ends_once_asked(server))


@contextmanager
def trickling_headers(gave_up: threading.Event) -> Iterator[int]:
    """Send a status line and then one header byte every 50 ms, for 3 s; `gave_up` is set when nobody ended it."""

    def trickle() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            for _ in range(60):
                if closing.wait(0.05):
                    return
                connection.sendall(b"x")
            gave_up.set()

    closing = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=trickle)
        thread.start()
        yield listener.getsockname()[1]
        closing.set()
        thread.join()


def test_headers_that_trickle_end_with_the_functions_time() -> None:
    """A header line that never ends resets every read timeout; only the function's own time ends it."""
    ends_at = time.monotonic() + RESERVE_SECONDS + 0.5
    clock = Clock(remaining_ms=lambda: int((ends_at - time.monotonic()) * 1000))
    gave_up = threading.Event()
    with trickling_headers(gave_up) as port, urllib3.PoolManager() as http:
        exports = SpaazaExports(http, f"http://127.0.0.1:{port}/", 0.4, clock)
        with pytest.raises(OutOfTime):
            exports.open(1743, session)
    assert not gave_up.is_set()


class SlowToClear(urllib3.PoolManager):
    """Connections whose closing takes the rest of the function's time."""

    def __init__(self, held: HeldClock) -> None:
        super().__init__()
        self._held = held

    def clear(self) -> None:
        super().clear()
        time.sleep(0.1)  # meanwhile the run waits for the answer
        self._held.run_out()


def test_time_that_is_over_just_before_the_request_is_the_functions_time(server: SpaazaServer) -> None:
    held = HeldClock()
    server.serve(replace(gzip_answer(WHOLE), stall_after_bytes=0))
    with SlowToClear(held) as http, pytest.raises(OutOfTime):
        SpaazaExports(http, f"{server.base_url}/segments/export/users", 60, held.clock()).open(1743, session)


def timers() -> list[threading.Timer]:
    return [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_no_thread_is_left_of_a_stream_that_was_closed(opened: Open) -> None:
    before = timers()
    opened(sample_users()).close()
    with suppress(ExportInterrupted), opened(replace(gzip_answer(WHOLE), cut_after_bytes=100)) as stream:
        list(stream.chunks())
    assert [timer for timer in timers() if timer not in before and not timer.finished.is_set()] == []
