"""The sandbox's Spaaza, held to the vendor's page by the page's own curl and by a real HTTP client."""

import csv
import gzip
import io
import itertools
import json
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import NoneType
from typing import Any, Literal

import pytest
import urllib3
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from sandbox.spaaza import answers
from sandbox.spaaza.answers import Pause
from sandbox.spaaza.login import Session
from sandbox.spaaza.server import SpaazaServer
from sandbox.spaaza.users import generated_csv, sample_csv

# Verbatim from the vendor's page; a test changes the host alone.
PAGE_HOST = "https://services-test01.spaaza.com"
PAGE_CURL = r"""curl 'https://services-test01.spaaza.com/segments/export/users.csv' \
  -H 'X-Spaaza-Session-Chain-Id: 1783' \
  -H 'X-Spaaza-Session-Key: d7d91a80b5dd2cf040adc68bc2cb7974f0107dea35816bb3e14207444bf9e21a' \
  -H 'X-Spaaza-Session-User-Id: 1' \
  -H 'content-type: application/json' \
  --data-raw '{"entity":"people","chain_id":1743,"join":"all","rules":[]}' \
  --compressed"""
HEADERS = {
    "X-Spaaza-Session-Chain-Id": "1743",
    "X-Spaaza-Session-Key": "d7d91a80b5dd2cf040adc68bc2cb7974f0107dea35816bb3e14207444bf9e21a",
    "X-Spaaza-Session-User-Id": "1",
    "Content-Type": "application/json",
}
BODY = '{"entity":"people","chain_id":1743,"join":"all","rules":[]}'
ROOT = Path(__file__).parents[2]
SAMPLE_GZIP = gzip.compress(sample_csv(), mtime=0)

Ask = Callable[..., urllib3.BaseHTTPResponse]
Framing = Literal["chunked", "content-length", "close"]


@pytest.fixture
def server() -> Iterator[SpaazaServer]:
    with SpaazaServer() as server:
        yield server


@pytest.fixture
def ask(server: SpaazaServer) -> Iterator[Ask]:
    """Send the page's request, with what a test changes in it; the answer's body is left to be read."""
    with urllib3.PoolManager(retries=False, timeout=5) as http:

        def ask(
            method: str = "POST", path: str = "/segments/export/users", **changes: object
        ) -> urllib3.BaseHTTPResponse:
            sent = {"headers": HEADERS, "body": BODY, "redirect": False, **changes}
            return http.request(method, server.base_url + path, preload_content=False, **sent)  # type: ignore[arg-type]

        yield ask


def body_of(response: urllib3.BaseHTTPResponse) -> bytes:
    return response.read(decode_content=False)


def received(response: urllib3.BaseHTTPResponse) -> tuple[bytes, Exception | None]:
    """Read the body as it comes, and what broke it; every position in these tests is a multiple of ten."""
    got = bytearray()
    try:
        for piece in response.stream(10, decode_content=False):
            got += piece
    except HTTPError as error:
        return bytes(got), error
    return bytes(got), None


def records(csv_bytes: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(csv_bytes.decode(), newline="")))


def run(command: str) -> bytes:
    """Run a shell command as a person would; an empty environment keeps proxies out."""
    return subprocess.run(command, shell=True, env={}, check=True, capture_output=True, timeout=30).stdout


def test_the_curl_of_the_vendors_page_gets_the_csv_of_the_vendors_page(server: SpaazaServer) -> None:
    assert PAGE_HOST in PAGE_CURL
    assert run(PAGE_CURL.replace(PAGE_HOST, server.base_url)) == sample_csv()


def test_the_sample_is_the_header_and_five_users_of_68_fields() -> None:
    assert [len(record) for record in records(sample_csv())] == [68] * 6


def test_an_export_has_the_headers_of_the_vendors_page_and_comes_in_chunks(ask: Ask) -> None:
    response = ask()
    assert (response.status, response.version) == (200, 11)
    assert response.headers["Content-Type"] == "text/csv"
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["Content-Disposition"] == "attachment;filename=spaaza-export.csv"
    assert response.headers["Transfer-Encoding"] == "chunked"
    assert gzip.decompress(body_of(response)) == sample_csv()


