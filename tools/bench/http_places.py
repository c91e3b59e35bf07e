"""What the servers of the benchmark share: requests read with little work, over http or https.

Only the clients' CPU is measured, but a slow server would let them wait, and the other processor is shared.
"""

import signal
import socket
import ssl
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, Final

READ_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class Request:
    """The head of a request; the body is still to be read."""

    method: str
    target: str
    headers: Mapping[str, str]


class Place(ThreadingTCPServer):
    """A server on a free port of 127.0.0.1; with a certificate it speaks TLS."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, handler: type[StreamRequestHandler], certificate: Path | None) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate)

    @property
    def port(self) -> int:
        """The port that was free."""
        return int(self.socket.getsockname()[1])

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection; the handshake is left to its own thread."""
        accepted, address = super().get_request()
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is not None:
            accepted = self._tls.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
        return accepted, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""

    def announce(self) -> None:
        """Print the port for the parent, then serve until terminated; what the caller opened is closed then."""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        print(self.port, flush=True)
        with suppress(KeyboardInterrupt):
            self.serve_forever()


class Handler(StreamRequestHandler):
    """Reads one request after another from a connection."""

    def requests(self) -> Iterator[Request]:
        """Yield them until the client closes; `Expect: 100-continue` is answered at once."""
        while line := self.rfile.readline(65_536):
            method, target, _ = line.decode("latin-1").split(" ", 2)
            headers = dict(self._headers())
            if headers.get("expect", "").lower() == "100-continue":
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            yield Request(method, target, headers)

    def body(self, request: Request) -> Iterator[bytes]:
        """Yield the body in pieces."""
        if "chunked" in request.headers.get("transfer-encoding", ""):
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield from self._pieces(size)
                self.rfile.readline()
            while self.rfile.readline().strip():  # trailers
                pass
        else:
            yield from self._pieces(int(request.headers.get("content-length", 0)))

    def answer(self, status: int, headers: Mapping[str, str], body: bytes = b"", *, length: int | None = None) -> None:
        """Send a whole answer; `length`: what a HEAD says of a body that it leaves out."""
        lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in headers.items())]
        lines.append(f"Content-Length: {len(body) if length is None else length}")
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def _headers(self) -> Iterator[tuple[str, str]]:
        while line := self.rfile.readline(65_536).strip():
            name, _, value = line.decode("latin-1").partition(":")
            yield name.lower(), value.strip()

    def _pieces(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self.rfile.read1(min(size, READ_BYTES)) if size < READ_BYTES else self.rfile.read(READ_BYTES)
            if not piece:
                raise ConnectionError("the client went away")
            size -= len(piece)
            yield piece
