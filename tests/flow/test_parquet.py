"""Which typed copy becomes visible, and when: beside other runs, other conversions, and faults on the way."""

import gzip
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import csv_answer
from sandbox.spaaza.users import HEADER, generated_csv
from sandbox.wire import faults
from sandbox.wire.faults import Exchange
from sandbox.wire.proxy import HttpAnswer
from spaaza_snapshots.errors import InvalidRequest, StorageError
from spaaza_snapshots.model import keys
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.parquet.build import build_parquet
from tests.support.committed import CHAIN, DAY, commit, stored_parquet
from tests.support.conversions import OTHERS, USERS, build, metrics, services
from tests.support.flow import events, invoke
from tests.support.typed_reference import expected

PARQUET_KEY = SnapshotId(CHAIN, DAY).parquet_key
QUALITY_KEY = SnapshotId(CHAIN, DAY).quality_key


def quality(stack: Stack) -> dict[str, Any]:
    (line,) = stack.read(QUALITY_KEY).splitlines()
    return dict(json.loads(line))


def derived(stack: Stack) -> set[str]:
    return {key for key in stack.object_keys() if key.startswith((keys.PARQUET_ROOT, keys.QUALITY_ROOT))}


def test_a_committed_snapshot_gets_its_typed_copy_findings_and_event(stack: Stack, tmp_path: Path) -> None:
    manifest = commit(stack.s3, stack.bucket, USERS)
    assert build(stack)["status"] == "complete"
    run_id, names, rows = stored_parquet(stack.s3, stack.bucket, tmp_path)
    assert (run_id, names, len(rows)) == (manifest.run_id, expected(USERS).names, 60)
    assert quality(stack)["run_id"] == manifest.run_id
    (event,) = events(stack, "Parquet Completed")
    assert (event["run_id"], event["parquet_key"], event["quality_key"]) == (manifest.run_id, PARQUET_KEY, QUALITY_KEY)


def test_a_second_conversion_writes_nothing_and_tells_the_bus_again(stack: Stack) -> None:
    commit(stack.s3, stack.bucket, USERS)
    build(stack)
    versions = [stack.s3.head_object(Bucket=stack.bucket, Key=key)["VersionId"] for key in (PARQUET_KEY, QUALITY_KEY)]
    assert build(stack)["status"] == "already_complete"
    assert versions == [
        stack.s3.head_object(Bucket=stack.bucket, Key=key)["VersionId"] for key in (PARQUET_KEY, QUALITY_KEY)
    ]
    assert len(events(stack, "Parquet Completed")) == 2


def test_the_copy_of_an_earlier_run_is_replaced(stack: Stack, tmp_path: Path) -> None:
    commit(stack.s3, stack.bucket, USERS)
    build(stack)
    later = commit(stack.s3, stack.bucket, OTHERS)
    assert build(stack)["status"] == "complete"
    run_id, _, rows = stored_parquet(stack.s3, stack.bucket, tmp_path)
    assert (run_id, len(rows), quality(stack)["run_id"]) == (later.run_id, 80, later.run_id)


def test_the_bytes_of_the_manifest_are_read_even_where_newer_ones_lie_over_them(stack: Stack, tmp_path: Path) -> None:
    manifest = commit(stack.s3, stack.bucket, USERS)
    stack.s3.put_object(Bucket=stack.bucket, Key=manifest.raw.key, Body=b"held", Metadata={"run-id": "another"})
    build(stack)
    assert stored_parquet(stack.s3, stack.bucket, tmp_path)[0] == manifest.run_id


@pytest.mark.parametrize(
    ("operation", "key"),
    [("GetObject", "raw/"), ("PutObject", "quality/"), ("PutObject", "parquet/")],
    ids=["before the download", "before the findings", "before the Parquet object"],
)
def test_a_run_that_commits_meanwhile_is_never_written_over(
    stack: Stack, tmp_path: Path, operation: str, key: str
) -> None:
    commit(stack.s3, stack.bucket, USERS)

    def overtaken(exchange: Exchange) -> HttpAnswer:
        later.append(commit(stack.s3, stack.bucket, OTHERS).run_id)
        assert build(stack)["status"] == "complete"
        return exchange.forward()

    later: list[str] = []
    stack.wire.fail(operation, overtaken, key_contains=key)
    assert build(stack)["status"] == "superseded"
    run_id, _, rows = stored_parquet(stack.s3, stack.bucket, tmp_path)
    assert ([run_id], len(rows), [quality(stack)["run_id"]]) == (later, 80, later)
    assert [event["run_id"] for event in events(stack, "Parquet Completed")] == later


def test_a_run_that_commits_while_the_conversion_works_leaves_nothing_to_see(stack: Stack) -> None:
    commit(stack.s3, stack.bucket, USERS)

    def overtaken(exchange: Exchange) -> HttpAnswer:
        answer = exchange.forward()
        commit(stack.s3, stack.bucket, OTHERS)
        return answer

    stack.wire.fail("GetObject", overtaken, key_contains="raw/")
    assert build(stack)["status"] == "superseded"
    assert not derived(stack)
    assert not events(stack, "Parquet Completed")


