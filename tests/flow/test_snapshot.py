"""The run on the good day, and every question that a finished day may be asked again."""

import csv
import gzip
import hashlib
import io
import json

import pytest

from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import csv_answer, generated_users
from sandbox.spaaza.users import HEADER, sample_csv
from spaaza_snapshots.errors import BadSettings, InvalidRequest
from spaaza_snapshots.s3.multipart import PART_BYTES
from spaaza_snapshots.snapshot.fan_out import fan_out
from spaaza_snapshots.snapshot.request import parse_request
from spaaza_snapshots.snapshot.settings import Settings
from tests.support.builders import NOW, HeldClock
from tests.support.flow import CHAIN, SNAPSHOT, TODAY, aftermath, events, invoke

RAW = SNAPSHOT.raw_key


def test_a_snapshot_is_the_vendors_bytes_with_a_manifest_that_tells_of_them(stack: Stack) -> None:
    result = invoke(stack)

    stored = stack.s3.get_object(Bucket=stack.bucket, Key=RAW)
    body = stored["Body"].read()
    assert gzip.decompress(body) == sample_csv()
    assert result["status"] == "complete"
    assert result["header"] == HEADER
    assert result["row_count"] == 5
    assert result["raw"]["sha256"] == hashlib.sha256(body).hexdigest()
    assert result["raw"]["gzip_bytes"] == len(body)
    assert result["raw"]["csv_bytes"] == len(sample_csv())
    assert result["raw"]["etag"] == stored["ETag"]
    assert result["raw"]["version_id"] == stored["VersionId"]
    assert aftermath(stack).is_committed


def test_the_object_is_gzip_to_every_client(stack: Stack) -> None:
    invoke(stack)
    head = stack.s3.head_object(Bucket=stack.bucket, Key=RAW, ChecksumMode="ENABLED")
    assert head["ContentType"] == "application/gzip"
    assert "ContentEncoding" not in head
    assert (head["ChecksumType"], head["ChecksumCRC32"]) == ("FULL_OBJECT", result_checksum(stack))


def result_checksum(stack: Stack) -> str:
    manifest = aftermath(stack).manifest
    assert manifest is not None
    assert manifest["raw"]["checksum_algorithm"] == "CRC32"
    return str(manifest["raw"]["checksum"])


