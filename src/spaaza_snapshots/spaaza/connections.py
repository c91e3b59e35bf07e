"""HTTP to Spaaza: urllib3, stricter in two things that it lets any server do, and its errors in fixed words."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from typing import Any, Final

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    IncompleteRead,
    InvalidChunkLength,
    NewConnectionError,
    ReadTimeoutError,
)

INTERIM_LIMIT = 10
"""How many `100 Continue` may come before an answer; `http.client` waits behind each as long as behind the first."""


CLOSED: Final = "the server closed the connection"
CUT_BETWEEN_CHUNKS: Final = ("Response ended prematurely",)
"""The arguments of the one `ProtocolError` by which urllib3 means that, without an error behind it."""

REASONS: Final[tuple[tuple[str, tuple[type[Exception], ...]], ...]] = (
    ("the host name could not be resolved", (socket.gaierror,)),
    ("the certificate was refused", (ssl.SSLCertVerificationError,)),
    ("the connection was refused", (ConnectionRefusedError,)),
    ("it timed out", (TimeoutError, ReadTimeoutError)),
    ("the answer is not HTTP", (InvalidChunkLength,)),
    (
        CLOSED,
        (http.client.RemoteDisconnected, IncompleteRead, ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError),
    ),
    ("no TLS connection could be agreed on", (ssl.SSLError,)),
    ("the answer is not HTTP", (http.client.HTTPException,)),
)
"""What an error or one behind it means, in fixed words: its own may quote the server. The first that fits counts."""

NEVER_CONNECTED: Final = (NewConnectionError, ConnectTimeoutError, ssl.SSLCertVerificationError)
"""Errors that come before anything is sent. Others of TLS may come later too."""


def reason(error: Exception) -> str:
    """Name an error of a connection, and say what it means where that is known."""
    behind = tuple(_behind(error))
    unknown = CLOSED if error.args == CUT_BETWEEN_CHUNKS else ""
    found = next((words for words, kinds in REASONS if any(isinstance(each, kinds) for each in behind)), unknown)
    return f"{type(error).__name__}, {found}" if found else type(error).__name__


def was_never_sent(error: Exception) -> bool:
    """Whether there surely was no connection on which the request could have gone out."""
    return any(isinstance(each, NEVER_CONNECTED) for each in _behind(error))


def _behind(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that urllib3 made it from: as the cause, or as an argument, but not always as both."""
    yield error
    for other in (error.__cause__, *error.args):
        if isinstance(other, BaseException):
            yield from _behind(other)


class _Answer(http.client.HTTPResponse):
    """An answer that gives up on a server that keeps promising one."""

    _statuses = 0

    def _read_status(self) -> Any:
        self._statuses += 1
        if self._statuses > INTERIM_LIMIT:
            raise http.client.HTTPException(f"more than {INTERIM_LIMIT} interim answers")
        return super()._read_status()  # type: ignore[misc] # its stub leaves it out


class _HttpConnection(HTTPConnection):
    response_class = _Answer


class _HttpsConnection(HTTPSConnection):
    response_class = _Answer


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


def http_pool() -> urllib3.PoolManager:
    """Return what asks Spaaza."""
    pool = urllib3.PoolManager()
    pool.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
    return pool


class _ChunkedResponse(urllib3.HTTPResponse):
    """A body whose chunks have sizes of 0 or more."""

    def _update_chunk_length(self) -> None:
        super()._update_chunk_length()  # urllib3 has no public place for it; a test holds this one
        if self.chunk_left is not None and self.chunk_left < 0:
            raise InvalidChunkLength(self, str(self.chunk_left).encode())


def refuse_negative_chunks(response: urllib3.BaseHTTPResponse) -> None:
    """Make a chunk size below zero the protocol error that it is: urllib3 would read up to the end, into memory.

    The response gets another class: a function of its own would hold it, and its connection, in a cycle.
    """
    if isinstance(response, urllib3.HTTPResponse):
        response.__class__ = _ChunkedResponse
