"""How the export is asked for, and what every answer that is no export means."""

import gzip
import json
import ssl
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sandbox.spaaza.answers import (
    EXPORT_HEADERS,
    Answer,
    generated_users,
    gzip_answer,
    html_answer,
    json_answer,
    redirect,
    refusal,
    sample_users,
)
from sandbox.spaaza.server import SpaazaServer
from sandbox.spaaza.users import sample_csv
from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.errors import (
    CredentialsError,
    ExportRejected,
    ExportUnavailable,
    NotAnExport,
    OutOfTime,
    SessionExpired,
    SnapshotError,
)
from spaaza_snapshots.spaaza.credentials import Session
from spaaza_snapshots.spaaza.export_api import SpaazaExports
from tests.support.builders import HeldClock, all_texts, session

PATH = "/segments/export/users"
SECRET_TEXT = "jane.doe@example.com"
Ask = Callable[..., bytes]


@pytest.fixture
def server() -> Iterator[SpaazaServer]:
    with SpaazaServer() as server:
        yield server


@pytest.fixture
def ask(server: SpaazaServer) -> Iterator[Ask]:
    """Ask for an export and return its bytes; sessions are read from the list, the last again and again."""

    def ask(
        *sessions: Session,
        url: str = server.base_url + PATH,
        read_timeout_seconds: float = 5,
        clock: Clock | None = None,
    ) -> bytes:
        to_read = list(sessions or [session()])
        exports = SpaazaExports(http, url, read_timeout_seconds, clock or HeldClock().clock())
        with exports.open(1743, lambda: to_read.pop(0) if len(to_read) > 1 else to_read[0]) as export:
            return b"".join(export.chunks())

    with urllib3.PoolManager() as http:
        yield ask


def refused(ask: Ask, expected: type[SnapshotError], **changes: Any) -> SnapshotError:
    """Ask, and return the error; neither the key nor a word of any body may show in it."""
    with pytest.raises(expected) as caught:
        ask(**changes)
    assert type(caught.value) is expected
    texts = all_texts(caught.value)
    assert session().key not in texts
    assert SECRET_TEXT not in texts
    assert caught.value.hint
    return caught.value


def spaaza_error(code: object, *, old: bool = False, wrapped: bool = False) -> Any:
    """Spaaza's error in its present form, or in the one from before 1.4.0; some samples are wrapped in a list."""
    about = {"name": "an_error", "description": SECRET_TEXT}
    error = (
        {"errors": {str(code): {**about, "extrainfo": {"msg": SECRET_TEXT}}}}
        if old
        else {"error": {"code": code, **about}}
    )
    document = {"result": {"code": 2, "status": "error"}, **error}
    return [document] if wrapped else document


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


# --- Refusals by status ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_redirect_is_never_followed(server: SpaazaServer, ask: Ask, status: int, elsewhere: bool) -> None:
    with SpaazaServer() as other:
        server.script(redirect((other if elsewhere else server).base_url + PATH, status))
        refused(ask, ExportRejected)
        assert other.requests == []
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        *((refusal(status), ExportRejected) for status in (304, 400, 402, 404, 405, 410, 413, 415, 418, 422, 451)),
        (refusal(405, 4), ExportRejected),
        (refusal(500, 68), ExportRejected),
        *((refusal(status), ExportUnavailable) for status in (408, 429, 500, 501, 502, 503, 504, 529)),
        (refusal(500, 5), ExportUnavailable),
        (json_answer({"error": "none"}, 500), ExportUnavailable),
        (replace(sample_users(), status=503), ExportUnavailable),
        (replace(sample_users(), status=404), ExportRejected),
    ],
    ids=lambda value: f"{value.status} {value.body!r:.40}" if isinstance(value, Answer) else value.__name__,
)
def test_a_refusal_means_what_its_status_says(
    server: SpaazaServer, ask: Ask, answer: Answer, expected: type[SnapshotError]
) -> None:
    server.serve(answer)
    error = refused(ask, expected)
    assert f"HTTP {answer.status}" in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 302, 429, 503])
@pytest.mark.parametrize("fault", ["cut_after_bytes", "stall_after_bytes"])
def test_a_refusal_whose_body_breaks_off_means_the_same(
    server: SpaazaServer, ask: Ask, status: int, fault: str
) -> None:
    broken: dict[str, Any] = {fault: 2}
    server.serve(replace(refusal(status, headers={"Retry-After": "7"}), **broken))
    expected = {401: SessionExpired, 429: ExportUnavailable, 503: ExportUnavailable}.get(status, ExportRejected)
    error = refused(ask, expected, read_timeout_seconds=0.3)
    if isinstance(error, ExportUnavailable):
        assert error.retry_after_seconds == 7


# --- The session ----------------------------------------------------------------------------------------------------


def test_a_session_that_was_replaced_meanwhile_is_read_afresh_and_asked_with_again(
    server: SpaazaServer, ask: Ask
) -> None:
    assert gzip.decompress(ask(session("0" * 64), session())) == sample_csv()
    assert [request.headers["x-spaaza-session-key"] for request in server.requests] == ["0" * 64, session().key]


@pytest.mark.parametrize(
    "answer",
    [
        refusal(401),
        refusal(401, 6),
        refusal(500, 6),
        json_answer(spaaza_error(6)),
        json_answer(spaaza_error(6, old=True)),
    ],
    ids=lambda answer: f"{answer.status} {answer.body[:60]!r}",
)
def test_a_session_refused_twice_has_expired(server: SpaazaServer, ask: Ask, answer: Answer) -> None:
    server.serve(answer)
    refused(ask, SessionExpired)
    assert len(server.requests) == 2