def test_an_export_of_several_parts_arrives_whole_and_is_counted_as_csv_reader_counts(stack: Stack) -> None:
    stack.spaaza.serve(generated_users(100_000))
    result = invoke(stack)
    body = stack.read(RAW)
    text = io.StringIO(gzip.decompress(body).decode(), newline="")
    rows = [row for row in csv.reader(text) if row]
    assert result["row_count"] == len(rows) - 1 == 100_000
    assert result["rows_with_line_breaks"] == sum(any("\n" in field for field in row) for row in rows[1:])
    assert result["raw"]["parts"] == -(-len(body) // PART_BYTES) > 1
    assert result["raw"]["sha256"] == hashlib.sha256(body).hexdigest()


def test_the_manifest_in_the_bucket_is_one_line_and_what_the_function_returns(stack: Stack) -> None:
    result = invoke(stack)
    line = stack.read(SNAPSHOT.manifest_key)
    assert line.count(b"\n") == 1
    assert line.endswith(b"}\n")
    returned = json.loads(json.dumps(result))
    assert returned.pop("status") == "complete"
    assert json.loads(line) == returned


def test_a_day_that_is_done_is_not_exported_again(stack: Stack) -> None:
    first = invoke(stack)
    second = invoke(stack)
    assert (second["status"], second["run_id"]) == ("already_complete", first["run_id"])
    assert len(stack.spaaza.requests) == 1


def test_force_exports_again_and_replaces_and_versioning_keeps_the_old_one(stack: Stack) -> None:
    first = invoke(stack)
    stack.spaaza.serve(generated_users(7))
    second = invoke(stack, {"chain_id": CHAIN, "force": True})
    assert (second["status"], second["row_count"]) == ("complete", 7)
    assert aftermath(stack).is_committed
    old = stack.s3.get_object(Bucket=stack.bucket, Key=RAW, VersionId=first["raw"]["version_id"])
    assert old["Metadata"]["run-id"] == first["run_id"]


def test_completed_is_told_once_and_again_only_while_copy_or_findings_are_not_of_this_run(stack: Stack) -> None:
    run_id = invoke(stack)["run_id"]
    assert [detail["run_id"] for detail in events(stack, "Snapshot Completed")] == [run_id]
    parquet, quality = SNAPSHOT.parquet_key, SNAPSHOT.quality_key
    puts = [(parquet, "another"), (parquet, run_id), (quality, "another"), (quality, run_id), (parquet, "another")]
    for (key, of_run), told in zip(puts, [[run_id]] * 3 + [[], [run_id]], strict=True):
        stack.s3.put_object(Bucket=stack.bucket, Key=key, Body=b"", Metadata={"run-id": of_run})
        invoke(stack)
        assert [detail["run_id"] for detail in events(stack, "Snapshot Completed")] == told


def test_the_completed_event_names_what_a_listener_needs(stack: Stack) -> None:
    result = invoke(stack)
    assert events(stack, "Snapshot Completed") == [
        {
            "chain_id": CHAIN,
            "date": TODAY.isoformat(),
            "run_id": result["run_id"],
            "row_count": 5,
            "raw_key": RAW,
            "manifest_key": SNAPSHOT.manifest_key,
            "header_changes": None,
        }
    ]


def test_without_a_bus_and_a_database_their_steps_are_left_out(stack: Stack) -> None:
    result = invoke(stack, variables={"EVENT_BUS_NAME": "", "GLUE_DATABASE": ""})
    assert result["status"] == "complete"
    assert {call.service for call in stack.wire.calls} == {"s3", "secretsmanager"}


def test_a_past_date_by_hand_is_taken_and_the_manifest_says_so(stack: Stack) -> None:
    result = invoke(stack, {"chain_id": CHAIN, "date": "2026-11-20"})
    check = next(check for check in result["checks"] if check["name"] == "taken_on_snapshot_date")
    assert (result["snapshot_date"], check["passed"], check["required"]) == ("2026-11-20", False, False)


def test_a_retry_after_midnight_fills_the_day_it_was_meant_for(stack: Stack) -> None:
    after_midnight = HeldClock(now=NOW.replace(day=23, hour=0, minute=20))
    event = {"chain_ids": [CHAIN], "scheduled_time": "2026-11-22T23:00:00Z"}
    assert invoke(stack, event, held=after_midnight)["snapshot_date"] == "2026-11-22"
    assert aftermath(stack).is_committed


def test_the_header_is_compared_with_the_snapshot_before_and_not_with_a_later_one(stack: Stack) -> None:
    for day, names in (("2026-11-20", HEADER), ("2026-11-22", (*HEADER, "Shoe size"))):
        stack.spaaza.serve(csv_answer(",".join(names).encode() + b"\n"))
        invoke(stack, {"chain_id": CHAIN, "date": day})
    stack.spaaza.serve(csv_answer(",".join((*HEADER[::-1], "Length")).encode() + b"\n"))
    changes = invoke(stack, {"chain_id": CHAIN, "date": "2026-11-21"})["header_changes"]
    assert changes == {"previous_date": "2026-11-20", "added": ("Length",), "removed": (), "reordered": True}


def test_a_bucket_that_serves_another_environment_is_refused(stack: Stack) -> None:
    invoke(stack)
    for event in ({"chain_id": CHAIN}, {"chain_id": CHAIN, "date": "2026-11-21"}):
        with pytest.raises(BadSettings, match="test01 on 2026-11-22, this run is for prod"):
            invoke(stack, event, variables={"SPAAZA_ENVIRONMENT": "prod"})
    assert len(stack.spaaza.requests) == 1


def test_several_chains_without_a_bus_are_refused(stack: Stack) -> None:
    settings = Settings.from_environment(stack.environment())
    with pytest.raises(InvalidRequest, match="EVENT_BUS_NAME"):
        fan_out(parse_request({}, settings, NOW), bus=None)
