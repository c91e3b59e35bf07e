"""Targets: an answer of Spaaza, as bytes on a connection, read by all of the product's own HTTP.

What `http.client` makes of the same bytes is the peer: the product may be stricter, and never takes for whole what is
not whole there.
"""

import http.client
import io
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

import urllib3
from urllib3.connection import HTTPConnection

from sandbox.fuzz.documents import judge_session
from sandbox.fuzz.streams import CLOCK
from sandbox.fuzz.target import MARK, Finding, refusal_or_answer, same
from spaaza_snapshots.errors import (
    ExportInterrupted,
    ExportRejected,
    ExportUnavailable,
    LoginRefused,
    NotAnExport,
    SessionExpired,
    SnapshotError,
)
from spaaza_snapshots.spaaza.connections import http_pool
from spaaza_snapshots.spaaza.credentials import Session
from spaaza_snapshots.spaaza.export_api import SpaazaExports
from spaaza_snapshots.spaaza.export_stream import ExportStream
from spaaza_snapshots.spaaza.login import Passcode, SpaazaLogin

BASE: Final = "http://127.0.0.1"
KEY, NAME, PASSWORD, CODE = "Jq7key", "Jq7name", "Jq7word", "Jq7code"
SESSION: Final = Session("1", KEY, None)
PRIVATE: Final = (MARK, KEY, NAME, PASSWORD, CODE)
LATER: Final = (408, 429)


@contextmanager
def wire(answer: bytes) -> Iterator[urllib3.PoolManager]:
    """Yield the product's own HTTP, on connections that give this answer whatever is asked, and then end."""
    pool = http_pool()
    plain = pool.pool_classes_by_scheme["http"]
    peers: list[socket.socket] = []

    class Connection(cast("type[HTTPConnection]", plain.ConnectionCls)):  # type: ignore[misc] # known only here
        def _new_conn(self) -> socket.socket:
            ours, theirs = socket.socketpair()
            peers.append(theirs)
            theirs.sendall(answer)
            theirs.shutdown(socket.SHUT_WR)
            return ours

    class Pool(cast("type[urllib3.HTTPConnectionPool]", plain)):  # type: ignore[misc] # likewise
        ConnectionCls = Connection

    pool.pool_classes_by_scheme = {"http": Pool}
    try:
        yield pool
    finally:
        pool.clear()
        for peer in peers:
            peer.close()


@dataclass(frozen=True, slots=True)
class Peer:
    """What `http.client` reads: the status, if there is one, and the body, if it is whole."""

    status: int | None
    body: bytes | None
    framed_alike: bool
    """Whether it understands by `Transfer-Encoding` what others do."""
    content_type: str


class _Given:
    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def makefile(self, *_mode: Any) -> io.BytesIO:
        return io.BytesIO(self._answer)


def peer_of(answer: bytes) -> Peer:
    """Read an answer with the standard library alone."""
    response = http.client.HTTPResponse(cast("socket.socket", _Given(answer)), method="POST")
    try:
        response.begin()
    except (http.client.HTTPException, OSError, ValueError, OverflowError):
        return Peer(None, None, framed_alike=True, content_type="")
    framing = response.headers.get_all("Transfer-Encoding", [])
    alike = not framing or [value.lower() for value in framing] == ["chunked"]
    content_type = ", ".join(response.headers.get_all("Content-Type", []))
    try:
        return Peer(response.status, response.read(), alike, content_type)
    except (http.client.HTTPException, OSError, ValueError, OverflowError):
        return Peer(response.status, None, alike, content_type)


def whole(stream: ExportStream) -> bytes:
    """Read an export to its end, as the product does."""
    return b"".join(stream.chunks())


def export(data: bytes, read: Any = whole) -> None:
    """An answer to the export: gzip with its end proven by HTTP, or the error that its status stands for."""
    answer = data[1:]
    peer = peer_of(answer)
    allowed = (SessionExpired, ExportRejected, ExportUnavailable, NotAnExport, ExportInterrupted)
    private = [word for word in PRIVATE if word not in peer.content_type]  # the one header that an error names
    with wire(answer) as pool:
        exports = SpaazaExports(pool, f"{BASE}/segments/export/users", 5, CLOCK)

        def asked() -> bytes:
            with exports.open(1743, lambda: SESSION) as stream:
                body: bytes = read(stream)
                return body

        found = refusal_or_answer(asked, allowed, private)
    if isinstance(found, SnapshotError):
        _judge_refusal(found, peer.status)
    else:
        same("status", peer.status, 200)
        same("magic", found[:2], b"\x1f\x8b")
        if peer.framed_alike:
            same("body", found, peer.body)


def _judge_refusal(error: SnapshotError, status: int | None) -> None:
    wait = error.retry_after_seconds if isinstance(error, ExportUnavailable) else None
    if wait is not None and not 0 <= wait < float("inf"):
        raise Finding(f"a wait of {wait} seconds")
    if type(error) not in _meanings(status):
        raise Finding(f"{type(error).__name__} for HTTP {status}")


def _meanings(status: int | None) -> tuple[type[SnapshotError], ...]:
    """Return the errors that an answer with this status may be: Spaaza's error code in it decides."""
    if status is None:
        return (ExportUnavailable,)
    if status == 401:
        return (SessionExpired,)
    if status >= 500 or status in LATER:
        return (ExportUnavailable, ExportRejected, SessionExpired)
    if status >= 300:
        return (ExportRejected, SessionExpired)
    return (SessionExpired, ExportRejected, ExportUnavailable, NotAnExport, ExportInterrupted)


def login(data: bytes, make: Callable[..., SpaazaLogin] = SpaazaLogin) -> None:
    """An answer to the log-in: the session that it holds, if it can be stored, or an error without a word of it."""
    answer = data[1:]
    allowed = (LoginRefused, ExportRejected, ExportUnavailable)
    with wire(answer) as pool:
        asked = make(pool, BASE, timeout_seconds=5)
        match (data[0] if data else 0) % 4:
            case 0:
                found: object = refusal_or_answer(lambda: asked.log_in(NAME, PASSWORD), allowed, PRIVATE)
            case 1:
                found = refusal_or_answer(lambda: asked.exchange(Passcode(KEY, None), CODE), allowed, PRIVATE)
            case 2:
                found = refusal_or_answer(lambda: asked.is_alive(SESSION), (ExportRejected, ExportUnavailable), PRIVATE)
            case _:
                allowed_of_end = (SessionExpired, ExportRejected, ExportUnavailable)
                found = refusal_or_answer(lambda: asked.log_out(SESSION), allowed_of_end, PRIVATE)
    peer = peer_of(answer)
    if peer.status is None and type(found) is not ExportUnavailable:
        raise Finding(f"{type(found).__name__} where nothing was answered")
    if not isinstance(found, SnapshotError | bool) or found is True:
        same("status of a success", peer.status, 200)
    if isinstance(found, Session) and peer.framed_alike:
        judge_session(found, _session_info(peer.body))


def _session_info(body: bytes | None) -> Any:
    if body is None:
        raise Finding("a session from an answer that is not whole")
    document = json.loads(body)
    document = document[0] if isinstance(document, list) else document  # some answers are wrapped in a list of one
    return document["results"]["session_info"]
