"""The record of an erasure, and whose proof finishes it, on a real bucket."""

import gzip
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from spaaza_snapshots.model import keys
from spaaza_snapshots.model.erasure import ErasedDay, ErasedVersion, Erasure
from spaaza_snapshots.model.manifest import utc_text
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.upkeep.days import State, day_of
from spaaza_snapshots.upkeep.erasure import ErasureProof, erase, prove
from spaaza_snapshots.upkeep.erasure_plan import Search
from spaaza_snapshots.upkeep.person import People
from spaaza_snapshots.upkeep.versions import Upload, Version, VersionedBucket
from tests.support.builders import NOW

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

DAY = SnapshotId(1743, date(2026, 11, 20))
PEOPLE = People((404100, 404101))
ANN, BEN = People((404100,)), People((404101,))
TODAY = date(2026, 11, 22)


RECORD = Erasure(
    erasure_id="20261122T030000Z-0f8fad5b",
    chain_id=1743,
    started_at="2026-11-22T03:00:00.000Z",
    finished_at=None,
    days=(ErasedDay("2026-11-20", True, True, 1, 1, 0, 100), ErasedDay("2026-11-19", False, True, 1, 1, 0, 100)),
    versions=(),
)


def test_a_day_is_erased_if_a_record_says_that_its_export_went(s3: "S3Client", bucket: str) -> None:
    store = SnapshotStore(s3, bucket)
    for record in (RECORD, replace(RECORD, erasure_id="20261121T030000Z-0f8fad5b", days=())):
        s3.put_object(Bucket=bucket, Key=record.key, Body=record.to_json())
    for key, body in (("erasures/users/chain_id=1743/0.json", b"[]"), ("erasures/users/chain_id=17/0.json", b"{}")):
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    found = store.erasures(1743)
    assert [record.erasure_id[:8] for record in found.records] == ["20261121", "20261122"]
    assert (found.unfinished, found.damaged) == (found.records, ("erasures/users/chain_id=1743/0.json",))
    days = [SnapshotId(chain, date(2026, 11, day)) for chain, day in ((1743, 20), (1743, 19), (17, 20))]
    assert [day_of(store, day, TODAY).state for day in days] == [State.ERASED, State.MISSING, State.MISSING]


def test_a_record_is_finished_once_nothing_of_it_is_left_by_those_who_began_it(versioned: VersionedBucket) -> None:
    put = versioned.s3.put_object(Bucket=versioned.name, Key=DAY.raw_key, Body=export_of(7))
    of_others = replace(RECORD, versions=(ErasedVersion(DAY.raw_key, put["VersionId"]),))
    record = replace(of_others, erasure_id="20261122T040000Z-1", people_salt="5a", people_hash=PEOPLE.hashed("5a"))
    for one in (of_others, record):
        versioned.s3.put_object(Bucket=versioned.name, Key=one.key, Body=one.to_json())
    assert proof_of(versioned, PEOPLE).open_records == (of_others, record)
    versioned.delete(list(versioned.versions(DAY.raw_key)))
    assert proof_of(versioned, PEOPLE).open_records == (of_others,)
    finished = replace(record, finished_at=utc_text(NOW), people_salt=None, people_hash=None)
    assert records(versioned) == (of_others, finished)


class Stopping(VersionedBucket):
    """A bucket on which an erasure ends at its first deletion, or before it."""

    stops_at = "delete"

    def abort(self, uploads: Iterable[Upload]) -> None:
        if self.stops_at == "abort":
            raise InterruptedError
        super().abort(uploads)

    def delete(self, versions: Iterable[Version]) -> None:
        if list(versions):
            raise InterruptedError


@pytest.mark.parametrize("stops_at", ["abort", "delete"])
def test_the_proof_of_one_finishes_no_erasure_of_another(
    versioned: VersionedBucket, tmp_path: Path, stops_at: str
) -> None:
    put_day(versioned, tmp_path)
    stopping = Stopping(versioned.s3, versioned.name)
    stopping.stops_at = stops_at
    with pytest.raises(InterruptedError):
        erased(stopping, ANN)
    (begun,) = records(versioned)

    proof = erased(versioned, BEN)
    assert (proof.is_clean, [record.key for record in proof.open_records]) == (True, [begun.key])
    assert [record.key for record in records(versioned) if record.finished_at is None] == [begun.key]
    assert len(records(versioned)) == 2
    both = People((*ANN.ids, *BEN.ids))
    assert [record.key for record in proof_of(versioned, both).open_records] == [begun.key]

    assert typed_numbers(versioned, tmp_path) == [7, *ANN.ids]
    assert erased(versioned, ANN).open_records == ()
    assert typed_numbers(versioned, tmp_path) == [7]
    assert all(record.finished_at for record in records(versioned))


