"""What a server sends where HTTP has a status or a size may be a person's record: no error quotes it, nor its cause."""

import time

import pytest

from sandbox.fuzz.answers import wire
from spaaza_snapshots.errors import ExportInterrupted, ExportUnavailable, OutOfTime, SnapshotError
from spaaza_snapshots.spaaza.export_api import SpaazaExports
from spaaza_snapshots.spaaza.login import SpaazaLogin
from tests.support.builders import HeldClock, all_texts, session
from tests.support.exports import SECRET_TEXT
from tests.support.login_calls import ACTS, Act

RECORD = b"1743,Jane," + SECRET_TEXT.encode()
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BEGUN = b"2\r\n\x1f\x8b\r\n"


def unquoted(error: SnapshotError) -> bool:
    return SECRET_TEXT not in all_texts(error)


@pytest.mark.parametrize("answer", [RECORD, b"HTTP/1.1 " + RECORD + b"\r\n\r\n", HEAD + RECORD + b"\r\n"])
def test_a_record_where_an_answer_should_begin_is_unavailable(answer: bytes) -> None:
    with wire(answer) as http, pytest.raises(ExportUnavailable) as caught:
        SpaazaExports(http, "http://127.0.0.1/", 5, HeldClock().clock()).open(1743, session)
    assert unquoted(caught.value)


def test_a_record_where_the_second_byte_of_gzip_should_be_is_quoted_by_no_peek() -> None:
    with wire(HEAD + b"1\r\n\x1f\r\n" + RECORD + b"\r\n") as http, pytest.raises(ExportUnavailable) as caught:
        SpaazaExports(http, "http://127.0.0.1/", 5, HeldClock().clock()).open(1743, session)
    assert "before the export began" in str(caught.value)
    assert unquoted(caught.value)


def test_a_record_where_a_chunk_should_begin_interrupts_the_export() -> None:
    with wire(HEAD + BEGUN + RECORD + b"\r\n") as http:
        exports = SpaazaExports(http, "http://127.0.0.1/", 5, HeldClock().clock())
        with exports.open(1743, session) as stream, pytest.raises(ExportInterrupted) as caught:
            list(stream.chunks())
    assert unquoted(caught.value)


def test_time_that_runs_out_while_such_a_record_comes_quotes_it_no_more() -> None:
    with wire(HEAD + BEGUN + RECORD + b"\r\n") as http:
        exports = SpaazaExports(http, "http://127.0.0.1/", 5, HeldClock(left_seconds=0.2).clock())
        with exports.open(1743, session) as stream, pytest.raises(OutOfTime) as caught:
            chunks = stream.chunks()
            next(chunks)
            time.sleep(0.4)  # the watchdog has shut the connection down by then
            next(chunks)
    assert unquoted(caught.value)


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_record_where_a_log_in_should_be_answered_is_unavailable(act: Act) -> None:
    with wire(RECORD) as http, pytest.raises(ExportUnavailable) as caught:
        act(SpaazaLogin(http, "http://127.0.0.1"))
    assert unquoted(caught.value)
