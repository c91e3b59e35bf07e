"""A terminal, and an AWS on loopback, for the command."""

import json
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sandbox.aws.moto import MotoAws
from sandbox.spaaza.login import User
from sandbox.spaaza.server import SpaazaServer
from sandbox.wire.ears import listening
from sandbox.wire.wire import Wire
from spaaza_snapshots.cli import login as login_cli
from spaaza_snapshots.cli.main import main
from tests.support.commands import Stub, lead_the_sdk_to
from tests.support.login_place import (
    MARK_NAME,
    MARK_PASSWORD,
    OLD,
    LoginPlace,
    answered,
    deploy,
    environment,
)


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

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, listening(server, name="stub"):
        lead_the_sdk_to(f"http://127.0.0.1:{server.server_port}", monkeypatch)
        yield stub


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


@pytest.fixture
def place(moto_aws: MotoAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoginPlace]:
    secret_id = deploy(moto_aws)
    moto_aws.client("secretsmanager").put_secret_value(SecretId=secret_id, SecretString=OLD)
    (tmp_path / "samconfig.toml").write_text(
        '[default.deploy.parameters]\nstack_name = "members"\nregion = "eu-west-1"\n', encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    with Wire({"aws": moto_aws.endpoint_url}) as wire, SpaazaServer() as spaaza:
        spaaza.session = spaaza.session.__class__("1", "the-old-key")
        spaaza.logins.users = [User("1", MARK_NAME, MARK_PASSWORD)]
        for name, value in environment(wire.url("aws"), spaaza.base_url).items():
            monkeypatch.setenv(name, value)
        made = LoginPlace(moto_aws.client("secretsmanager"), wire, spaaza, secret_id, [], [])
        monkeypatch.setattr("builtins.input", lambda prompt: answered(made, prompt))
        monkeypatch.setattr(login_cli, "getpass", lambda prompt: answered(made, prompt))
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        yield made


@pytest.fixture
def exempt(place: LoginPlace) -> LoginPlace:
    place.spaaza.logins.admin.exempt = True
    return place