def test_a_finished_record_and_what_it_was_before_say_nothing_of_who(
    versioned: VersionedBucket, tmp_path: Path
) -> None:
    put_day(versioned, tmp_path)
    assert erased(versioned, ANN).is_clean
    (record,) = records(versioned)
    assert (record.people_salt, record.people_hash) == (None, None)
    assert [found.key for found in versioned.versions(keys.ERASURES_ROOT)] == [record.key]

    begun = replace(record, finished_at=None, people_salt="5a", people_hash=ANN.hashed("5a"))
    for one in (begun, record):  # of a run that was killed before it could tidy up
        versioned.s3.put_object(Bucket=versioned.name, Key=one.key, Body=one.to_json())
    proof_of(versioned, BEN)
    assert [found.key for found in versioned.versions(keys.ERASURES_ROOT)] == [record.key]
    assert records(versioned) == (record,)


@pytest.mark.parametrize("left", ["today", "unclear", "upload"])
def test_an_erasure_that_has_nothing_to_delete_but_cannot_be_proved_has_a_record(
    versioned: VersionedBucket, left: str
) -> None:
    s3, today = versioned.s3, SnapshotId(DAY.chain_id, TODAY)
    if left == "upload":
        s3.create_multipart_upload(Bucket=versioned.name, Key=today.raw_key)
    else:
        body = export_of(*ANN.ids) if left == "today" else b"?"
        s3.put_object(Bucket=versioned.name, Key=today.raw_key, Body=body)
    for _ in range(2):
        proof = erased(versioned, ANN, datetime.now(UTC))
        (record,) = records(versioned)
        assert (proof.is_clean, record.finished_at, record.versions) == (False, None, ())
    versioned.abort(versioned.uploads(keys.RAW_ROOT))
    s3.put_object(Bucket=versioned.name, Key=today.raw_key, Body=export_of(7))
    if left == "unclear":
        versioned.delete([found for found in versioned.versions(today.raw_key) if not found.is_latest])
    assert erased(versioned, ANN, datetime.now(UTC)).is_clean
    assert all(record.finished_at for record in records(versioned))


def test_the_same_people_in_another_order_are_the_same() -> None:
    one, other = People((12, 7)), People((7, 12))
    assert one.hashed("5a") == other.hashed("5a")
    assert len({one.hashed("5a"), one.hashed("5b"), ANN.hashed("5a"), People((127,)).hashed("5a")}) == 4


def put_day(bucket: VersionedBucket, folder: Path) -> None:
    """Store a day whose export and typed copy hold Ann, Ben and somebody else."""
    numbers = (7, *ANN.ids, *BEN.ids)
    bucket.s3.put_object(Bucket=bucket.name, Key=DAY.raw_key, Body=export_of(*numbers))
    file = folder / "users.parquet"
    duckdb.execute(f"COPY (SELECT unnest({list(numbers)}) AS id) TO '{file}' (FORMAT parquet)")
    bucket.s3.upload_file(str(file), bucket.name, DAY.parquet_key)


def export_of(*numbers: int) -> bytes:
    return gzip.compress(b"ID,First name\n" + b"".join(b"%d,Ann\n" % number for number in numbers))


def typed_numbers(bucket: VersionedBucket, folder: Path) -> list[int]:
    file = folder / "read.parquet"
    bucket.s3.download_file(bucket.name, DAY.parquet_key, str(file))
    return [number for (number,) in duckdb.execute(f"SELECT id FROM '{file}' ORDER BY 1").fetchall()]


def erased(bucket: VersionedBucket, people: People, now: datetime = NOW) -> ErasureProof:
    search = Search(bucket, DAY.chain_id, people, TODAY)
    plan = search.plan()
    erase(bucket, plan, people, lambda: now, lambda _: None)
    return prove(bucket, plan, search, lambda: now)


def proof_of(bucket: VersionedBucket, people: People) -> ErasureProof:
    search = Search(bucket, DAY.chain_id, people, TODAY)
    return prove(bucket, search.plan(), search, lambda: NOW)


def records(bucket: VersionedBucket) -> Sequence[Erasure]:
    return SnapshotStore(bucket.s3, bucket.name).erasures(DAY.chain_id).records


def test_a_record_that_a_killed_run_left_without_its_time_gets_that_of_the_next_run_of_anybody(
    versioned: VersionedBucket,
) -> None:
    """A proof waits from then for a conversion that may have read what the killed run deleted, and not for ever."""
    put = versioned.s3.put_object(Bucket=versioned.name, Key=DAY.raw_key, Body=gzip.compress(b"ID\n7\n"))
    record = replace(RECORD, versions=(ErasedVersion(DAY.raw_key, put["VersionId"]),))
    versioned.s3.put_object(Bucket=versioned.name, Key=record.key, Body=record.to_json())

    def gone_at(now: datetime) -> datetime | None:
        erase(versioned, Search(versioned, DAY.chain_id, PEOPLE, TODAY).plan(), PEOPLE, lambda: now, lambda _: None)
        (record,) = SnapshotStore(versioned.s3, versioned.name).erasures(DAY.chain_id).records
        return record.gone_at

    assert [gone_at(NOW + timedelta(hours=hours)) for hours in (1, 2)] == [NOW + timedelta(hours=1)] * 2
