"""HTTP as Spaaza's server must speak it: urllib3, but for two things that it takes from any server."""

import http.client
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import InvalidChunkLength

INTERIM_LIMIT = 10
"""How many `100 Continue` may come before an answer; `http.client` waits behind each as long as behind the first."""


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
