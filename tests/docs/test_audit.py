"""`make audit`: only a database that knows a vulnerability is believed, and a secret is shown by its place."""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sandbox.wire.ears import listening
from tools.audit import pins
from tools.audit.__main__ import main
from tools.package import ROOT

PINS = pins.FILES
CANARY, PINNED = "urllib3 1.26.4", "isal"
KEY = "AKIA" + "QYLPMN5HHHFPZAM2"  # in two halves, so that nobody's scan finds it here
Knows = Callable[[str, str], bool]


@contextmanager
def database(knows: Knows) -> Iterator[str]:
    """Yield the address of an OSV server, and what it knows to be vulnerable."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = knows(asked["package"]["name"], asked["version"])
            body = json.dumps({"vulns": [vulnerability(asked["package"])]} if known else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, listening(server, name="osv"):
        yield f"http://127.0.0.1:{server.server_port}/v1/query"


def vulnerability(package: Mapping[str, str]) -> Mapping[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}]
    return {"id": "PYSEC-0000-1", "summary": "a vulnerability", "affected": [{"package": package, "ranges": ranges}]}


def committed(folder: Path, *texts: str) -> None:
    for text in texts:
        (folder / "settings.py").write_text(text, encoding="utf-8")
        git(folder, "add", ".")
        git(folder, "-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-qm", "a change")


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture(autouse=True)
def two_files_of_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes pip-audit two seconds more."""
    monkeypatch.setattr(pins, "FILES", (Path("requirements/uv.txt"), Path("src/requirements.txt")))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    committed(tmp_path, "region = 1\n")
    return tmp_path


def audited(repository: Path, service: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(["--repository", str(repository), "--service", service])
    return code, capsys.readouterr().out


def test_every_file_of_hashed_pins_is_asked_about() -> None:
    texts = [Path(line) for line in git(ROOT, "ls-files", "*.txt").splitlines()]
    hashed = {path for path in texts if "--hash=sha256:" in (ROOT / path).read_text(encoding="utf-8")}
    assert {path for path in hashed if path.parts[0] != "layers"} == set(PINS)  # its package is pinned alike in dev.txt


def test_a_database_that_knows_the_old_vulnerability_and_none_in_the_pins_is_believed(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with database(lambda name, version: f"{name} {version}" == CANARY) as service:
        code, printed = audited(repository, service, capsys)
    assert code == 0
    assert "Pins: no known vulnerabilities in 2 files of requirements." in printed


def test_a_hole_in_a_pin_is_told_with_its_file_and_its_cure(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with database(lambda name, version: name == PINNED or f"{name} {version}" == CANARY) as service:
        code, printed = audited(repository, service, capsys)
    assert code == 1
    assert "src/requirements.txt: isal" in printed
    assert "PYSEC-0000-1, fixed in 99.0" in printed


@pytest.mark.parametrize("reached", [True, False], ids=["a server that knows no vulnerability", "no server at all"])
def test_pins_that_nobody_could_judge_are_not_called_sound(
    repository: Path, capsys: pytest.CaptureFixture[str], reached: bool
) -> None:
    with database(lambda *_: False) as service:
        if reached:
            code, printed = audited(repository, service, capsys)
    if not reached:
        code, printed = audited(repository, service, capsys)
    assert code == 3
    assert "Pins: NOT AUDITED" in printed
    assert "no known vulnerabilities" not in printed


def test_a_secret_of_an_old_commit_is_found_although_it_was_taken_out_and_is_not_shown(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    committed(repository, f'region = 1\nkey = "{KEY}"\n', "region = 2\n")
    added = git(repository, "rev-parse", "--short", "HEAD~1").strip()
    with database(lambda *_: False) as service:
        code, printed = audited(repository, service, capsys)
    assert code == 1
    assert f"{added} settings.py: AWS Access Key" in printed
    assert "History: 1 secret in 3 commits." in printed
    assert KEY not in printed
