"""The sandbox's Spaaza breaks its answer where it is told to, as a real HTTP client sees it, and leaves no trace."""

import gzip
import threading
import zlib
from dataclasses import replace
from types import NoneType
from typing import Any

import pytest
import urllib3
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from sandbox.spaaza import answers
from sandbox.spaaza.answers import Pause
from sandbox.spaaza.server import SpaazaServer
from tests.support.page_request import BODY, HEADERS, SAMPLE_GZIP, Ask, Framing, received


@pytest.mark.parametrize(
    ("framing", "header"),
    [("chunked", "Transfer-Encoding"), ("content-length", "Content-Length"), ("close", "Connection")],
)
def test_each_framing_carries_the_same_bytes(server: SpaazaServer, ask: Ask, framing: Framing, header: str) -> None:
    server.serve(replace(answers.sample_users(), framing=framing, chunk_bytes=100))
    response = ask()
    assert header in response.headers
    assert received(response) == (SAMPLE_GZIP, None)


@pytest.mark.parametrize("at", [0, 100])
@pytest.mark.parametrize(
    ("framing", "fault", "seen"),
    [
        ("chunked", "cut", ProtocolError),
        ("content-length", "cut", ProtocolError),
        ("close", "cut", NoneType),
        ("chunked", "clean_end", NoneType),
        ("content-length", "clean_end", NoneType),
        ("close", "clean_end", NoneType),
        ("chunked", "stall", ReadTimeoutError),
        ("content-length", "stall", ReadTimeoutError),
    ],
)
def test_a_fault_happens_at_its_byte_and_shows_as_its_own_error(
    server: SpaazaServer, ask: Ask, framing: Framing, fault: str, at: int, seen: type
) -> None:
    faults: dict[str, Any] = {f"{fault}_after_bytes": at}
    server.serve(replace(answers.sample_users(), framing=framing, **faults))
    got, error = received(ask(timeout=0.3 if fault == "stall" else 5))
    assert got == SAMPLE_GZIP[:at]
    assert type(error) is seen


def test_a_reset_breaks_the_connection_in_mid_stream(server: SpaazaServer, ask: Ask) -> None:
    server.serve(replace(answers.sample_users(), reset_after_bytes=100))
    got, error = received(ask())
    assert SAMPLE_GZIP[:100].startswith(got)
    assert isinstance(error, ProtocolError)
    assert "reset" in str(error)


def test_an_end_behind_the_bodys_own_is_the_bodys_own(server: SpaazaServer, ask: Ask) -> None:
    server.serve(replace(answers.sample_users(), cut_after_bytes=10**9))
    got, error = received(ask())
    assert got == SAMPLE_GZIP
    assert isinstance(error, ProtocolError)


def test_a_delayed_answer_lets_the_client_wait_for_its_status(server: SpaazaServer, ask: Ask) -> None:
    server.serve(replace(answers.sample_users(), delay_seconds=3600))
    with pytest.raises(ReadTimeoutError):
        ask(timeout=0.3)


def test_a_throttled_answer_comes_drop_by_drop(server: SpaazaServer, ask: Ask) -> None:
    server.serve(replace(answers.sample_users(), chunk_bytes=100, bytes_per_second=0.01))
    got, error = received(ask(timeout=0.3))
    assert got == SAMPLE_GZIP[:100]
    assert isinstance(error, ReadTimeoutError)


def test_a_paused_answer_goes_on_when_it_is_resumed(server: SpaazaServer, ask: Ask) -> None:
    pause = Pause(after_bytes=100)
    server.serve(replace(answers.sample_users(), pause=pause))
    response = ask()
    assert pause.reached.wait(5)
    assert ask("GET", body=None).status == 405  # other requests are answered meanwhile
    pause.resume.set()
    assert received(response) == (SAMPLE_GZIP, None)


def test_the_servers_end_ends_every_answer_under_way_and_every_thread() -> None:
    before = set(threading.enumerate())
    export, pause = answers.generated_users(10**9), Pause(after_bytes=0)
    with urllib3.PoolManager(retries=False) as http:
        with SpaazaServer() as server:
            server.script(replace(export, pause=pause), replace(export, stall_after_bytes=0), export)
            url = server.base_url + "/segments/export/users"
            responses = [http.request("POST", url, headers=HEADERS, body=BODY, preload_content=False) for _ in range(3)]
            assert pause.reached.wait(5)
        assert set(threading.enumerate()) == before
        for response in responses:
            response.close()


def test_a_client_that_goes_away_in_mid_stream_leaves_no_trace(capfd: pytest.CaptureFixture[str]) -> None:
    with SpaazaServer() as server, urllib3.PoolManager(retries=False) as http:
        server.serve(answers.generated_users(10**9))
        url = server.base_url + "/segments/export/users"
        response = http.request("POST", url, headers=HEADERS, body=BODY, preload_content=False)
        assert response.read(2, decode_content=False) == b"\x1f\x8b"
        response.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "broken",
    [f(SAMPLE_GZIP) for f in (answers.bad_crc, answers.trailing_bytes, lambda data: answers.flip_byte(data, 300))],
)
def test_corrupted_gzip_is_sent_as_it_is_and_does_not_decompress(server: SpaazaServer, ask: Ask, broken: bytes) -> None:
    server.serve(answers.gzip_answer(broken))
    assert received(ask()) == (broken, None)
    with pytest.raises((gzip.BadGzipFile, zlib.error)):
        gzip.decompress(broken)
