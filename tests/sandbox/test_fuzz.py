"""The fuzzer's targets: whatever was kept breaks no promise, and a broken product is found by it."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import pytest

from sandbox.fuzz import answers, cells, documents, mutators, seeds, streams
from sandbox.fuzz.corpus import KEPT, TARGETS, kept
from sandbox.fuzz.target import MARK, Finding, refusal_or_answer
from sandbox.fuzz.truth import inflate
from spaaza_snapshots.errors import CredentialsError, ExportInterrupted, StorageError
from spaaza_snapshots.model.manifest import HeaderChanges, Manifest
from spaaza_snapshots.parquet.export_rows import ExportRows, Flaw, Row
from spaaza_snapshots.parquet.typed_sql import TYPED
from spaaza_snapshots.proof.csv_records import CsvRecords
from spaaza_snapshots.proof.gzip_csv import GzipCsvInspector, Inspection
from spaaza_snapshots.snapshot.request import SnapshotRequest, parse_request
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.spaaza.credentials import Session, read_session
from spaaza_snapshots.spaaza.export_stream import ExportStream
from spaaza_snapshots.spaaza.login import Passcode, SpaazaLogin

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_that_was_kept_breaks_a_promise(name: str) -> None:
    for called, data in kept(name):
        try:
            TARGETS[name].run(data)
        except Exception as error:
            error.add_note(f"The input is {called}")
            raise


def test_what_is_kept_is_small() -> None:
    sizes = {name: [path.stat().st_size for path in (KEPT / name).iterdir()] for name in TARGETS}
    assert {path.name for path in KEPT.iterdir()} == set(TARGETS)
    assert sum(map(sum, sizes.values())) < 1_000_000
    assert max(map(len, sizes.values())) <= 200


class TrailerUnchecked(GzipCsvInspector):
    """Takes a stream for whole wherever it ends."""

    def finish(self) -> Inspection:
        return replace(super().finish(), at_member_end=True)


class DoubledQuotesIgnored(CsvRecords):
    """Counts a CSV as if a quote in a quoted field were none."""

    def feed(self, block: bytes) -> None:
        super().feed(block.replace(b'""', b""))


class Lenient(ExportRows):
    """Takes a record with text behind a closing quote for what `csv.reader` makes of it."""

    def _row(self, record: list[str] | None) -> Row | Flaw:
        row = super()._row(record)
        return next(csv.reader(record)) if record and row is Flaw.STRAY_QUOTE else row


GENEROUS = {**TYPED, "bigint": lambda text: f"TRY_CAST({text} AS BIGINT)"}
"""DuckDB's own cast, which rounds."""


def cut_is_whole(stream: ExportStream) -> bytes:
    got = bytearray()
    try:
        for chunk in stream.chunks():
            got += chunk
    except ExportInterrupted:
        pass
    return bytes(got)


class KeyUnchecked(SpaazaLogin):
    """Takes a key with a line break for one."""

    def log_in(self, username: str, password: str) -> Session | Passcode:
        info = self._results("/auth/login", {"username": username, "password": password}, "password").get(
            "session_info"
        )
        if isinstance(info, dict) and "session_key" in info:
            return Session(str(info["session_user_id"]), info["session_key"], None)
        return super().log_in(username, password)


def end_forgotten(manager: "SecretsManagerClient", secret_id: str) -> Session:
    return replace(read_session(manager, secret_id), expires_at=None)


def every_chain(document: object, settings: Settings, now: datetime) -> SnapshotRequest:
    return replace(parse_request(document, settings, now), chain_ids=settings.chain_ids)


def repeated_names_lost(body: bytes, key: str) -> Manifest:
    found = Manifest.from_json(body, key)
    return replace(found, header=tuple(dict.fromkeys(found.header)))


def repeated_names_are_new(header: Sequence[str], previous: Manifest) -> HeaderChanges:
    repeated = tuple(name for place, name in enumerate(header) if name in header[:place])
    return HeaderChanges(previous.snapshot_date, repeated, (), reordered=False)


PLANTED: Sequence[tuple[str, Callable[[bytes], None]]] = [
    ("inspector", partial(streams.inspector, make=TrailerUnchecked)),
    ("records", partial(streams.records, make=DoubledQuotesIgnored)),
    ("rows", partial(streams.rows, make=Lenient)),
    ("cell", partial(cells.cell, sql=GENEROUS)),
    ("export", partial(answers.export, read=cut_is_whole)),
    ("login", partial(answers.login, make=KeyUnchecked)),
    ("secret", partial(documents.secret, read=end_forgotten)),
    ("event", partial(documents.event, parse=every_chain)),
    ("manifest", partial(documents.manifest, read=repeated_names_lost)),
    ("manifest", partial(documents.manifest, compare=repeated_names_are_new)),
]


@pytest.mark.parametrize(("name", "planted"), PLANTED)
def test_a_planted_defect_is_found(name: str, planted: Callable[[bytes], None]) -> None:
    assert any(breaks(planted, data) for _, data in kept(name))


def test_every_target_has_a_planted_defect() -> None:
    assert {name for name, _ in PLANTED} == set(TARGETS)


def breaks(run: Callable[[bytes], None], data: bytes) -> bool:
    try:
        run(data)
    except Finding:
        return True
    return False


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (StorageError("Damaged", "", ""), "is not documented here"),
        (CredentialsError("Damaged", MARK, ""), "an error quotes"),
        (CredentialsError("x" * 2_000, "", ""), "an error of 2,001 characters"),
    ],
)
def test_an_error_that_is_not_the_right_one_or_tells_too_much_is_a_finding(error: Exception, told: str) -> None:
    def ask() -> None:
        raise error

    with pytest.raises(Finding, match=told):
        refusal_or_answer(ask, (CredentialsError,))


def changed(seed: bytes, mutate: Callable[..., bytes]) -> Iterator[bytes]:
    return (mutate(seed, lambda part: part[::-1], Random(number)) for number in range(60))


def test_a_changed_content_is_compressed_again_with_a_right_checksum() -> None:
    body = b"\0\0\0\0" + mutators.member(b"ID,Name\n1,a\n")
    whole = [found for data in changed(body, mutators.of_gzip) if (found := inflate(data[4:])) and found.ended]
    assert len({found.content for found in whole}) > 20
    assert {found.members for found in whole} == {1, 2}


def test_a_changed_body_says_its_length() -> None:
    sound = seeds.answer(b'{"result": {"code": 1}}')
    peers = [answers.peer_of(data[1:]) for data in changed(sound, mutators.of_http)]
    assert len({peer.body for peer in peers if peer.body}) > 10


def test_a_changed_document_is_one_still() -> None:
    document = b"\0" + json.dumps({"a": {"b": [1, "c"]}}).encode()
    mostly = [json.loads(data[1:]) for data in changed(document, mutators.of_json) if data.startswith(b"\0")]
    assert len({json.dumps(one) for one in mostly}) > 15
