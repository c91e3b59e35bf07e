"""Servers on loopback that end at once."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import SHUT_RDWR
from socketserver import TCPServer
from threading import Thread

_POLL_SECONDS = 0.05


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
