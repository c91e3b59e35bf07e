"""Spaaza's bulk export: one POST, answered by a stream of gzip CSV.

Redirects are never followed, because the session key must not travel. The bytes decide what an answer is: only one
that begins as gzip can prove its end, whatever its headers say.
"""

import codecs
import json
import zlib
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

from spaaza_snapshots.base.background import in_background
from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.errors import (
    ASK_SPAAZA,
    NEXT_RUN,
    ExportRejected,
    ExportUnavailable,
    NotAnExport,
    SessionExpired,
    SnapshotError,
)
from spaaza_snapshots.proof.gzip_csv import GZIP_MAGIC
from spaaza_snapshots.spaaza.connections import reason
from spaaza_snapshots.spaaza.credentials import Session
from spaaza_snapshots.spaaza.export_stream import ExportStream

CONNECT_TIMEOUT_SECONDS = 10.0
REFUSAL_BYTES = 65_536
"""How much of an answer that is not an export is read, to find Spaaza's error code in it."""

REFUSAL_SECONDS = 3.0
"""How long that is waited for: its status has said enough."""

MARKUP = (b"{", b"[", b"<")

NO_VALID_SESSION = 6
PERMISSION_DENIED = 68


class SpaazaExports:
    """Opens exports at one address."""

    def __init__(self, http: urllib3.PoolManager, url: str, read_timeout_seconds: float, clock: Clock) -> None:
        self.url = url
        self._http = http
        self._read_timeout_seconds = read_timeout_seconds
        self._clock = clock

    def open(
        self, chain_id: int, read_session: Callable[[], Session], read_again: Callable[[Session], Session] | None = None
    ) -> ExportStream:
        """Ask for all users of a chain; where the session is refused it is read afresh and tried once more.

        `read_again` is given the session that was refused; without it `read_session` is called again.

        Raises `SessionExpired`, `ExportRejected`, `ExportUnavailable`, `NotAnExport`, `OutOfTime`, and what
        `read_session` raises.
        """
        session = read_session()
        try:
            return self._ask(chain_id, session)
        except _SessionDoubted:
            session = read_again(session) if read_again else read_session()  # somebody may have logged in since
        try:
            return self._ask(chain_id, session)
        except _SessionDoubted as doubt:
            raise doubt.error from None

    def _ask(self, chain_id: int, session: Session) -> ExportStream:
        stream = ExportStream(self._post_in_time(chain_id, session), self._clock)
        try:
            if _starts_as_export(stream):
                return stream
            raise refusal(stream, stream.peek(REFUSAL_BYTES, REFUSAL_SECONDS), self._clock.now())
        except BaseException:
            stream.close()
            raise

    def _post_in_time(self, chain_id: int, session: Session) -> urllib3.BaseHTTPResponse:
        """Wait no longer than the function lasts: a look-up or headers that trickle in know no timeout of their own."""
        answer = in_background(partial(self._post, chain_id, session), "request")
        try:
            return answer.result(timeout=max(self._clock.seconds_left(), 0))
        except TimeoutError:
            answer.add_done_callback(_close_late_answer)
            raise self._clock.out_of_time("waiting for the export to begin") from None

    def _post(self, chain_id: int, session: Session) -> urllib3.BaseHTTPResponse:
        # Read once: it is over at any instant, and urllib3 refuses a timeout below 0.
        wait_seconds = min(self._read_timeout_seconds, self._clock.require("asking for the export"))
        # Lambda freezes its environment for an hour: by then a kept connection is dead, and may not even say so.
        self._http.clear()
        try:
            return self._http.request(
                "POST",
                self.url,
                headers=_headers(chain_id, session),
                body=export_body(chain_id),
                timeout=urllib3.Timeout(connect=min(CONNECT_TIMEOUT_SECONDS, wait_seconds), read=wait_seconds),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except (HTTPError, OSError) as error:
            failed = reason(error)
        # not while that error is handled: its text quotes what came in place of a status
        self._clock.require("waiting for the export to begin")
        raise ExportUnavailable("Spaaza did not answer", failed, NEXT_RUN)


class _SessionDoubted(Exception):
    """A refusal that may be about the session; `error` says what it means when a session read afresh gets it too."""

    def __init__(self, error: SnapshotError) -> None:
        super().__init__(str(error))
        self.error = error


def _close_late_answer(answer: "Future[urllib3.BaseHTTPResponse]") -> None:
    if answer.exception() is None:
        answer.result().close()


def export_body(chain_id: int) -> bytes:
    """Return the body, exactly as Spaaza's page on the export wants it."""
    query: dict[str, Any] = {"entity": "people", "chain_id": chain_id, "join": "all", "rules": []}
    return json.dumps(query, separators=(",", ":")).encode()


def _headers(chain_id: int, session: Session) -> dict[str, str]:
    return {
        "X-Spaaza-Session-User-Id": session.user_id,
        "X-Spaaza-Session-Key": session.key,
        "X-Spaaza-Session-Chain-Id": str(chain_id),
        "Content-Type": "application/json",
        "Accept-Encoding": "gzip",
    }


def refusal(answer: ExportStream, body: bytes, now: datetime) -> Exception:
    """Say what an answer other than an export means, by its status and Spaaza's error code; its text is never shown."""
    status, code = answer.status, error_code(body)
    detail = f"HTTP {status}" if code is None else f"HTTP {status}, Spaaza's error code {code}"
    if status == 401 or code == NO_VALID_SESSION:
        hint = "Log in to Spaaza again and put the new session into the secret; the next run of the schedule uses it."
        return _SessionDoubted(SessionExpired("Spaaza does not know the session", detail, hint))
    hint = "Ask Spaaza whether this admin user may export this chain; check SPAAZA_ENVIRONMENT and SPAAZA_CHAIN_IDS."
    rejected = ExportRejected("Spaaza rejects this export", detail, hint)
    if status == 403:
        return _SessionDoubted(rejected)
    if code == PERMISSION_DENIED or (300 <= status < 500 and status not in (408, 429)):
        return rejected
    if status >= 400:
        retry_after_seconds = _retry_after_seconds(answer.header("Retry-After") or "", now)
        return ExportUnavailable("Spaaza cannot export now", detail, NEXT_RUN, retry_after_seconds)
    figures = f"{detail}, Content-Type {answer.header('Content-Type')}, {'a body' if body else 'no body'}"
    return NotAnExport("Spaaza's answer is not a gzip CSV", figures, ASK_SPAAZA)


def _starts_as_export(stream: ExportStream) -> bool:
    """Whether a 200 is gzip of anything but JSON or HTML, which is an error that something compressed on its way.

    Looks at as much of it as tells: in small chunks the first may hold no character yet.
    """
    start = stream.peek(len(GZIP_MAGIC)) if stream.status == 200 else b""
    if not start.startswith(GZIP_MAGIC):
        return False
    inflater, text, seen_bytes = zlib.decompressobj(wbits=31), b"", 0
    while not text and seen_bytes < len(start) <= REFUSAL_BYTES:
        try:
            text = inflater.decompress(start[seen_bytes:], REFUSAL_BYTES).removeprefix(codecs.BOM_UTF8).lstrip()
        except zlib.error:
            return True  # damaged: the inspector says where
        seen_bytes = len(start)
        if not text:
            start = stream.longer_start()
    return not text.startswith(MARKUP)


def error_code(body: bytes) -> int | None:
    """Find Spaaza's error code in either of its forms, `error` with a code or `errors` keyed by code; else None."""
    try:
        if body.startswith(GZIP_MAGIC):
            body = zlib.decompressobj(wbits=31).decompress(body, REFUSAL_BYTES)
    except zlib.error:
        return None
    document = json_answer(body)
    error, errors = document.get("error"), document.get("errors")
    if isinstance(error, dict):
        return _number(error.get("code"))
    return _number(next(iter(errors), None)) if isinstance(errors, dict) else None


def json_answer(body: bytes) -> dict[str, Any]:
    """Read the object of an answer; an empty one where it holds none: the parser's error would carry it."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(document, list) and document:
        document = document[0]  # some answers are wrapped in a list of one
    return document if isinstance(document, dict) else {}


def _number(code: object) -> int | None:
    """Accept what can be an error code only: anything else might be somebody's data."""
    return int(str(code)) if str(code).isdecimal() and len(str(code)) <= 6 else None


def _retry_after_seconds(value: str, now: datetime) -> float | None:
    """Read Retry-After, seconds or an HTTP date (RFC 9110, 10.2.3)."""
    if value.strip().isdecimal():
        return float(value)
    try:
        instant = parsedate_to_datetime(value).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return max((instant - now).total_seconds(), 0.0)
