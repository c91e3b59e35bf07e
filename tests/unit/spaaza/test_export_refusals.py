"""What a refusal means: by its status, by Spaaza's error code, and by when to come again."""

import gzip
import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from sandbox.spaaza.answers import Answer, json_answer, redirect, refusal, sample_users
from sandbox.spaaza.server import SpaazaServer
from spaaza_snapshots.errors import ExportRejected, ExportUnavailable, NotAnExport, SessionExpired, SnapshotError
from tests.support.builders import HeldClock
from tests.support.exports import PATH, SECRET_TEXT, Ask, refused, spaaza_error

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
