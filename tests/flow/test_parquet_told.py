"""What a conversion says: its answer, its errors, its lines in the log and its metrics."""

import logging
from typing import Any

import pytest

from sandbox.aws.stack import Stack
from sandbox.wire import faults
from sandbox.wire.faults import Exchange
from sandbox.wire.proxy import HttpAnswer
from spaaza_snapshots.errors import InvalidRequest, OutOfTime, SnapshotError, StorageError
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.parquet.build import build_parquet
from tests.support.committed import CHAIN, DAY, commit
from tests.support.conversions import OTHERS, USERS, build, metrics, services
from tests.support.flow import events

SNAPSHOT = SnapshotId(CHAIN, DAY)
FEW_FIELDS = b"ID,First name,Overall\n" + b"1,Anna,5\n" + b"2,few\n" * 25 + b"3,Bram,many\n"
OTHER_FORM = b"ID,Opted-in,Created date,Birthday\n" + b"1,1,2026-11-22T03:00:00+00:00,1990-05-17\n" * 30
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message"}


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, dict[str, Any]]]:
    """Return each line of the product's log: its level, its message and its figures."""
    return [
        (record.levelname, record.getMessage(), {key: vars(record)[key] for key in vars(record).keys() - STANDARD})
        for record in caplog.records
        if record.module == "build"
    ]


def parts(error: SnapshotError) -> tuple[str, str, str]:
    return error.what, error.detail, error.hint


