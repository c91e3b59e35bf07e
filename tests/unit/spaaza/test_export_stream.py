"""The body of an export on its way: every fault of the network, and what is told of an answer."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.spaaza.answers import EXPORT_HEADERS, Pause, gzip_answer, sample_users
from spaaza_snapshots.errors import ExportInterrupted, ExportUnavailable
from tests.support.builders import HeldClock
from tests.support.export_bodies import FRAMINGS, WHOLE, Open, received, refused

FRAMINGS_WITH_AN_END = ["chunked", "content-length"]
AT = [2, 100, len(WHOLE) - 1]


@pytest.mark.parametrize("chunk_bytes", [1, 997, 65_536, 10**6])
@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_body_comes_unchanged_in_every_framing(opened: Open, framing: str, chunk_bytes: int) -> None:
    answer = replace(gzip_answer(WHOLE), chunk_bytes=chunk_bytes)
    if chunk_bytes == 1:
        answer = replace(answer, body=WHOLE[:3_000])
    assert received(opened(answer, framing=framing)) == (answer.body, None)


def test_what_was_received_is_counted(opened: Open) -> None:
    stream = opened(gzip_answer(WHOLE))
    assert stream.received_bytes == 0
    received(stream)
    assert stream.received_bytes == len(WHOLE)


@pytest.mark.parametrize(
    ("framing", "expected"),
    [("chunked", "the last chunk came"), ("content-length", f"Content-Length {len(WHOLE)}"), ("close", None)],
)
def test_how_http_marks_the_end_is_known_and_a_closed_connection_marks_none(
    opened: Open, framing: str, expected: str | None
) -> None:
    assert opened(gzip_answer(WHOLE), framing=framing).declared_end == expected


@pytest.mark.parametrize("at", AT)
@pytest.mark.parametrize("framing", FRAMINGS_WITH_AN_END)
def test_a_cut_is_seen_where_http_declared_an_end(opened: Open, framing: str, at: int) -> None:
    stream = opened(replace(gzip_answer(WHOLE), cut_after_bytes=at), framing=framing)
    got, error = received(stream)
    assert type(error) is ExportInterrupted
    assert WHOLE[:at].startswith(got)


@pytest.mark.parametrize("framing", FRAMINGS_WITH_AN_END)
def test_a_cut_behind_the_last_byte_is_a_cut_unless_the_length_was_told(opened: Open, framing: str) -> None:
    got, error = received(opened(replace(gzip_answer(WHOLE), cut_after_bytes=len(WHOLE)), framing=framing))
    assert got == WHOLE
    assert type(error) is (ExportInterrupted if framing == "chunked" else type(None))


@pytest.mark.parametrize("at", AT)
@pytest.mark.parametrize(("framing", "fault"), [("close", "cut"), *((framing, "clean_end") for framing in FRAMINGS)])
def test_a_cut_that_http_cannot_tell_is_left_to_the_proof(opened: Open, framing: str, fault: str, at: int) -> None:
    broken: dict[str, Any] = {f"{fault}_after_bytes": at}
    assert received(opened(replace(gzip_answer(WHOLE), **broken), framing=framing)) == (WHOLE[:at], None)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_reset_in_the_body_interrupts_the_export(opened: Open, framing: str) -> None:
    pause = Pause(after_bytes=1_000)
    stream = opened(replace(gzip_answer(WHOLE), reset_after_bytes=1_000, pause=pause), framing=framing)
    pause.resume.set()
    assert "Protocol" in refused(stream, ExportInterrupted)


@pytest.mark.parametrize("at", [2, 100, len(WHOLE)])
@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_stall_in_the_body_ends_at_the_read_timeout(opened: Open, framing: str, at: int) -> None:
    stalled = replace(gzip_answer(WHOLE), stall_after_bytes=at)
    if framing == "content-length" and at == len(WHOLE):
        assert received(opened(stalled, framing=framing)) == (WHOLE, None)  # nothing is left to wait for
    else:
        assert "ReadTimeout" in refused(opened(stalled, framing=framing, read_timeout_seconds=0.2), ExportInterrupted)


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("fault", ["stall", "cut"])
@pytest.mark.parametrize("framing", FRAMINGS_WITH_AN_END)
def test_a_body_that_breaks_off_before_it_is_known_to_be_gzip_may_be_tried_again(
    opened: Open, framing: str, fault: str, at: int
) -> None:
    broken: dict[str, Any] = {f"{fault}_after_bytes": at}
    with pytest.raises((ExportUnavailable, ExportInterrupted)) as caught:
        opened(replace(gzip_answer(WHOLE), **broken), framing=framing, read_timeout_seconds=0.2)
    assert caught.value.hint


def test_an_interruption_tells_how_far_the_export_came(opened: Open) -> None:
    text = refused(opened(replace(gzip_answer(WHOLE), cut_after_bytes=12_345)), ExportInterrupted)
    assert "12,345 bytes" in text


def test_the_first_byte_has_the_time_at_which_it_came(opened: Open) -> None:
    held = HeldClock(now=datetime(2026, 11, 22, 3, 0, 7, tzinfo=UTC))
    stream = opened(sample_users(), clock=held.clock())
    held.pass_by(60)
    received(stream)
    assert stream.first_byte_at == datetime(2026, 11, 22, 3, 0, 7, tzinfo=UTC)


def test_the_rate_is_that_of_the_bytes_since_the_first(opened: Open) -> None:
    held = HeldClock()
    stream = opened(gzip_answer(WHOLE), clock=held.clock())
    received(stream)
    held.pass_by(0.5)
    assert stream.how_far() == f"{len(WHOLE):,} bytes of gzip in 0.5 s, {len(WHOLE) / 0.5 / 1e6:.2f} MB/s"


def test_headers_are_told_as_sent_and_not_at_any_length(opened: Open) -> None:
    stream = opened(replace(sample_users(), headers={**EXPORT_HEADERS, "X-Long": "x" * 10_000}))
    assert stream.header("content-disposition") == "attachment;filename=spaaza-export.csv"
    assert stream.header("X-None") is None
    assert len(stream.header("X-Long") or "") < 1_000
