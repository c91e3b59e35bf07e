"""A terminal, and an AWS on loopback, for the command."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from spaaza_snapshots.cli.main import main
from tests.support.commands import Stub, lead_the_sdk_to


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """Lambda, Athena and CloudFormation, as far as the SDK of this test goes."""
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            stub.asked.append(json.loads(body))
            status, headers, answer = stub.answers[min(len(stub.asked), len(stub.answers)) - 1]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        lead_the_sdk_to(f"http://127.0.0.1:{server.server_port}", monkeypatch)
        yield stub
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that breaks no line of these tests."""
    monkeypatch.setenv("COLUMNS", "400")


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run a command and return its exit code and what it printed: the answer, or the error."""

    def run(*arguments: object) -> tuple[int, str]:
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert not (printed.out and printed.err)
        return code, printed.out + printed.err

    return run
