"""The body of an export on its way: every fault of the network, and the end of the function's time."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import urllib3

from sandbox.spaaza.answers import EXPORT_HEADERS, Answer, Pause, gzip_answer, sample_users
from sandbox.spaaza.server import SpaazaServer
from sandbox.spaaza.users import generated_csv
from spaaza_snapshots.base.clock import RESERVE_SECONDS, Clock
from spaaza_snapshots.errors import ExportInterrupted, ExportUnavailable, OutOfTime, SnapshotError
from spaaza_snapshots.spaaza.export_api import SpaazaExports
from spaaza_snapshots.spaaza.export_stream import ExportStream
from tests.support.builders import HeldClock, all_texts, session

PLAIN = b"".join(generated_csv(2_000))
WHOLE = gzip.compress(PLAIN, mtime=0)
FRAMINGS = ["chunked", "content-length", "close"]
FRAMINGS_WITH_AN_END = ["chunked", "content-length"]
AT = [2, 100, len(WHOLE) - 1]
Open = Callable[..., ExportStream]


@pytest.fixture
def server() -> Iterator[SpaazaServer]:
    with SpaazaServer() as server:
        yield server


@pytest.fixture
def opened(server: SpaazaServer) -> Iterator[Open]:
    """Open what the server answers with."""
    streams: list[ExportStream] = []

    def opened(
        answer: Answer, *, framing: Any = "chunked", read_timeout_seconds: float = 5, clock: Clock | None = None
    ) -> ExportStream:
        server.serve(replace(answer, framing=framing))
        url = f"{server.base_url}/segments/export/users"
        exports = SpaazaExports(http, url, read_timeout_seconds, clock or HeldClock().clock())
        streams.append(exports.open(1743, session))
        return streams[-1]

    with urllib3.PoolManager() as http:
        yield opened
        for stream in streams:
            stream.close()


def received(stream: ExportStream) -> tuple[bytes, SnapshotError | None]:
    """Read the body as it comes, and what broke it."""
    got = bytearray()
    try:
        for chunk in stream.chunks():
            got += chunk
    except SnapshotError as error:
        return bytes(got), error
    return bytes(got), None


def refused(stream: ExportStream, expected: type[SnapshotError]) -> str:
    """Read until the error, and return its text; it shows the key nowhere."""
    _, error = received(stream)
    assert type(error) is expected
    assert session().key not in all_texts(error)
    assert error.hint
    return str(error)


@pytest.mark.parametrize("chunk_bytes", [1, 997, 65_536, 10**6])
@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_body_comes_unchanged_in_every_framing(opened: Open, framing: str, chunk_bytes: int) -> None:
    answer = replace(gzip_answer(WHOLE), chunk_bytes=chunk_bytes)
    if chunk_bytes == 1:
        answer = replace(answer, body=WHOLE[:3_000])
    assert received(opened(answer, framing=framing)) == (answer.body, None)


def test_what_was_received_is_counted(opened: Open) -> None:
    stream = opened(gzip_answer(WHOLE))
    assert stream.received_bytes == 0
    received(stream)
    assert stream.received_bytes == len(WHOLE)


@pytest.mark.parametrize(
    ("framing", "expected"),
    [("chunked", "the last chunk came"), ("content-length", f"Content-Length {len(WHOLE)}"), ("close", None)],
)
def test_how_http_marks_the_end_is_known_and_a_closed_connection_marks_none(
    opened: Open, framing: str, expected: str | None
) -> None:
    assert opened(gzip_answer(WHOLE), framing=framing).declared_end == expected


@pytest.mark.parametrize("at", AT)
@pytest.mark.parametrize("framing", FRAMINGS_WITH_AN_END)
def test_a_cut_is_seen_where_http_declared_an_end(opened: Open, framing: str, at: int) -> None:
    stream = opened(replace(gzip_answer(WHOLE), cut_after_bytes=at), framing=framing)
    got, error = received(stream)
    assert type(error) is ExportInterrupted
    assert WHOLE[:at].startswith(got)


@pytest.mark.parametrize("framing", FRAMINGS_WITH_AN_END)
def test_a_cut_behind_the_last_byte_is_a_cut_unless_the_length_was_told(opened: Open, framing: str) -> None:
    got, error = received(opened(replace(gzip_answer(WHOLE), cut_after_bytes=len(WHOLE)), framing=framing))
    assert got == WHOLE
    assert type(error) is (ExportInterrupted if framing == "chunked" else type(None))


@pytest.mark.parametrize("at", AT)
@pytest.mark.parametrize(("framing", "fault"), [("close", "cut"), *((framing, "clean_end") for framing in FRAMINGS)])
def test_a_cut_that_http_cannot_tell_is_left_to_the_proof(opened: Open, framing: str, fault: str, at: int) -> None:
    broken: dict[str, Any] = {f"{fault}_after_bytes": at}
    assert received(opened(replace(gzip_answer(WHOLE), **broken), framing=framing)) == (WHOLE[:at], None)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_reset_in_the_body_interrupts_the_export(opened: Open, framing: str) -> None:
    pause = Pause(after_bytes=1_000)
    stream = opened(replace(gzip_answer(WHOLE), reset_after_bytes=1_000, pause=pause), framing=framing)
    pause.resume.set()
    assert "Protocol" in refused(stream, ExportInterrupted)


@pytest.mark.parametrize("at", [2, 100, len(WHOLE)])
@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_stall_in_the_body_ends_at_the_read_timeout(opened: Open, framing: str, at: int) -> None:
    stalled = replace(gzip_answer(WHOLE), stall_after_bytes=at)
    if framing == "content-length" and at == len(WHOLE):
        assert received(opened(stalled, framing=framing)) == (WHOLE, None)  # nothing is left to wait for
    else:
        assert "ReadTimeout" in refused(opened(stalled, framing=framing, read_timeout_seconds=0.2), ExportInterrupted)


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("fault", ["stall", "cut"])
@pytest.mark.parametrize("framing", FRAMINGS_WITH_AN_END)
def test_a_body_that_breaks_off_before_it_is_known_to_be_gzip_may_be_tried_again(
    opened: Open, framing: str, fault: str, at: int
) -> None:
    broken: dict[str, Any] = {f"{fault}_after_bytes": at}
    with pytest.raises((ExportUnavailable, ExportInterrupted)) as caught:
        opened(replace(gzip_answer(WHOLE), **broken), framing=framing, read_timeout_seconds=0.2)
    assert caught.value.hint


def test_an_interruption_tells_how_far_the_export_came(opened: Open) -> None:
    text = refused(opened(replace(gzip_answer(WHOLE), cut_after_bytes=12_345)), ExportInterrupted)
    assert "12,345 bytes" in text


# --- The end of the function's time ---------------------------------------------------------------------------------


def ends_once_asked(server: SpaazaServer) -> Clock:
    """Time that is plenty until the request is there, and then 0.3 s more than is kept for ending cleanly."""
    return Clock(remaining_ms=lambda: int(RESERVE_SECONDS * 1000) + 300 if server.requests else 900_000)


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


def timers() -> list[threading.Timer]:
    return [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_no_thread_is_left_of_a_stream_that_was_closed(opened: Open) -> None:
    before = timers()
    opened(sample_users()).close()
    with suppress(ExportInterrupted), opened(replace(gzip_answer(WHOLE), cut_after_bytes=100)) as stream:
        list(stream.chunks())
    assert [timer for timer in timers() if timer not in before and not timer.finished.is_set()] == []


# --- What is told of an answer --------------------------------------------------------------------------------------


def test_the_first_byte_has_the_time_at_which_it_came(opened: Open) -> None:
    held = HeldClock(now=datetime(2026, 11, 22, 3, 0, 7, tzinfo=UTC))
    stream = opened(sample_users(), clock=held.clock())
    held.pass_by(60)
    received(stream)
    assert stream.first_byte_at == datetime(2026, 11, 22, 3, 0, 7, tzinfo=UTC)


def test_the_rate_is_that_of_the_bytes_since_the_first(opened: Open) -> None:
    held = HeldClock()
    stream = opened(gzip_answer(WHOLE), clock=held.clock())
    received(stream)
    held.pass_by(0.5)
    assert stream.how_far() == f"{len(WHOLE):,} bytes of gzip in 0.5 s, {len(WHOLE) / 0.5 / 1e6:.2f} MB/s"


def test_headers_are_told_as_sent_and_not_at_any_length(opened: Open) -> None:
    stream = opened(replace(sample_users(), headers={**EXPORT_HEADERS, "X-Long": "x" * 10_000}))
    assert stream.header("content-disposition") == "attachment;filename=spaaza-export.csv"
    assert stream.header("X-None") is None
    assert len(stream.header("X-Long") or "") < 1_000
