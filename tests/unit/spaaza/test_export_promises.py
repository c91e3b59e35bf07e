"""What attacks from the export's side found: each promise was broken once, in just this way."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from threading import Thread

import pytest

from sandbox.spaaza.answers import csv_answer, json_answer, sample_users
from sandbox.spaaza.server import SpaazaServer
from spaaza_snapshots.base.clock import RESERVE_SECONDS, Clock
from spaaza_snapshots.errors import ExportInterrupted, ExportUnavailable, NotAnExport, SessionExpired
from spaaza_snapshots.proof.csv_records import COLUMN_LIMIT
from spaaza_snapshots.proof.gzip_csv import GzipCsvInspector
from spaaza_snapshots.spaaza.connections import http_pool
from spaaza_snapshots.spaaza.export_api import REFUSAL_SECONDS, SpaazaExports
from tests.support.builders import session

Ask = Callable[[str], bytes]
NO_SESSION = b'{"result": {"code": 2}, "error": {"code": 6, "name": "no_valid_session"}}'


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Ask an address for an export, with real time, over connections that may be kept."""
    with http_pool() as http:

        def ask(base_url: str) -> bytes:
            exports = SpaazaExports(http, f"{base_url}/segments/export/users", 5, Clock(lambda: 90_000))
            with exports.open(1743, session) as export:
                return b"".join(export.chunks())

        yield ask


@pytest.mark.parametrize("chunk_bytes", [1, 2, 7, 64])
def test_a_gzipped_refusal_is_read_whatever_its_chunks(server: SpaazaServer, ask: Ask, chunk_bytes: int) -> None:
    server.serve(replace(csv_answer(b" \n" * 100 + NO_SESSION), chunk_bytes=chunk_bytes))
    with pytest.raises(SessionExpired, match="error code 6"):
        ask(server.base_url)


@pytest.mark.slow
def test_a_refusal_whose_body_drips_is_waited_for_shortly_and_is_what_its_status_says(server: SpaazaServer) -> None:
    body = {"error": {"name": "x" * 100_000}}
    server.serve(replace(json_answer(body, 401), chunk_bytes=100, bytes_per_second=1_000))
    ends_at = time.monotonic() + RESERVE_SECONDS + 2 * REFUSAL_SECONDS + 2  # the session is read and tried twice
    clock = Clock(lambda: int((ends_at - time.monotonic()) * 1000))
    with http_pool() as http, pytest.raises(SessionExpired, match="HTTP 401"):
        SpaazaExports(http, f"{server.base_url}/segments/export/users", 5, clock).open(1743, session)


@pytest.mark.slow
def test_a_refusal_that_drips_inside_one_large_chunk_is_waited_for_shortly_too() -> None:
    def serve(connection: socket.socket) -> None:
        with suppress(OSError):
            connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n8000\r\n")
            while True:
                connection.sendall(b"x")
                time.sleep(0.05)

    ends_at = time.monotonic() + RESERVE_SECONDS + 2 * REFUSAL_SECONDS + 2  # the session is read and tried twice
    clock = Clock(lambda: int((ends_at - time.monotonic()) * 1000))
    with RawServer(serve) as address, http_pool() as http, pytest.raises(SessionExpired, match="HTTP 401"):
        SpaazaExports(http, f"{address}/segments/export/users", 5, clock).open(1743, session)


def test_a_connection_that_the_server_has_dropped_meanwhile_costs_no_attempt(ask: Ask) -> None:
    with answering_once_a_connection(sample_bytes()) as address:
        assert ask(address) == ask(address) == sample_bytes()


@pytest.mark.parametrize("size", [b"-5", b"-1", b"zz"])
def test_a_chunk_size_that_is_not_one_is_an_error_of_the_export(ask: Ask, size: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n"
    sent = bytearray()

    def serve(connection: socket.socket) -> None:
        connection.sendall(head + size + b"\r\n")
        with suppress(OSError):
            while len(sent) < 64 * 1024 * 1024:
                sent.extend(connection.send(bytes(65_536)) * b"x")

    server = RawServer(serve)
    with server as address, pytest.raises(ExportUnavailable, match="before the export began"):
        ask(address)
    assert len(sent) < 32 * 1024 * 1024


def test_a_server_that_only_ever_says_continue_is_one_that_does_not_answer(ask: Ask) -> None:
    def serve(connection: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    with RawServer(serve) as address, pytest.raises(ExportUnavailable, match="did not answer"):
        ask(address)
    wait_until(lambda: not any(thread.name.startswith("request") for thread in threading.enumerate()))


def wait_until(holds: Callable[[], bool]) -> None:
    for _ in range(200):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("It never held")


@pytest.mark.parametrize("flags", [0x20, 0x40, 0x80, 0xE0])
def test_a_member_with_reserved_flags_is_damage_as_it_is_to_gzip(flags: int) -> None:
    body = bytearray(gzip.compress(b"ID\n1\n", mtime=0))
    body[3] |= flags
    with pytest.raises(ExportInterrupted, match="damaged"):
        GzipCsvInspector().feed(bytes(body))


@pytest.mark.parametrize("name", [b"", b"Name"])
def test_a_header_of_more_columns_than_a_table_could_have_is_not_an_export(name: bytes) -> None:
    fits, inspector = GzipCsvInspector(), GzipCsvInspector()
    fits.feed(gzip.compress(b",".join([b"n"] * COLUMN_LIMIT) + b"\n", mtime=0))
    assert len(fits.finish().header) == COLUMN_LIMIT
    with pytest.raises(NotAnExport, match="columns"):
        inspector.feed(gzip.compress(b",".join([name] * (COLUMN_LIMIT + 1)) + b"\n", mtime=0))


def sample_bytes() -> bytes:
    return b"".join(sample_users().pieces())


class RawServer:
    """Serve each connection with a function, which may end it as it likes; yields the address."""

    def __init__(self, serve: Callable[[socket.socket], object]) -> None:
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> str:
        Thread(target=self._run, daemon=True).start()
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __exit__(self, *ended: object) -> None:
        self._listener.close()

    def _run(self) -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                connection, _ = self._listener.accept()
                Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with closing(connection):
            _read_request(connection)
            self._serve(connection)


def answering_once_a_connection(body: bytes) -> RawServer:
    """Serve one answer on a connection that may be kept, and nothing more: as behind a NAT that has forgotten it."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n"

    def serve(connection: socket.socket) -> None:
        connection.sendall(head % len(body) + body)
        while connection.recv(65_536):
            pass

    return RawServer(serve)


def _read_request(connection: socket.socket) -> None:
    request = b""
    while b'"rules":[]}' not in request and (more := connection.recv(65_536)):
        request += more