@pytest.mark.parametrize("again", [False, True])
def test_the_answer_names_the_snapshot_and_its_run(stack: Stack, again: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    manifest = commit(stack.s3, stack.bucket, USERS)
    result, status = build(stack), "complete"
    if again:
        caplog.clear()
        result, status = build(stack), "already_complete"
    assert result == {
        "chain_id": CHAIN,
        "date": DAY.isoformat(),
        "run_id": manifest.run_id,
        "row_count": 60,
        "status": status,
    }
    converted = [] if again else [("INFO", "Converted", {"rows": 60, "cast_errors": {}})]
    assert said(caplog) == [*converted, ("INFO", "Done", {"status": status})]


def test_a_superseded_conversion_names_its_own_run_and_logs_the_later_one(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    mine = commit(stack.s3, stack.bucket, USERS)

    def overtaken(exchange: Exchange) -> HttpAnswer:
        answer = exchange.forward()
        later.append(commit(stack.s3, stack.bucket, OTHERS).run_id)
        return answer

    later: list[str] = []
    stack.wire.fail("GetObject", overtaken, key_contains="raw/")
    result = build(stack)
    assert (result["run_id"], result["row_count"], result["status"]) == (mine.run_id, 60, "superseded")
    assert said(caplog) == [("INFO", "Superseded", {"by_run_id": later[0]})]


def test_the_first_twenty_damaged_records_are_logged_by_number_and_all_by_reason(
    stack: Stack, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    commit(stack.s3, stack.bucket, FEW_FIELDS)
    capsys.readouterr()
    build(stack)
    warned, converted, _ = said(caplog)
    told = {"reasons": {"wrong number of fields": 25}, "first_records": list(range(2, 22))}
    assert warned == ("WARNING", "Records could not be read", told)
    assert converted == ("INFO", "Converted", {"rows": 2, "cast_errors": {"overall": 1}})
    (line,) = metrics(capsys.readouterr().out)
    assert line["chain_id"] == str(CHAIN)
    names = ("ParquetsCompleted", "ParquetsUnfit", "RejectedRecords", "CastErrors")
    assert [line[name] for name in names] == [[1.0], [1.0], [25.0], [1.0]]


def test_columns_that_spaaza_sends_in_another_form_are_counted_though_every_user_is_there(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(stack.s3, stack.bucket, OTHER_FORM)
    capsys.readouterr()
    build(stack)
    build(stack)  # who stored the findings may not have lived to measure them
    for line in metrics(capsys.readouterr().out):
        assert [line[name] for name in ("ParquetsUnfit", "ColumnsUnfit", "CastErrors")] == [[0.0], [2.0], [60.0]]


def test_a_sound_copy_counts_one_completed_and_nothing_else(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    commit(stack.s3, stack.bucket, USERS)
    capsys.readouterr()
    build(stack)
    (line,) = metrics(capsys.readouterr().out)
    names = ("ParquetsCompleted", "ParquetsUnfit", "RejectedRecords", "ColumnsUnfit", "CastErrors")
    assert [line[name] for name in names] == [[1.0], [0.0], [0.0], [0.0], [0.0]]


def test_a_snapshot_that_is_missing_or_damaged_is_told_with_what_to_do(stack: Stack) -> None:
    with pytest.raises(InvalidRequest) as missing:
        build(stack)
    hint = "Look under manifests/ in the bucket for dates that have one."
    assert parts(missing.value) == ("There is no committed snapshot", str(SNAPSHOT), hint)
    stack.s3.put_object(Bucket=stack.bucket, Key=SNAPSHOT.manifest_key, Body=b"{")
    with pytest.raises(StorageError) as damaged:
        build(stack)
    what = "The manifest of this snapshot is damaged"
    assert parts(damaged.value) == (what, str(SNAPSHOT), "Restore an earlier version of it.")


def test_a_raw_object_that_is_gone_is_named_with_what_to_do(stack: Stack) -> None:
    manifest = commit(stack.s3, stack.bucket, USERS)
    stack.s3.delete_object(Bucket=stack.bucket, Key=manifest.raw.key, VersionId=str(manifest.raw.version_id))
    with pytest.raises(StorageError) as caught:
        build(stack)
    assert parts(caught.value) == (
        "The raw object is not the one that its manifest describes",
        manifest.raw.key,
        "If it was erased for a person, leave it so. Else restore that version, or take the snapshot again with force"
        " before its day ends.",
    )


def test_a_conversion_that_is_always_overtaken_gives_up_after_ten_rounds(stack: Stack) -> None:
    commit(stack.s3, stack.bucket, USERS)
    stack.wire.fail("PutObject", faults.error(412, "PreconditionFailed"), times=100, key_contains="quality/")
    with pytest.raises(StorageError) as caught:
        build(stack)
    assert parts(caught.value) == (
        "Other conversions of this snapshot were always faster",
        f"{SNAPSHOT}, 10 rounds",
        "Find out who sends the event so often, then send it once more.",
    )
    puts = [call.detail for call in stack.wire.calls if call.operation == "PutObject"]
    assert (puts.count(SNAPSHOT.parquet_key), puts.count(SNAPSHOT.quality_key)) == (1, 10)


@pytest.mark.parametrize("losses", [1, 9])
def test_a_copy_that_lost_a_round_is_published_in_the_next(stack: Stack, losses: int) -> None:
    commit(stack.s3, stack.bucket, USERS)
    stack.wire.fail("PutObject", faults.error(412, "PreconditionFailed"), times=losses, key_contains="parquet/")
    assert build(stack)["status"] == "complete"
    puts = [call.detail for call in stack.wire.calls if call.operation == "PutObject"]
    assert (puts.count(SNAPSHOT.parquet_key), puts.count(SNAPSHOT.quality_key)) == (losses + 1, 1)


def test_a_rebuild_replaces_the_copy_and_the_findings_of_the_same_run(stack: Stack) -> None:
    commit(stack.s3, stack.bucket, USERS)
    build(stack)
    stack.wire.clear()
    assert build_parquet(services(stack), SNAPSHOT, rebuild=True)["status"] == "complete"
    puts = [call.detail for call in stack.wire.calls if call.operation == "PutObject"]
    assert puts == [SNAPSHOT.parquet_key, SNAPSHOT.quality_key]


def test_without_a_bus_the_copy_is_made_and_no_event_sent(stack: Stack) -> None:
    commit(stack.s3, stack.bucket, USERS)
    given = services(stack)
    without = type(given)(given.snapshots, given.store, None, given.telemetry, given.clock, given.memory_mb)
    assert build_parquet(without, SNAPSHOT)["status"] == "complete"
    assert not events(stack, "Parquet Completed")


@pytest.mark.parametrize(
    ("looks", "told"),
    [(0, "downloaded, 60 rows"), (1, "0 records read"), (4, "converted, 60 rows, not yet visible")],
)
def test_a_conversion_out_of_time_says_how_far_it_came_and_publishes_nothing(
    stack: Stack, looks: int, told: str
) -> None:
    commit(stack.s3, stack.bucket, USERS)
    left_ms = iter([900_000] * looks)
    given = services(stack)
    clock = type(given.clock)(remaining_ms=lambda: next(left_ms, 0), now=given.clock.now)
    timed = type(given)(given.snapshots, given.store, given.bus, given.telemetry, clock, given.memory_mb)
    with pytest.raises(OutOfTime) as caught:
        build_parquet(timed, SNAPSHOT)
    assert (caught.value.what, caught.value.detail) == (
        "Too little time was left while converting",
        f"{told}; 0 s of the function's time left",
    )
    assert not [key for key in stack.object_keys() if key.startswith(("parquet/", "quality/"))]


def test_the_findings_are_stamped_with_the_time_of_the_conversion(stack: Stack) -> None:
    commit(stack.s3, stack.bucket, USERS)
    build(stack)
    assert b'"completed_at":"2026-11-22T03:00:00.000Z"' in stack.read(SNAPSHOT.quality_key)


def test_a_raw_object_erased_while_the_conversion_works_leaves_nothing_to_see(stack: Stack) -> None:
    manifest = commit(stack.s3, stack.bucket, USERS)

    def erased(exchange: Exchange) -> HttpAnswer:
        answer = exchange.forward()
        stack.s3.delete_object(Bucket=stack.bucket, Key=manifest.raw.key, VersionId=str(manifest.raw.version_id))
        return answer

    stack.wire.fail("GetObject", erased, key_contains="raw/")
    with pytest.raises(StorageError, match="not the one that its manifest describes"):
        build(stack)
    assert not [key for key in stack.object_keys() if key.startswith(("parquet/", "quality/"))]


@pytest.mark.parametrize("key", [SNAPSHOT.parquet_key, SNAPSHOT.quality_key])
def test_what_is_missing_of_a_copy_is_made_again(stack: Stack, key: str) -> None:
    commit(stack.s3, stack.bucket, USERS)
    build(stack)
    stack.s3.delete_object(Bucket=stack.bucket, Key=key)
    assert build(stack)["status"] == "complete"
    assert key in stack.object_keys()


def test_findings_of_an_earlier_run_are_replaced_even_where_the_copy_is_already_of_this_one(stack: Stack) -> None:
    commit(stack.s3, stack.bucket, USERS)
    build(stack)
    later = commit(stack.s3, stack.bucket, OTHERS)
    stack.wire.fail("PutObject", faults.error(403, "AccessDenied"), times=10, key_contains="quality/")
    with pytest.raises(StorageError):
        build(stack)
    stack.wire.clear()
    assert build(stack)["status"] == "complete"
    assert later.run_id.encode() in stack.read(SNAPSHOT.quality_key)