def test_a_403_may_be_about_an_old_session(server: SpaazaServer, ask: Ask) -> None:
    server.script(refusal(403))
    assert gzip.decompress(ask()) == sample_csv()
    assert len(server.requests) == 2


def test_a_403_with_a_session_read_afresh_is_a_rejection(server: SpaazaServer, ask: Ask) -> None:
    server.serve(refusal(403, 5))
    refused(ask, ExportRejected)
    assert len(server.requests) == 2


def test_the_second_refusal_is_the_one_that_counts(server: SpaazaServer, ask: Ask) -> None:
    server.script(refusal(401, 6), refusal(503))
    refused(ask, ExportUnavailable)
    server.script(refusal(403), refusal(401, 6))
    refused(ask, SessionExpired)


def test_a_secret_that_can_not_be_read_asks_for_nothing(server: SpaazaServer) -> None:
    def no_session() -> Session:
        raise CredentialsError("The secret is empty")

    with urllib3.PoolManager() as http, pytest.raises(CredentialsError):
        SpaazaExports(http, server.base_url + PATH, 5, HeldClock().clock()).open(1743, no_session)
    assert server.requests == []


# --- Spaaza's error codes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("old", [False, True])
def test_a_permission_error_is_known_by_its_code_in_either_form(
    server: SpaazaServer, ask: Ask, old: bool, wrapped: bool
) -> None:
    server.serve(json_answer(spaaza_error(68, old=old, wrapped=wrapped), 500))
    assert "68" in str(refused(ask, ExportRejected))


def test_an_error_body_may_be_gzip_itself(server: SpaazaServer, ask: Ask) -> None:
    body = gzip.compress(json.dumps(spaaza_error(68)).encode(), mtime=0)
    server.serve(Answer(500, {"Content-Type": "application/json", "Content-Encoding": "gzip"}, body))
    refused(ask, ExportRejected)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        SECRET_TEXT.encode(),
        b"\xff\xfe\x00",
        b"[]",
        b"[" * 60_000,
        b'"error"',
        b'{"error": null}',
        b'{"error": [68]}',
        b'{"error": {"code": "%s"}}' % SECRET_TEXT.encode(),
        b'{"error": {"code": {"68": 68}}}',
        b'{"error": {"code": true}}',
        b'{"error": {"code": %s}}' % (b"9" * 5000),
        b'{"errors": {"%s": {}}}' % SECRET_TEXT.encode(),
        b'{"errors": [68]}',
        b"\x1f\x8b" + SECRET_TEXT.encode(),
        gzip.compress(SECRET_TEXT.encode(), mtime=0)[:-9],
    ],
    ids=lambda body: repr(body[:40]),
)
def test_an_error_body_of_any_other_form_has_no_code(server: SpaazaServer, ask: Ask, body: bytes) -> None:
    server.serve(Answer(500, {"Content-Type": "application/json"}, body))
    refused(ask, ExportUnavailable)


def test_of_an_endless_error_body_or_one_that_inflates_endlessly_little_is_held(server: SpaazaServer, ask: Ask) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b" " * 65_536

    bomb = gzip.compress(bytes(64 * 1024 * 1024), mtime=0)
    server.script(Answer(500, body=endless), Answer(500, body=bomb), Answer(200, body=endless))
    tracemalloc.start()
    try:
        refused(ask, ExportUnavailable)
        refused(ask, ExportUnavailable)
        refused(ask, NotAnExport)
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()


# --- Retry-After ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "expected"), [("0", 0), ("7", 7), (" 120 ", 120), ("", None), ("soon", None), ("-1", None), ("1.5", None)]
)
def test_retry_after_in_seconds_is_kept_and_anything_odd_is_as_if_not_there(
    server: SpaazaServer, ask: Ask, status: int, value: str, expected: float | None
) -> None:
    server.serve(refusal(status, headers={"Retry-After": value}))
    error = refused(ask, ExportUnavailable)
    assert isinstance(error, ExportUnavailable)
    assert error.retry_after_seconds == expected


@pytest.mark.parametrize(("seconds", "expected"), [(30, 30), (36_000, 36_000), (0, 0), (-30, 0)])
def test_retry_after_may_be_an_http_date(server: SpaazaServer, ask: Ask, seconds: int, expected: int) -> None:
    held = HeldClock()
    at = format_datetime(held.now + timedelta(seconds=seconds), usegmt=True)
    server.serve(refusal(429, headers={"Retry-After": at}))
    error = refused(ask, ExportUnavailable, clock=held.clock())
    assert isinstance(error, ExportUnavailable)
    assert error.retry_after_seconds == expected


@pytest.mark.parametrize("value", ["Fri, 31 Dec 9999 23:59:59 -1400", "Sun, 22 Nov 2026", "9" * 400])
def test_no_retry_after_is_too_odd(server: SpaazaServer, ask: Ask, value: str) -> None:
    server.serve(refusal(429, headers={"Retry-After": value}))
    refused(ask, ExportUnavailable)


# --- What is no gzip ------------------------------------------------------------------------------------------------


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


def test_a_server_whose_certificate_nobody_vouches_for_is_never_told_the_key(tmp_path: Path, ask: Ask) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path / "certificate.pem"))
    with SpaazaServer() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        refused(ask, ExportUnavailable, url=server.base_url.replace("http:", "https:") + PATH)
        assert server.requests == []


def self_signed(path: Path) -> Path:
    """Write a key and a certificate for 127.0.0.1 that only they themselves vouch for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    return path


def test_an_answer_that_does_not_begin_is_unavailable_after_the_read_timeout(server: SpaazaServer, ask: Ask) -> None:
    server.serve(replace(sample_users(), delay_seconds=3600))
    refused(ask, ExportUnavailable, read_timeout_seconds=0.2)


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
