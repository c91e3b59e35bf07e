"""The typed copy without a person, on a real bucket."""

import gzip
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import duckdb
import pytest

from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.upkeep.erasure import erase, prove
from spaaza_snapshots.upkeep.erasure_plan import Search
from spaaza_snapshots.upkeep.person import People, Unreadable
from spaaza_snapshots.upkeep.typed_copies import ID_NAMES, put_without, rows_of
from spaaza_snapshots.upkeep.versions import Version, VersionedBucket
from tests.support.builders import NOW

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

DAY = SnapshotId(1743, date(2026, 11, 20))
PEOPLE = People((404100, 404101))
TODAY = date(2026, 11, 22)
PRODUCT = {"ContentType": "application/vnd.apache.parquet", "Metadata": {"run-id": "of the day"}}


def put_copy(bucket: VersionedBucket, folder: Path, select: str, metadata: Mapping[str, Any] = PRODUCT) -> Version:
    file = folder / "users.parquet"
    duckdb.execute(f"COPY ({select}) TO '{file}' (FORMAT parquet, KV_METADATA {{run_id: 'of the day'}})")
    bucket.s3.upload_file(str(file), bucket.name, DAY.parquet_key, dict(metadata))
    return current(bucket)


def current(bucket: VersionedBucket) -> Version:
    return next(version for version in bucket.versions(DAY.parquet_key) if version.is_latest)


def read(bucket: VersionedBucket, folder: Path, sql: str) -> Sequence[tuple[object, ...]]:
    file = folder / "read.parquet"
    bucket.s3.download_file(bucket.name, DAY.parquet_key, str(file))
    return duckdb.execute(sql.replace("COPY", f"'{file}'")).fetchall()


PERSONS_ROWS = """
    SELECT * FROM (VALUES
        (404100, 'Ann', NULL), (404101, 'Ben', 'gender=x'), (NULL, 'Cleo', 'id=404100.0'),
        (NULL, 'Dora', 'birthday=404100'), (NULL, 'Eve', NULL), (4041001, 'Fay', NULL))
    people(id, first_name, _cast_errors), (SELECT TIMESTAMP_MS '2026-01-02 03:04:05.678' AS created_date)
"""


def test_a_typed_copy_loses_the_rows_of_the_people_and_nothing_else(versioned: VersionedBucket, tmp_path: Path) -> None:
    copy = put_copy(versioned, tmp_path, PERSONS_ROWS)
    assert rows_of(versioned, copy, PEOPLE) == 3
    put_without(versioned, copy, PEOPLE)
    assert rows_of(versioned, current(versioned), PEOPLE) == 0
    names = read(versioned, tmp_path, "SELECT first_name, created_date::VARCHAR FROM COPY ORDER BY 1")
    assert names == [(name, "2026-01-02 03:04:05.678") for name in ("Dora", "Eve", "Fay")]
    unit = "SELECT converted_type FROM parquet_schema(COPY) WHERE name = 'created_date'"
    assert read(versioned, tmp_path, unit) == [("TIMESTAMP_MILLIS",)]
    inside = "SELECT decode(key), decode(value) FROM parquet_kv_metadata(COPY)"
    assert read(versioned, tmp_path, inside) == [("run_id", "of the day")]
    head = versioned.s3.head_object(Bucket=versioned.name, Key=DAY.parquet_key)
    assert {"ContentType": head["ContentType"], "Metadata": head["Metadata"]} == PRODUCT


def test_a_second_column_named_id_counts_too(versioned: VersionedBucket, tmp_path: Path) -> None:
    copy = put_copy(versioned, tmp_path, f"SELECT 1::BIGINT AS id, '404100' AS {ID_NAMES[1]}")
    assert rows_of(versioned, copy, PEOPLE) == 1


def test_a_typed_copy_that_somebody_else_has_replaced_is_not_overwritten(
    versioned: VersionedBucket, tmp_path: Path
) -> None:
    copy = put_copy(versioned, tmp_path, "SELECT 404100 AS id")
    put_copy(versioned, tmp_path, "SELECT 5 AS id")
    with pytest.raises(StorageError, match="has changed meanwhile"):
        put_without(versioned, copy, PEOPLE)
    assert read(versioned, tmp_path, "SELECT id FROM COPY") == [(5,)]


def test_a_typed_copy_without_the_column_goes_as_a_whole_and_its_report_with_it(
    versioned: VersionedBucket, tmp_path: Path
) -> None:
    copy = put_copy(versioned, tmp_path, "SELECT 404100 AS number")
    versioned.s3.put_object(Bucket=versioned.name, Key=DAY.quality_key, Body=b"{}")
    plan = Search(versioned, DAY.chain_id, PEOPLE, TODAY).plan()
    (day,) = plan.days
    assert (day.typed_anew, day.typed, day.whole) == (None, (copy,), False)
    erase(versioned, plan, PEOPLE, lambda: NOW, lambda _: None)
    # users_latest takes the last day that has a report: this one would leave it empty.
    assert list(versioned.versions(DAY.quality_key)) == list(versioned.versions(DAY.parquet_key)) == []


