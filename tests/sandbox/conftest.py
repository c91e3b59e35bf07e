"""What the tests of the sandbox share."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import urllib3

from sandbox.aws.seaweed import SeaweedS3
from sandbox.spaaza.server import SpaazaServer
from sandbox.wire.wire import Wire
from tests.support.page_request import BODY, HEADERS, Ask
from tests.support.wire_clients import WireClients


@pytest.fixture
def server() -> Iterator[SpaazaServer]:
    with SpaazaServer() as server:
        yield server


@pytest.fixture
def ask(server: SpaazaServer) -> Iterator[Ask]:
    """Send the page's request, with what a test changes in it; the answer's body is left to be read."""
    with urllib3.PoolManager(retries=False, timeout=5) as http:

        def ask(method: str = "POST", path: str = "/segments/export/users", **changes: Any) -> urllib3.BaseHTTPResponse:
            sent: dict[str, Any] = {"headers": HEADERS, "body": BODY, "redirect": False, **changes}
            return http.request(method, server.base_url + path, preload_content=False, **sent)

        yield ask


@pytest.fixture
def through(wire: Wire, seaweed: SeaweedS3) -> Iterator[WireClients]:
    with ExitStack() as stack:
        yield WireClients(wire, seaweed, stack)