def test_every_request_is_recorded_as_it_came(server: SpaazaServer, ask: Ask) -> None:
    ask("GET", "/elsewhere", body=None).drain_conn()
    ask().drain_conn()
    assert [(request.method, request.path) for request in server.requests] == [
        ("GET", "/elsewhere"),
        ("POST", "/segments/export/users"),
    ]
    assert server.requests[1].body == BODY.encode()
    assert {name.lower(): value for name, value in HEADERS.items()}.items() <= dict(server.requests[1].headers).items()


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"method": "GET", "body": None}, 405, 4),
        ({"method": "PUT"}, 405, 4),
        ({"path": "/segments/export/vouchers"}, 404, None),
        *(({"headers": {k: v for k, v in HEADERS.items() if k != name}}, 401, 6) for name in list(HEADERS)[:3]),
        ({"headers": {**HEADERS, "X-Spaaza-Session-Key": "0" * 64}}, 401, 6),
        ({"headers": {**HEADERS, "X-Spaaza-Session-User-Id": "2"}}, 401, 6),
        ({"headers": {**HEADERS, "X-Spaaza-Session-Chain-Id": "9"}}, 500, 68),
        ({"body": BODY.replace("1743", "9")}, 500, 68),
        ({"headers": {**HEADERS, "Content-Type": "text/plain"}}, 400, None),
        ({"body": "chain_id=1743"}, 400, None),
        ({"body": "[]"}, 400, None),
        ({"body": BODY.replace("1743", '"1743"')}, 400, None),
        ({"body": BODY.replace("people", "users")}, 400, None),
        ({"body": BODY.replace("}", ',"limit":5}')}, 400, None),
        ({"body": BODY.replace(',"rules":[]', "")}, 400, None),
    ],
)
def test_a_request_that_the_page_does_not_allow_is_refused(
    ask: Ask, changes: dict[str, object], status: int, code: int | None
) -> None:
    response = ask(**changes)
    assert response.status == status
    if code is None:
        assert response.headers["Content-Type"] == "text/html"
    else:
        answer = response.json()
        assert answer["result"] == {"code": 2, "status": "error"}
        assert answer["error"]["code"] == code
        assert answer["error"].keys() == {"code", "name", "description"}


def test_a_login_elsewhere_ends_the_session(server: SpaazaServer, ask: Ask) -> None:
    server.session = Session("1", "new")
    assert ask().status == 401
    assert ask(headers={**HEADERS, "X-Spaaza-Session-Key": "new"}).status == 200


def test_scripted_answers_come_once_in_order_and_then_the_usual_one(server: SpaazaServer, ask: Ask) -> None:
    server.serve(answers.csv_answer(b"ID\n"))
    server.script(answers.refusal(503), answers.refusal(429, headers={"Retry-After": "7"}))
    responses = [ask() for _ in range(4)]
    assert [response.status for response in responses] == [503, 429, 200, 200]
    assert responses[1].headers["Retry-After"] == "7"
    assert gzip.decompress(body_of(responses[3])) == b"ID\n"


def test_a_chain_may_have_answers_of_its_own(server: SpaazaServer, ask: Ask) -> None:
    server.serve(answers.csv_answer(b"ID\n"), chain_id=1783)
    server.script(answers.refusal(500, 68), chain_id=1783)
    other = BODY.replace("1743", "1783")
    assert [ask().status, ask(body=other).status] == [200, 500]
    assert gzip.decompress(body_of(ask(body=other))) == b"ID\n"
    assert gzip.decompress(body_of(ask())) == sample_csv()


def test_what_is_no_export_says_so_in_its_own_headers(server: SpaazaServer, ask: Ask) -> None:
    server.script(answers.json_answer({"a": 1}), answers.html_answer("<p>"), answers.redirect("https://example.com/"))
    assert json.loads(body_of(ask())) == {"a": 1}
    assert body_of(ask()) == b"<p>"
    moved = ask()
    assert (moved.status, moved.headers["Location"]) == (307, "https://example.com/")


@pytest.mark.parametrize(
    ("framing", "header"),
    [("chunked", "Transfer-Encoding"), ("content-length", "Content-Length"), ("close", "Connection")],
)
def test_each_framing_carries_the_same_bytes(server: SpaazaServer, ask: Ask, framing: Framing, header: str) -> None:
    server.serve(replace(answers.sample_users(), framing=framing, chunk_bytes=100))
    response = ask()
    assert header in response.headers
    assert received(response) == (SAMPLE_GZIP, None)


@pytest.mark.parametrize("at", [0, 100])
@pytest.mark.parametrize(
    ("framing", "fault", "seen"),
    [
        ("chunked", "cut", ProtocolError),
        ("content-length", "cut", ProtocolError),
        ("close", "cut", NoneType),
        ("chunked", "clean_end", NoneType),
        ("content-length", "clean_end", NoneType),
        ("close", "clean_end", NoneType),
        ("chunked", "stall", ReadTimeoutError),
        ("content-length", "stall", ReadTimeoutError),
    ],
)
def test_a_fault_happens_at_its_byte_and_shows_as_its_own_error(
    server: SpaazaServer, ask: Ask, framing: Framing, fault: str, at: int, seen: type
) -> None:
    faults: dict[str, Any] = {f"{fault}_after_bytes": at}
    server.serve(replace(answers.sample_users(), framing=framing, **faults))
    got, error = received(ask(timeout=0.3 if fault == "stall" else 5))
    assert got == SAMPLE_GZIP[:at]
    assert type(error) is seen


