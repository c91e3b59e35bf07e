"""A Spaaza on loopback, and a way to ask it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import urllib3

from sandbox.spaaza.answers import Answer
from sandbox.spaaza.server import SpaazaServer
from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.spaaza.connections import http_pool
from spaaza_snapshots.spaaza.credentials import Session
from spaaza_snapshots.spaaza.export_api import SpaazaExports
from spaaza_snapshots.spaaza.export_stream import ExportStream
from spaaza_snapshots.spaaza.login import SpaazaLogin
from tests.support.builders import HeldClock, session
from tests.support.export_bodies import Open
from tests.support.exports import PATH, Ask
from tests.support.login_calls import ACTS, Act


@pytest.fixture
def server() -> Iterator[SpaazaServer]:
    with SpaazaServer() as server:
        yield server


@pytest.fixture
def ask(server: SpaazaServer) -> Iterator[Ask]:
    """Ask for an export and return its bytes; sessions are read from the list, the last again and again."""

    def ask(
        *sessions: Session,
        url: str = server.base_url + PATH,
        read_timeout_seconds: float = 5,
        clock: Clock | None = None,
    ) -> bytes:
        to_read = list(sessions or [session()])
        exports = SpaazaExports(http, url, read_timeout_seconds, clock or HeldClock().clock())
        with exports.open(1743, lambda: to_read.pop(0) if len(to_read) > 1 else to_read[0]) as export:
            return b"".join(export.chunks())

    with urllib3.PoolManager() as http:
        yield ask


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


@pytest.fixture
def exempt(server: SpaazaServer) -> SpaazaServer:
    server.logins.admin.exempt = True
    return server


@pytest.fixture
def login(server: SpaazaServer) -> SpaazaLogin:
    return SpaazaLogin(http_pool(), server.base_url, timeout_seconds=5)


@pytest.fixture(params=ACTS)
def act(request: pytest.FixtureRequest) -> Act:
    return ACTS[request.param]


@pytest.fixture(params=["log_in", "exchange"])
def entrance(request: pytest.FixtureRequest) -> Act:
    return ACTS[request.param]