def test_the_report_stays_with_a_typed_copy_that_is_made_again(versioned: VersionedBucket, tmp_path: Path) -> None:
    put_copy(versioned, tmp_path, PERSONS_ROWS)
    versioned.s3.put_object(Bucket=versioned.name, Key=DAY.quality_key, Body=b"{}")
    erase(versioned, Search(versioned, DAY.chain_id, PEOPLE, TODAY).plan(), PEOPLE, lambda: NOW, lambda _: None)
    assert len(list(versioned.versions(DAY.quality_key))) == len(list(versioned.versions(DAY.parquet_key))) == 1


@pytest.mark.parametrize("copies", ["one", "an older one of before versioning"])
def test_a_typed_copy_that_is_replaced_in_place_stays_for_the_others(
    versioned: VersionedBucket, tmp_path: Path, copies: str
) -> None:
    """While versioning is suspended, a write replaces the version `null`, whichever version is current."""
    set_versioning(versioned, "Suspended")
    put_copy(versioned, tmp_path, PERSONS_ROWS)
    if copies != "one":
        set_versioning(versioned, "Enabled")
        put_copy(versioned, tmp_path, PERSONS_ROWS)
        set_versioning(versioned, "Suspended")
    erase_and_prove(versioned)
    names = read(versioned, tmp_path, "SELECT first_name FROM COPY ORDER BY 1")
    assert names == [(name,) for name in ("Dora", "Eve", "Fay")]
    assert [version.version_id for version in versioned.versions(DAY.parquet_key)] == ["null"]


def test_in_a_bucket_without_versioning_the_typed_copy_stays_for_the_others(s3: "S3Client", tmp_path: Path) -> None:
    s3.create_bucket(Bucket="never-versioned", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    versioned = VersionedBucket(s3, "never-versioned")
    put_copy(versioned, tmp_path, PERSONS_ROWS)
    erase_and_prove(versioned)
    assert len(read(versioned, tmp_path, "SELECT first_name FROM COPY")) == 3


def test_a_typed_copy_of_before_versioning_goes_once_it_is_replaced(versioned: VersionedBucket, tmp_path: Path) -> None:
    set_versioning(versioned, "Suspended")
    put_copy(versioned, tmp_path, PERSONS_ROWS)
    set_versioning(versioned, "Enabled")
    erase_and_prove(versioned)
    (left,) = versioned.versions(DAY.parquet_key)
    assert left.version_id != "null"


def set_versioning(bucket: VersionedBucket, status: Literal["Enabled", "Suspended"]) -> None:
    bucket.s3.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": status})


def erase_and_prove(bucket: VersionedBucket) -> None:
    search = Search(bucket, DAY.chain_id, PEOPLE, TODAY)
    plan = search.plan()
    erase(bucket, plan, PEOPLE, lambda: NOW, lambda _: None)
    proof = prove(bucket, plan, search, lambda: NOW)
    (record,) = SnapshotStore(bucket.s3, bucket.name).erasures(DAY.chain_id).records
    assert (proof.left, proof.open_records, record.finished_at is None) == ((), (), False)


def test_a_typed_copy_that_outlives_its_export_is_read_itself(versioned: VersionedBucket, tmp_path: Path) -> None:
    copy = put_copy(versioned, tmp_path, PERSONS_ROWS)
    (day,) = Search(versioned, DAY.chain_id, PEOPLE, TODAY).plan().days
    assert (day.typed_anew, day.typed) == (copy, (copy,))


def test_a_typed_copy_that_does_not_say_of_which_run_it_is_is_read_itself(
    versioned: VersionedBucket, tmp_path: Path
) -> None:
    versioned.s3.put_object(Bucket=versioned.name, Key=DAY.raw_key, Body=gzip.compress(b"ID,First name\n7,Ann\n"))
    put_copy(versioned, tmp_path, "SELECT 404100 AS id", {})
    copy = current(versioned)
    (day,) = Search(versioned, DAY.chain_id, PEOPLE, TODAY).plan().days
    assert (day.typed, day.whole) == ((copy,), False)


def test_what_lies_beside_an_export_does_not_pass_for_it(versioned: VersionedBucket) -> None:
    for key, number in ((DAY.raw_key, b"404100"), (DAY.raw_key.replace("users.csv", "a-copy.csv"), b"7")):
        body = gzip.compress(b"ID,First name\n" + number + b",Ann\n")
        versioned.s3.put_object(Bucket=versioned.name, Key=key, Body=body)
    (day,) = Search(versioned, DAY.chain_id, PEOPLE, TODAY).plan().days
    assert (day.whole, [version.key for version in day.exports_last]) == (True, [DAY.raw_key])


def test_what_is_no_parquet_is_unreadable_and_not_quoted(versioned: VersionedBucket) -> None:
    versioned.s3.put_object(Bucket=versioned.name, Key=DAY.parquet_key, Body=b"404100,Ann")
    with pytest.raises(Unreadable) as raised:
        rows_of(versioned, current(versioned), PEOPLE)
    assert "404100" not in f"{raised.value!r} {raised.value.__context__!r}"
