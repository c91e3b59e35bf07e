"""How the export is asked for, and what it means when the answer is no export or there is none."""

import gzip
import time
from contextlib import suppress
from dataclasses import replace

import pytest
import urllib3

from sandbox.spaaza.answers import (
    EXPORT_HEADERS,
    Answer,
    generated_users,
    gzip_answer,
    html_answer,
    json_answer,
    refusal,
    sample_users,
)
from sandbox.spaaza.server import SpaazaServer
from sandbox.spaaza.users import sample_csv
from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.errors import ExportUnavailable, NotAnExport, OutOfTime, SnapshotError
from spaaza_snapshots.spaaza.export_api import SpaazaExports
from tests.support.builders import HeldClock, session
from tests.support.exports import PATH, SECRET_TEXT, Ask, refused, spaaza_error

# --- What is asked --------------------------------------------------------------------------------------------------


def test_the_request_is_the_one_of_the_vendors_page(server: SpaazaServer, ask: Ask) -> None:
    ask()
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", PATH)
    assert request.body == b'{"entity":"people","chain_id":1743,"join":"all","rules":[]}'
    headers = dict(request.headers)
    assert headers.pop("host") == server.base_url.removeprefix("http://")
    assert headers.pop("content-length") == str(len(request.body))
    headers.pop("user-agent", None)
    assert headers == {
        "x-spaaza-session-user-id": "1",
        "x-spaaza-session-key": session().key,
        "x-spaaza-session-chain-id": "1743",
        "content-type": "application/json",
        "accept-encoding": "gzip",
    }


def test_an_export_is_the_vendors_bytes_not_inflated(ask: Ask) -> None:
    assert gzip.decompress(ask()) == sample_csv()


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/json"}, {"Content-Encoding": "identity"}])
def test_the_bytes_decide_what_an_export_is_whatever_its_headers_say(
    server: SpaazaServer, ask: Ask, headers: dict[str, str]
) -> None:
    server.serve(replace(sample_users(), headers=headers))
    assert gzip.decompress(ask()) == sample_csv()


# --- What is not gzip -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        html_answer(f"<h1>Maintenance</h1>{SECRET_TEXT}"),
        json_answer({"result": {"code": 1, "status": "ok"}, "results": {"email": SECRET_TEXT}}),
        json_answer(spaaza_error(5)),
        Answer(200, EXPORT_HEADERS, b""),
        Answer(200, {"Content-Type": "text/csv"}, sample_csv()),
        Answer(200, EXPORT_HEADERS, f"ID,email\n1,{SECRET_TEXT}\n".encode()),
        gzip_answer(b"\x1f"),
        gzip_answer(b"\x1f\x8c" + SECRET_TEXT.encode()),
        gzip_answer(b"\x8b\x1f"),
        Answer(204, framing="content-length"),
        replace(sample_users(), status=206),
    ],
    ids=lambda answer: f"{answer.status} {answer.body[:30]!r}",
)
def test_an_answer_that_is_no_export_is_named_so(server: SpaazaServer, ask: Ask, answer: Answer) -> None:
    server.serve(answer)
    refused(ask, NotAnExport)
    assert len(server.requests) == 1


def test_the_first_two_bytes_may_come_one_by_one(server: SpaazaServer, ask: Ask) -> None:
    server.serve(replace(sample_users(), chunk_bytes=1))
    assert gzip.decompress(ask()) == sample_csv()


# --- No answer ------------------------------------------------------------------------------------------------------


def test_a_connection_that_is_refused_is_unavailable(ask: Ask) -> None:
    with SpaazaServer() as gone:
        pass
    refused(ask, ExportUnavailable, url=gone.base_url + PATH)


def test_a_server_that_speaks_no_tls_is_unavailable_and_never_told_the_key(server: SpaazaServer, ask: Ask) -> None:
    refused(ask, ExportUnavailable, url=server.base_url.replace("http:", "https:") + PATH)
    assert server.requests == []


def test_an_answer_that_does_not_begin_is_unavailable_after_the_read_timeout(server: SpaazaServer, ask: Ask) -> None:
    server.serve(replace(sample_users(), delay_seconds=3600))
    refused(ask, ExportUnavailable, read_timeout_seconds=0.1)


def test_waiting_for_an_answer_ends_when_the_functions_time_does(server: SpaazaServer, ask: Ask) -> None:
    ends_at = time.monotonic() + 30.3  # 30 s of it are kept for ending cleanly
    server.serve(replace(sample_users(), delay_seconds=3600))
    clock = Clock(lambda: int((ends_at - time.monotonic()) * 1000))
    refused(ask, OutOfTime, read_timeout_seconds=3600, clock=clock)


def test_without_time_left_nothing_is_asked(server: SpaazaServer, ask: Ask) -> None:
    refused(ask, OutOfTime, clock=HeldClock(left_seconds=0).clock())
    assert server.requests == []


@pytest.mark.parametrize(
    "answer", [refusal(503), refusal(401), html_answer("<p>"), generated_users(10**9), Answer(500, body=b"x" * 10**6)]
)
def test_no_connection_is_left_for_the_next_request_to_read_from(server: SpaazaServer, answer: Answer) -> None:
    server.serve(answer)
    with urllib3.PoolManager() as http:
        exports = SpaazaExports(http, server.base_url + PATH, 5, HeldClock().clock())
        with suppress(SnapshotError):
            exports.open(1743, session).close()
        server.serve(sample_users())
        with exports.open(1743, session) as export:
            assert gzip.decompress(b"".join(export.chunks())) == sample_csv()
