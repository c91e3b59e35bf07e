"""Servers on loopback that end at once."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import SHUT_RDWR
from socketserver import BaseRequestHandler, TCPServer, ThreadingTCPServer
from threading import Thread
from typing import Any

_POLL_SECONDS = 0.05


class OpenConnections(ThreadingTCPServer):
    """A server that can end its connections in progress."""

    allow_reuse_address = True

    def __init__(self, port: int, handler: type[BaseRequestHandler]) -> None:
        """Bind a port of 127.0.0.1; 0 for any free one."""
        super().__init__(("127.0.0.1", port), handler)
        self._connections: set[Any] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Note the connection before its thread starts, so that none is missed at the end."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection and close it."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Wake the threads that wait for the next request on a kept-alive connection."""
        for connection in list(self._connections):
            with suppress(OSError):  # the other side has just closed it
                connection.shutdown(SHUT_RDWR)


@contextmanager
def listening(server: TCPServer, *, name: str) -> Iterator[None]:
    """Serve in a thread of its own; at the end nothing more is accepted, and the thread has ended.

    Connections in progress are left to the server.
    """
    thread = Thread(target=server.serve_forever, args=(_POLL_SECONDS,), name=name)
    thread.start()
    try:
        yield
    finally:
        with suppress(OSError):  # where a socket that listens cannot be shut down, it takes up to the poll
            server.socket.shutdown(SHUT_RDWR)  # wakes the thread
        server.shutdown()
        thread.join()
