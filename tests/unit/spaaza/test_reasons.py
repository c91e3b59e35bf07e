"""Why there is no answer: in fixed words that an operator can act on, from both clients, and never in the server's."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import urllib3

from sandbox.fuzz.answers import wire
from spaaza_snapshots.errors import ExportInterrupted, ExportUnavailable
from spaaza_snapshots.spaaza.connections import http_pool, reason
from spaaza_snapshots.spaaza.export_api import SpaazaExports
from spaaza_snapshots.spaaza.login import SpaazaLogin
from tests.support.builders import HeldClock, session

BEGUN = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\x1f\x8b\r\n"
FEWER = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\x1f\x8b"


def reasons(http: urllib3.PoolManager, url: str) -> list[str]:
    """Ask for an export and log in, and return why neither was answered."""
    with pytest.raises(ExportUnavailable) as of_export:
        SpaazaExports(http, url, 0.2, HeldClock().clock()).open(1743, session)
    with pytest.raises(ExportUnavailable) as of_login:
        SpaazaLogin(http, url, timeout_seconds=0.2).log_in("name", "password")
    return [of_export.value.detail, of_login.value.detail]


@contextmanager
def bound(backlog: int | None) -> Iterator[str]:
    """An address that refuses, or with a backlog one that takes connections and never answers."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        if backlog is not None:
            place.listen(backlog)
        yield f"http://127.0.0.1:{place.getsockname()[1]}"


def test_a_host_that_has_no_address_is_told() -> None:
    told = "NameResolutionError, the host name could not be resolved"
    assert reasons(http_pool(), "http://spaaza.invalid") == [told] * 2


def test_a_refused_connection_is_told() -> None:
    with bound(None) as url:
        assert reasons(http_pool(), url) == ["NewConnectionError, the connection was refused"] * 2


def test_a_server_that_does_not_answer_in_time_is_told() -> None:
    with bound(8) as url:
        assert reasons(http_pool(), url) == ["ReadTimeoutError, it timed out"] * 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [(b"", "the server closed the connection"), (b"1743,Jane,jane.doe@example.com\r\n", "the answer is not HTTP")],
)
def test_a_server_that_says_nothing_or_something_else_is_told(answer: bytes, words: str) -> None:
    with wire(answer) as http:
        (of_export, _) = reasons(http, "http://127.0.0.1")
    assert of_export == f"ProtocolError, {words}"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (BEGUN, "ProtocolError, the server closed the connection"),
        (BEGUN + b"Jane\r\n", "ProtocolError, the answer is not HTTP"),
        (FEWER, "ProtocolError, the server closed the connection"),
    ],
)
def test_an_export_that_breaks_off_says_why(answer: bytes, words: str) -> None:
    with wire(answer) as http:
        exports = SpaazaExports(http, "http://127.0.0.1/", 5, HeldClock().clock())
        with exports.open(1743, session) as stream, pytest.raises(ExportInterrupted) as caught:
            list(stream.chunks())
    assert caught.value.detail.startswith(f"{words} after 2 bytes")


def test_an_error_that_means_nothing_here_is_only_named() -> None:
    assert reason(ValueError("jane.doe@example.com")) == "ValueError"
