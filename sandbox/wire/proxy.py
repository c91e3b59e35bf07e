"""An HTTP server on loopback that passes whole requests to a function, and a way to forward them to another server."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from urllib.parse import urlsplit

from sandbox.wire.ears import OpenConnections, listening

UPSTREAM_TIMEOUT_SECONDS = 60
# Headers of one connection only; a body is sent on whole, with its length.
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding"})


@dataclass(frozen=True)
class HttpRequest:
    """A request as received; a chunked body still has its framing."""

    method: str
    target: str
    headers: Message
    body: bytes


@dataclass(frozen=True)
class HttpAnswer:
    """An answer as sent; the headers have the length of the body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def answer_of(status: int, content_type: str, body: bytes) -> HttpAnswer:
    """Build an answer."""
    return HttpAnswer(status, (("Content-Type", content_type), ("Content-Length", str(len(body)))), body)


def forward(request: HttpRequest, upstream: str) -> HttpAnswer:
    """Send a request to the upstream unchanged, including `Host`, which is signed; return the answer."""
    connection = HTTPConnection(urlsplit(upstream).netloc, timeout=UPSTREAM_TIMEOUT_SECONDS)
    try:
        connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            connection.putheader(name, value)
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before it was read in full: the answer is there
            connection.endheaders(request.body or None)
        with connection.getresponse() as response:
            body = response.read()
            headers = [pair for pair in response.getheaders() if pair[0].lower() not in _HOP_BY_HOP]
            if response.chunked:
                headers.append(("Content-Length", str(len(body))))
            return HttpAnswer(response.status, tuple(headers), body)
    finally:
        connection.close()


@contextmanager
def serving(answer: Callable[[HttpRequest], HttpAnswer | None], *, name: str) -> Iterator[str]:
    """Serve on a free port of 127.0.0.1 in threads, and yield the address.

    `answer` is called for each request, several at a time; None closes the connection without an answer. At the end all
    connections are closed and all threads have ended, so `answer` must not wait forever.
    """
    with _Server(answer) as server:
        try:
            with listening(server, name=name):
                yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.hang_up()


class _Server(OpenConnections):
    def __init__(self, answer: Callable[[HttpRequest], HttpAnswer | None]) -> None:
        super().__init__(0, _ProxyHandler)
        self.answer = answer


class _ProxyHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # otherwise a small answer waits 40 ms for the ACK of its headers
    server: _Server

    def handle(self) -> None:
        with suppress(ConnectionError):  # a client may be killed at any time
            super().handle()

    def _serve(self) -> None:
        try:
            body = _read_body(self.headers, self.rfile)
            answer = self.server.answer(HttpRequest(self.command, self.path, self.headers, body))
            if answer is None:
                self.close_connection = True
            else:
                self._reply(answer)
        except ConnectionError:  # the client is gone
            self.close_connection = True

    def _reply(self, answer: HttpAnswer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Say nothing."""


def _read_body(headers: Message, stream: BufferedIOBase) -> bytes:
    if headers.get("Transfer-Encoding", "").lower() != "chunked":
        return _read_exactly(stream, int(headers.get("Content-Length", 0)))
    pieces = []
    size = -1
    while size:
        pieces.append(stream.readline())
        size = int(pieces[-1].split(b";")[0], 16)
        if size:
            pieces.append(_read_exactly(stream, size + len(b"\r\n")))
    while pieces[-1].strip():  # trailers, up to the blank line
        pieces.append(stream.readline())
    return b"".join(pieces)


def _read_exactly(stream: BufferedIOBase, size_bytes: int) -> bytes:
    body = stream.read(size_bytes)
    if len(body) < size_bytes:
        raise ConnectionResetError(f"{len(body)} of {size_bytes} bytes came")
    return body
