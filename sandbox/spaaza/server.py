"""Spaaza on loopback: the export endpoint as the vendor's page describes it, with answers that a test scripts."""

import argparse
import json
import socket
import struct
import sys
from collections import defaultdict, deque
from collections.abc import Collection, Sequence
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import Self

from sandbox.spaaza.answers import Answer, generated_users, refusal, sample_users
from sandbox.spaaza.login import KnownSession, Logins, ReceivedRequest
from sandbox.wire.ears import OpenConnections, listening

EXPORT_PATHS = ("/segments/export/users", "/segments/export/users.csv")  # the page's own curl requests the second
CHAINS = (1743, 1783)


class SpaazaServer(OpenConnections):
    """The endpoint on a free port of 127.0.0.1; use it in a `with`. Every well-formed request gets an `Answer`.

    `requests` holds the requests so far; replace `session` to act as a login elsewhere does. `logins` holds the users,
    their sessions and the clock.
    """

    def __init__(self, port: int = 0) -> None:
        """Bind the port; 0 for any free one."""
        super().__init__(port, _SpaazaHandler)
        self.base_url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.logins = Logins()
        self.chains = frozenset(CHAINS)
        self.requests: list[ReceivedRequest] = []
        self.closing = Event()
        self._usual: dict[int | None, Answer] = {None: sample_users()}
        self._scripted: defaultdict[int | None, deque[Answer]] = defaultdict(deque)
        self._stack = ExitStack()

    @property
    def session(self) -> KnownSession:
        """The newest session of all, dead or alive."""
        return self.logins.newest

    @session.setter
    def session(self, session: KnownSession) -> None:
        self.logins.replace(session)

    @property
    def open_connections(self) -> int:
        """How many clients have not hung up yet."""
        return len(self._connections)

    def serve(self, answer: Answer, chain_id: int | None = None) -> None:
        """Give this answer from now on, to all chains or to one."""
        self._usual[chain_id] = answer

    def script(self, *answers: Answer, chain_id: int | None = None) -> None:
        """Give these answers first, one per request, to all chains or to one."""
        self._scripted[chain_id].extend(answers)

    def answer(self, request: ReceivedRequest) -> Answer:
        """Log in and out; refuse what the vendor's page does not allow; otherwise the scripted answer, or the usual."""
        if (said := self.logins.answer(request)) or (said := _refused(request, self.logins, self.chains)):
            return said
        chain_id = json.loads(request.body)["chain_id"]
        for scripted in (self._scripted[chain_id], self._scripted[None]):
            with suppress(IndexError):
                return scripted.popleft()
        return self._usual.get(chain_id, self._usual[None])

    def __enter__(self) -> Self:
        """Start serving."""
        self._stack.enter_context(listening(self, name="spaaza"))
        return self

    def __exit__(self, *_: object) -> None:
        """End every answer in progress, wherever it waits, and every thread."""
        self.closing.set()
        self._stack.close()
        self.hang_up()
        self.server_close()


class _SpaazaHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: SpaazaServer

    def handle(self) -> None:
        with suppress(ConnectionError):  # a client may go away at any time
            super().handle()

    def log_message(self, *_: object) -> None:
        """Log nothing: the server's `requests` has them."""

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        request = ReceivedRequest(self.command, self.path, headers, body)
        self.server.requests.append(request)
        answer = self.server.answer(request)
        self._wait(answer.delay_seconds)
        self._send_head(answer)
        self._send_body(answer)
        self._end(answer)

    do_GET = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_POST  # noqa: N815 - http.server looks up these names

    def _send_head(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.framing == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        elif answer.framing == "content-length":
            self.send_header("Content-Length", str(answer.promised_bytes()))
        else:
            self.send_header("Connection", "close")
        self.end_headers()

    def _send_body(self, answer: Answer) -> None:
        sent = 0
        self._hold(answer, sent)
        for piece in answer.pieces():
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if answer.framing == "chunked" else piece)
            sent += len(piece)
            if answer.bytes_per_second:
                self._wait(len(piece) / answer.bytes_per_second)
            self._hold(answer, sent)

    def _hold(self, answer: Answer, sent: int) -> None:
        if answer.stall_after_bytes == sent:
            self._wait(answer.stall_seconds)
        if answer.pause and answer.pause.after_bytes == sent:
            answer.pause.reached.set()
            while not answer.pause.resume.wait(0.02):
                self._wait(0)

    def _wait(self, seconds: float) -> None:
        if self.server.closing.wait(seconds):
            raise ConnectionAbortedError

    def _end(self, answer: Answer) -> None:
        if answer.reset_after_bytes is not None:
            # Without lingering, close() sends RST; it must be the last reference, or the FIN of shutdown() goes first.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.connection.close()
        if answer.reset_after_bytes is not None or answer.cut_after_bytes is not None:
            self.close_connection = True
        elif answer.framing == "chunked":
            self.wfile.write(b"0\r\n\r\n")


def _refused(request: ReceivedRequest, logins: Logins, chains: Collection[int]) -> Answer | None:
    if request.path not in EXPORT_PATHS:
        return refusal(404)
    if request.method != "POST":
        return refusal(405, 4)
    chain = request.headers.get("x-spaaza-session-chain-id")
    if logins.session_of(request) is None or not chain:
        return refusal(401, 6)
    chain_id = _chain_id_asked_for(request)
    if chain_id is None:
        return refusal(400)
    # The page's own curl has two chains, 1783 in the header and 1743 in the body, so they may differ.
    return None if {chain, str(chain_id)} <= set(map(str, chains)) else refusal(500, 68)


def _chain_id_asked_for(request: ReceivedRequest) -> int | None:
    """Read the one variable value of an otherwise fixed body; None for any other request."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return None
    try:
        asked = json.loads(request.body)
    except ValueError:
        return None
    chain_id = asked.get("chain_id") if isinstance(asked, dict) else None
    exact = asked == {"entity": "people", "chain_id": chain_id, "join": "all", "rules": []}
    return chain_id if exact and type(chain_id) is int else None


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until Ctrl-C, and print a request to try."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.spaaza.server", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--users", type=int, help="number of generated users; default: the five of the vendor's page")
    parser.add_argument("--exempt", action="store_true", help="log in without a code")
    args = parser.parse_args(argv)
    with suppress(KeyboardInterrupt), SpaazaServer(args.port) as server:
        if args.users is not None:
            server.serve(generated_users(args.users))
        server.logins.admin.exempt = args.exempt
        server.logins.post = lambda letter: print(letter, file=sys.stderr, flush=True)
        print(f"Spaaza is at {server.base_url} until Ctrl-C. Try:\n\n{_curl(server)}\n", flush=True)
        print(f"Log in as {server.logins.admin.username}, password {server.logins.admin.password!r}.", flush=True)
        Event().wait()


def _curl(server: SpaazaServer) -> str:
    return f"""curl '{server.base_url}/segments/export/users.csv' \\
  -H 'X-Spaaza-Session-Chain-Id: 1783' \\
  -H 'X-Spaaza-Session-Key: {server.session.key}' \\
  -H 'X-Spaaza-Session-User-Id: {server.session.user_id}' \\
  -H 'content-type: application/json' \\
  --data-raw '{{"entity":"people","chain_id":1743,"join":"all","rules":[]}}' \\
  --compressed"""


if __name__ == "__main__":
    main()