def test_a_reset_breaks_the_connection_in_mid_stream(server: SpaazaServer, ask: Ask) -> None:
    server.serve(replace(answers.sample_users(), reset_after_bytes=100))
    got, error = received(ask())
    assert SAMPLE_GZIP[:100].startswith(got)
    assert isinstance(error, ProtocolError)
    assert "reset" in str(error)


def test_an_end_behind_the_bodys_own_is_the_bodys_own(server: SpaazaServer, ask: Ask) -> None:
    server.serve(replace(answers.sample_users(), cut_after_bytes=10**9))
    got, error = received(ask())
    assert got == SAMPLE_GZIP
    assert isinstance(error, ProtocolError)


def test_a_delayed_answer_lets_the_client_wait_for_its_status(server: SpaazaServer, ask: Ask) -> None:
    server.serve(replace(answers.sample_users(), delay_seconds=3600))
    with pytest.raises(ReadTimeoutError):
        ask(timeout=0.3)


def test_a_throttled_answer_comes_drop_by_drop(server: SpaazaServer, ask: Ask) -> None:
    server.serve(replace(answers.sample_users(), chunk_bytes=100, bytes_per_second=0.01))
    got, error = received(ask(timeout=0.3))
    assert got == SAMPLE_GZIP[:100]
    assert isinstance(error, ReadTimeoutError)


def test_a_paused_answer_goes_on_when_it_is_resumed(server: SpaazaServer, ask: Ask) -> None:
    pause = Pause(after_bytes=100)
    server.serve(replace(answers.sample_users(), pause=pause))
    response = ask()
    assert pause.reached.wait(5)
    assert ask("GET", body=None).status == 405  # other requests are answered meanwhile
    pause.resume.set()
    assert received(response) == (SAMPLE_GZIP, None)


def test_the_servers_end_ends_every_answer_under_way_and_every_thread() -> None:
    before = set(threading.enumerate())
    export, pause = answers.generated_users(10**9), Pause(after_bytes=0)
    with urllib3.PoolManager(retries=False) as http:
        with SpaazaServer() as server:
            server.script(replace(export, pause=pause), replace(export, stall_after_bytes=0), export)
            url = server.base_url + "/segments/export/users"
            responses = [http.request("POST", url, headers=HEADERS, body=BODY, preload_content=False) for _ in range(3)]
            assert pause.reached.wait(5)
        assert set(threading.enumerate()) == before
        for response in responses:
            response.close()


def test_a_client_that_goes_away_in_mid_stream_leaves_no_trace(capfd: pytest.CaptureFixture[str]) -> None:
    with SpaazaServer() as server, urllib3.PoolManager(retries=False) as http:
        server.serve(answers.generated_users(10**9))
        url = server.base_url + "/segments/export/users"
        response = http.request("POST", url, headers=HEADERS, body=BODY, preload_content=False)
        assert response.read(2, decode_content=False) == b"\x1f\x8b"
        response.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "broken",
    [f(SAMPLE_GZIP) for f in (answers.bad_crc, answers.trailing_bytes, lambda data: answers.flip_byte(data, 300))],
)
def test_corrupted_gzip_is_sent_as_it_is_and_does_not_decompress(server: SpaazaServer, ask: Ask, broken: bytes) -> None:
    server.serve(answers.gzip_answer(broken))
    assert received(ask()) == (broken, None)
    with pytest.raises((gzip.BadGzipFile, zlib.error)):
        gzip.decompress(broken)


def test_two_members_hold_one_csv() -> None:
    both = answers.two_members(sample_csv(), 1000)
    first = zlib.decompressobj(wbits=31)
    assert first.decompress(both) == sample_csv()[:1000]
    assert gzip.decompress(first.unused_data) == sample_csv()[1000:]


def test_generated_users_are_sent_as_they_are_made(server: SpaazaServer, ask: Ask) -> None:
    server.serve(answers.generated_users(3_000, seed=7, extra_columns=["Favourite colour"]))
    expected = b"".join(generated_csv(3_000, seed=7, extra_columns=["Favourite colour"]))
    assert gzip.decompress(body_of(ask())) == expected
    server.serve(answers.generated_users(10**9))
    assert ask().read(2, decode_content=False) == b"\x1f\x8b"


def test_the_program_serves_what_its_printed_curl_asks_for() -> None:
    command = [sys.executable, "-m", "sandbox.spaaza.server", "--users", "3"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        try:
            url, _, *curl = itertools.islice(program.stdout, 9)
            assert "http://127.0.0.1:" in url
            assert run("".join(curl)) == b"".join(generated_csv(3))
        finally:
            program.terminate()