def test_conversions_at_once_end_with_one_copy_and_one_line_of_findings(stack: Stack, tmp_path: Path) -> None:
    manifest = commit(stack.s3, stack.bucket, USERS)
    both = threading.Barrier(2)

    def together(exchange: Exchange) -> HttpAnswer:
        both.wait(timeout=60)
        return exchange.forward()

    stack.wire.fail("GetObject", together, times=2, key_contains="raw/")
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: build(stack), range(2)))
    assert {result["status"] for result in results} == {"complete"}
    assert stored_parquet(stack.s3, stack.bucket, tmp_path)[0] == quality(stack)["run_id"] == manifest.run_id
    versions = stack.s3.list_object_versions(Bucket=stack.bucket, Prefix=PARQUET_KEY)["Versions"]
    assert len(versions) == 1


def test_damaged_records_are_counted_named_and_told_without_their_content(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = b'ID,First name,Overall\n1,Anna,5\n2,Secretname\n3,"Hidden" x,5\n4,Bram,many\n5,Zo\xeb,5\n'
    manifest = commit(stack.s3, stack.bucket, damaged)
    capsys.readouterr()
    build(stack)
    said = capsys.readouterr().out
    _, _, rows = stored_parquet(stack.s3, stack.bucket, tmp_path)
    assert rows == [(1, "Anna", 5, None), (4, "Bram", None, "overall=many")]
    found = quality(stack)
    assert (found["row_count"], found["parquet_rows"], found["rejected_rows"]) == (manifest.row_count, 2, 3)
    assert [reject["record"] for reject in found["rejects"]] == expected(damaged).rejected
    assert found["cast_errors"] == [{"column": "overall", "count": 1}]
    told = {name: value for line in metrics(said) for name, value in line.items()}
    assert (told["RejectedRecords"], told["CastErrors"]) == ([3.0], [1.0])
    for text in (said, stack.read(QUALITY_KEY).decode()):
        assert not [word for word in ("Secretname", "Hidden", "Zo", "many") if word in text]


def test_without_a_committed_snapshot_the_request_is_refused(stack: Stack) -> None:
    with pytest.raises(InvalidRequest):
        build(stack)


def test_bytes_that_are_not_those_of_the_manifest_are_refused(stack: Stack) -> None:
    manifest = commit(stack.s3, stack.bucket, USERS)
    stack.s3.delete_object(Bucket=stack.bucket, Key=manifest.raw.key, VersionId=str(manifest.raw.version_id))
    with pytest.raises(StorageError, match="not the one that its manifest describes"):
        build(stack)
    unversioned = manifest.of_object("etag", None)
    stack.s3.put_object(Bucket=stack.bucket, Key=manifest.key, Body=unversioned.to_json())
    stack.s3.put_object(Bucket=stack.bucket, Key=manifest.raw.key, Body=gzip.compress(OTHERS))
    with pytest.raises(StorageError, match="not the one that its manifest describes"):
        build(stack)
    assert not derived(stack)


@pytest.mark.parametrize(
    ("operation", "key"),
    [("PutObject", "parquet/"), ("PutObject", "quality/"), ("PutEvents", "")],
    ids=["the Parquet object refused", "the findings refused", "the event refused"],
)
def test_a_conversion_that_failed_at_its_end_is_made_good_by_the_next(
    stack: Stack, tmp_path: Path, operation: str, key: str
) -> None:
    manifest = commit(stack.s3, stack.bucket, USERS)
    stack.wire.fail(operation, faults.error(403, "AccessDenied"), times=10, key_contains=key)
    with pytest.raises(StorageError):
        build(stack)
    assert not events(stack, "Parquet Completed")
    stack.wire.clear()
    build(stack)
    assert stored_parquet(stack.s3, stack.bucket, tmp_path)[0] == manifest.run_id
    assert len(events(stack, "Parquet Completed")) == 1


def test_what_a_conversion_did_not_live_to_measure_is_measured_by_the_next(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(stack.s3, stack.bucket, USERS + b"7,too few\n")
    stack.wire.fail("PutObject", faults.error(403, "AccessDenied", forwarded=True), key_contains="quality/")
    with pytest.raises(StorageError):
        build(stack)
    assert metrics(capsys.readouterr().out) == []
    assert build(stack)["status"] == "already_complete"
    (told,) = metrics(capsys.readouterr().out)
    assert (told["ParquetsCompleted"], told["RejectedRecords"], told["ParquetsUnfit"]) == ([1], [1], [0])


@pytest.mark.parametrize(
    "header",
    [(*HEADER, "Shoe size"), HEADER[::-1], HEADER[:40], ("Given name", *HEADER[2:], "ID")],
    ids=["a column added", "reordered", "columns removed", "a column renamed"],
)
def test_whatever_the_header_an_export_goes_through_both_functions(
    stack: Stack, tmp_path: Path, header: tuple[str, ...]
) -> None:
    csv_bytes = b"".join(generated_csv(20, columns=header))
    stack.spaaza.serve(csv_answer(csv_bytes))
    result = invoke(stack)
    (event,) = events(stack, "Snapshot Completed")
    assert build_parquet(services(stack), SnapshotId(event["chain_id"], DAY))["run_id"] == result["run_id"]
    wanted = expected(csv_bytes)
    _, names, rows = stored_parquet(stack.s3, stack.bucket, tmp_path)
    assert names == wanted.names
    assert sorted(rows, key=repr) == sorted(wanted.rows, key=repr)
