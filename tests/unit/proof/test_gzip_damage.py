"""No damage to a gzip stream passes, wherever it lies."""

import gzip
from itertools import product

import pytest

from spaaza_snapshots.errors import ASK_SPAAZA, NEXT_RUN, ExportInterrupted, NotAnExport
from spaaza_snapshots.proof.gzip_csv import (
    FCOMMENT,
    FIXED_HEADER_BYTES,
    FNAME,
    GZIP_HEADER_LIMIT_BYTES,
    GzipCsvInspector,
)
from tests.support.builders import all_texts
from tests.support.gzip_members import (
    ALL_FIELDS,
    CONTENT,
    FIRST,
    NO_TIME_NO_SYSTEM,
    SECOND,
    inspected,
    member,
    single_bytes,
)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(FIRST + SECOND, id="two members"),
        pytest.param(member(CONTENT, ALL_FIELDS), id="all optional fields"),
    ],
)
def test_no_changed_bit_is_accepted_unless_it_changes_nothing(body: bytes) -> None:
    for place, bit in product(range(len(body)), range(8)):
        changed = bytearray(body)
        changed[place] ^= 1 << bit
        for chunks in ([bytes(changed)], single_bytes(bytes(changed))):
            try:
                accepted = inspected(chunks).at_member_end
            except (NotAnExport, ExportInterrupted):
                accepted = False
            assert not accepted or gzip.decompress(changed) == CONTENT


@pytest.mark.parametrize("flag", [FNAME, FCOMMENT], ids=["name", "comment"])
def test_a_gzip_header_that_does_not_end_within_its_limit_is_damage(flag: int) -> None:
    unended = (b"\x1f\x8b\x08" + bytes([flag]) + NO_TIME_NO_SYSTEM).ljust(GZIP_HEADER_LIMIT_BYTES, b"a")
    plain = gzip.compress(CONTENT, mtime=0)[FIXED_HEADER_BYTES:]

    assert inspected([unended, b"\0" + plain]).at_member_end
    with pytest.raises(ExportInterrupted, match="damaged"):
        inspected([unended, b"a"])


@pytest.mark.parametrize("flag", [0x20, 0x40, 0x80])
def test_a_reserved_flag_is_damage_in_any_member(flag: int) -> None:
    for before, sound in ((b"", FIRST), (FIRST, SECOND)):
        flagged = before + sound[:3] + bytes([flag]) + sound[4:]
        for chunks in ([flagged], single_bytes(flagged)):
            with pytest.raises(ExportInterrupted, match="damaged"):
                inspected(chunks)


def test_damage_is_told_by_its_member_and_its_place_and_the_next_run_exports_again() -> None:
    wrong_trailer = FIRST + SECOND[:-1] + b"\xff"
    with pytest.raises(ExportInterrupted) as caught:
        inspected([FIRST, wrong_trailer[len(FIRST) :], b"the rest"])
    assert caught.value.args == (
        "The gzip stream is damaged", f"member 2, before byte {len(wrong_trailer):,}", NEXT_RUN
    )  # fmt: skip

    with pytest.raises(ExportInterrupted) as caught:
        inspected([FIRST, b"no member"])
    assert caught.value.args == ("Other bytes follow the gzip stream", f"from byte {len(FIRST):,} on", NEXT_RUN)


@pytest.mark.parametrize("behind", [b"\0", b"\0" * 512, b"ID,Name\n", b"\x1f\0", b"\x1f\x1f\x8b"])
def test_bytes_behind_the_last_member_that_begin_no_other_are_refused(behind: bytes) -> None:
    body = FIRST + SECOND + behind
    for chunks in ([body], [FIRST + SECOND, behind], single_bytes(body)):
        with pytest.raises(ExportInterrupted, match=f"from byte {len(FIRST + SECOND)}"):
            inspected(chunks)


@pytest.mark.parametrize("body", [b'{"errors":[]}', b"ID,Name\n", b"PK\x03\x04", b"\x1f\x9d\x90", b"\x1f\0", b"\0"])
def test_what_does_not_begin_as_gzip_is_not_an_export(body: bytes) -> None:
    for chunks in ([body], single_bytes(body)):
        with pytest.raises(NotAnExport) as caught:
            inspected(chunks)
        assert caught.value.args == ("The answer is not gzip", "it does not start with 1f 8b", ASK_SPAAZA)


def test_half_of_the_magic_is_not_judged_before_the_other_half_is_there() -> None:
    inspector = GzipCsvInspector()
    inspector.feed(b"\x1f")
    assert not inspector.finish().at_member_end

    with pytest.raises(NotAnExport):
        inspector.feed(b"\x8c")


@pytest.mark.parametrize("from_the_end", range(1, 9))
def test_a_wrong_crc_or_length_in_any_trailer_is_damage(from_the_end: int) -> None:
    for before, sound, after in ((b"", FIRST, SECOND), (FIRST, SECOND, b"")):
        wrong = bytearray(sound)
        wrong[-from_the_end] ^= 0xFF
        with pytest.raises(ExportInterrupted, match="damaged"):
            inspected([before + wrong + after])


def test_no_error_says_what_is_in_the_export() -> None:
    secret = b"ID,e-mail\n" + b"anna@example.com\n" * 50
    damaged = bytearray(gzip.compress(secret, 0))
    damaged[60] ^= 1
    for body in (secret, bytes(damaged), gzip.compress(secret) + secret, gzip.compress(b"anna@example.com\xff\n")):
        with pytest.raises((NotAnExport, ExportInterrupted)) as caught:
            inspected([body])
        assert "anna" not in all_texts(caught.value)
