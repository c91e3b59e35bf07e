"""What each search starts from: small sound inputs and each known kind of damage, with invented people alone."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from sandbox.fuzz.documents import RUN_ID, SNAPSHOT
from sandbox.fuzz.mutators import member
from sandbox.fuzz.target import MARK
from sandbox.spaaza.users import HEADER
from spaaza_snapshots.model.columns import columns_of
from spaaza_snapshots.model.manifest import Check, HeaderChanges, Manifest, Producer, Raw, Source
from spaaza_snapshots.model.quality import CastErrors, Quality, Reject

NAMES: Final = ",".join(HEADER).encode()
REST: Final = b"," * (len(HEADER) - 2)
SIZES: Final = (b"\0\0\0\0", b"\x01\x02\x03\x01", b"\x05\0\x01\x09")


def contents() -> Iterator[bytes]:
    """Yield small CSVs: line ends, quotes and breaks of every kind, sound and damaged."""
    yield from (b"", b"\n\n", b"ID,Name\n", b"ID,Name\n1,a\n2,b", b"\xef\xbb\xbfID,Name\r\n1,a\r\n\r\n2,b\r\n")
    yield from (b'"ID","Name"\n"1","a ""b"" c"\n', b'ID,Name\n1,"two\nlines"\n2,"c\r\nd"\n', b"ID\r1\r2\r")
    yield from (b'ID,Name\n1,"open\n2,b\n', b'ID,Name\n1,"a"b"c"\n2,a"b\n', b"ID,Name\n1\n2,b,c\n3,\xff\xfe\n")
    yield from (b'""\n""\n', b"\xffID,N\n1,2\n", 'ID,Näme\n1,"é😀"\n'.encode(), b'ID,Name\n1,a\0b\n2,"\0"\n')
    yield NAMES + b"\n1,Ann" + REST + b'\n2,"Bo, ""B""' + b'"' + REST + b"\n"
    yield NAMES + b'\r\n1,"Ann\r\nB."' + REST + b"\r\n2,Bo" + REST[1:] + b"\r\n"


def inspector() -> Iterator[bytes]:
    """Yield them compressed: with every optional field, in several members, cut, damaged and with trailing bytes."""
    for number, content in enumerate(contents()):
        yield SIZES[number % 3] + member(content, flags=(0, 2, 4, 8, 16, 30)[number % 6], level=(6, 0)[number % 2])
    body = gzip.compress(NAMES + b"\n1,Ann" + REST + b"\n", mtime=0)
    broken = (
        body[:-8],
        body[:-1],
        body[:12],
        body + b"x",
        body + b"\x1f",
        body[:-8] + b"\0" * 8,
        b"ID,Name\n1,a\n",
        b"",
    )
    for piece in (*broken, body + body, body[:3] + b"\xe0" + body[4:], body[:2] + b"\x07" + body[3:]):
        yield SIZES[2] + piece


def records() -> Iterator[bytes]:
    """Yield them as they are."""
    return (SIZES[number % 3] + content for number, content in enumerate(contents()))


def rows() -> Iterator[bytes]:
    """Yield them with the limits that the rows are read under."""
    for number, content in enumerate(contents()):
        yield bytes([number % 3, 7 * number % 256]) + content
    yield b'\x01\x03ID,Name\n1,"' + b"x" * 450 + b"\n2,b\n"


def answers(*, bodies: bool = True) -> Iterator[bytes]:
    """Yield answers: each way of framing, and each kind of refusal."""
    about = {"name": MARK, "description": MARK}
    refusals: list[Any] = [{"error": {"code": code, **about}} for code in (5, 6, 68, "6", MARK, 10**7, True)]
    refusals += [[refusals[0]], {"errors": {"6": about}}, {"errors": {MARK: about}}, [], 7, {"error": MARK}]
    for number, document in enumerate(refusals):
        status = (200, 400, 401, 403, 404, 408, 429, 500, 503)[number % 9]
        yield answer(json.dumps(document).encode(), status, f"X: {MARK}")
    yield answer(gzip.compress(json.dumps(refusals[1]).encode(), mtime=0), 500)
    for wait in ("7", "Sun, 22 Nov 2026 03:00:30 GMT", MARK, "99999999999999999999", "Mon, 01 Jan 0001 00:00:00 +2359"):
        yield answer(b"", 503, f"Retry-After: {wait}")
    yield answer(b"", 302, f"Location: https://{MARK}.example/")
    yield b"\0HTTP/1.1 100 Continue\r\n\r\n" * 12 + b"HTTP/1.1 200 OK\r\n\r\n"
    yield from (b"\0", b"\0" + MARK.encode(), b"\0HTTP/1.1 200 OK\r\n", f"\0HTTP/1.1 {MARK} OK\r\n\r\n".encode())
    body = gzip.compress(b"ID,Name\n1,Ann\n", mtime=0)
    for framed in _framings(body if bodies else json.dumps({"result": {"code": 1}}).encode()):
        yield b"\0HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n" + framed


def _framings(body: bytes) -> Iterator[bytes]:
    length, chunked = b"Content-Length: %d\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"
    yield from (length % len(body) + body, length % (len(body) + 9) + body, b"Connection: close\r\n\r\n" + body)
    chunks = b"5\r\n%b\r\n%x;x=y\r\n%b\r\n" % (body[:5], len(body) - 5, body[5:])
    yield from (chunked + chunks + b"0\r\n\r\n", chunked + chunks, chunked + b"-5\r\n" + body)
    yield from (chunked + b"fffffff\r\n" + body, chunked + b"x\r\n" + body + b"\r\n0\r\n\r\n")
    yield b"Transfer-Encoding: gzip, chunked\r\n\r\n" + chunks + b"0\r\nTrailer: x\r\n\r\n"


def answer(body: bytes, status: int = 200, header: str = "Content-Type: application/json") -> bytes:
    """Return the bytes of an answer after the byte that chooses a call."""
    return f"\0HTTP/1.1 {status} Status\r\n{header}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def logins() -> Iterator[bytes]:
    """Yield answers to each of the four calls of the log-in."""
    info = {"session_user_id": 1, "session_key": "k-1", "session_expires_date": "2026-12-06 11:19:10"}
    odd = {**info, "session_expires_date": "0009-01-01 00:00:00"}
    results: tuple[Any, ...] = (
        {"session_info": info}, {"session_info": {**info, "session_key": "a\r\nb: c"}}, {"session_info": odd}, None,
        {"session_passcode_key": "p-1", "session_passcode_expiry_date": MARK}, {"session_info": [MARK]},
    )  # fmt: skip
    for call in range(4):
        for result in results:
            document = {"result": {"code": 1, "status": "ok"}, "results": result}
            yield bytes([call]) + answer(json.dumps([document] if call == 1 else document).encode())[1:]
        for seed in answers(bodies=False):
            yield bytes([call]) + seed[1:]


def secrets() -> Iterator[bytes]:
    """Yield both kinds of secrets, sound and not."""
    session = {"session_user_id": "1", "session_key": MARK, "session_expires_date": "2026-12-06 11:19:10"}
    login = {"username": MARK, "password": MARK}
    changes: tuple[dict[str, Any], ...] = (
        {}, {"session_user_id": 1}, {"session_user_id": True}, {"session_key": f"{MARK}\n"}, {"session_key": None},
        {"session_expires_date": None}, {"session_expires_date": "0999-12-06 11:19:10"}, {"session_expires_date": MARK},
    )  # fmt: skip
    yield from (b"\0" + json.dumps({**session, **change}).encode() for change in changes)
    others: tuple[dict[str, Any], ...] = ({}, {"password": ""}, {"username": 1})
    yield from (b"\x01" + json.dumps({**login, **change}).encode() for change in others)
    for text in (b"", MARK.encode(), b"[]", b'"' + MARK.encode(), b"\xff", b"[" * 2_000, b"1" * 4_000, b"NaN"):
        yield from (b"\0" + text, b"\x01" + text)


def events() -> Iterator[bytes]:
    """Yield payloads for each of the three functions."""
    envelope = {"source": "spaaza.snapshots", "time": "2026-11-22T02:00:00Z", "id": MARK}
    detail = {"chain_id": 1743, "date": "2026-11-22"}
    payloads: tuple[Any, ...] = (
        {}, {"chain_id": 1743, "force": True}, {"chain_ids": [1743, 1783], "scheduled_time": "2026-11-22T02:00:00Z"},
        {**envelope, "detail-type": "Snapshot Requested", "detail": {**detail, "force": False}},
        {**envelope, "detail-type": "Scheduled Event"}, {**detail, "accept": True}, {**detail, "rebuild": True},
        {**envelope, "detail-type": "Snapshot Completed", "detail": {**detail, "run_id": MARK}}, {MARK: MARK},
        {**envelope, "detail-type": MARK, "source": [MARK]}, [], None, MARK, 7, {"chain_id": 10**30}, {"date": MARK},
        {"Step": "createSecret", "SecretId": "arn:1", "ClientRequestToken": MARK}, {"Step": MARK, "SecretId": MARK},
    )  # fmt: skip
    for reader in range(3):
        yield from (bytes([reader]) + json.dumps(payload).encode() for payload in payloads)


def manifests() -> Iterator[bytes]:
    """Yield a manifest under both its keys, and a report."""
    names = ("ID", "Gender", "ID", "")
    raw = Raw("snapshots", SNAPSHOT.raw_key, None, '"a-1"', 45, 27, "00" * 32, "CRC32", "AAAAAA==", 1, 1)
    changes = HeaderChanges("2026-11-21", ("Gender",), (), reordered=False)
    times = ("2026-11-22T03:00:00.000Z",) * 4
    found = Manifest(
        "1", Producer(), RUN_ID, "users", "test01", 1743, "2026-11-22", names, columns_of(names), 2, 0, raw, changes,
        (Check("header_present", required=True, passed=True, notes="2 columns"),),
        Source("https://services-test01.spaaza.com/", "text/csv", None, 1), *times,
    )  # fmt: skip
    report = Quality(RUN_ID, 2, 1, 1, (CastErrors("gender", 1),), (Reject(2, "not UTF-8"),), times[0])
    documents: tuple[dict[str, Any], ...] = (
        {}, {"snapshot_date": "20261122"}, {"header": ["\ud800"]}, {"chain_id": True}, {"started_at": MARK},
    )  # fmt: skip
    for change in documents:
        body = json.dumps({**asdict(found), **change}).encode()
        yield from (b"\0" + body, b"\x01" + body)
    yield from (b"\x02" + report.to_json(), b"\x02{}", b"\0{}", b"\0" + MARK.encode(), b"\0[" + b"[" * 2_000, b"\0")
