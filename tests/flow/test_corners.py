"""Corners of the commit that a reader of the code found: each was shown wrong once, in just this way."""

from datetime import date, timedelta

import pytest

from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import csv_answer, generated_users
from sandbox.wire import faults
from sandbox.wire.faults import Exchange
from sandbox.wire.proxy import HttpAnswer
from spaaza_snapshots.errors import BadSettings, InvalidRequest, OutOfTime, SnapshotHeld
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3 import snapshot_store
from tests.support.builders import HeldClock, documented_csv
from tests.support.flow import CHAIN, SNAPSHOT, TODAY, aftermath, events, invoke

YESTERDAY = SnapshotId(CHAIN, TODAY - timedelta(days=1))
ON_YESTERDAY = {"chain_id": CHAIN, "date": "2026-11-21"}
FORCED = {"chain_id": CHAIN, "force": True}
ACCEPT = {"chain_id": CHAIN, "date": "2026-11-22", "accept": True}
SCHEDULED = {"chain_ids": [CHAIN], "scheduled_time": "2026-11-22T03:00:00Z"}


def damage(stack: Stack, snapshot_id: SnapshotId) -> None:
    stack.s3.put_object(Bucket=stack.bucket, Key=snapshot_id.manifest_key, Body=b"[]")


def test_a_clock_that_is_set_back_during_a_run_leaves_a_manifest_that_can_be_read(stack: Stack) -> None:
    held = HeldClock()
    stack.wire.fail("UploadPart", faults.call(lambda: held.pass_by(-60)))
    first = invoke(stack, held=held)
    assert first["completed_at"] == first["started_at"]
    assert invoke(stack)["status"] == "already_complete"


def test_a_bucket_of_another_environment_hears_nothing_of_its_day_before(stack: Stack) -> None:
    invoke(stack, ON_YESTERDAY)
    events(stack, "Snapshot Completed")
    with pytest.raises(BadSettings, match="another environment"):
        invoke(stack, SCHEDULED, variables={"SPAAZA_ENVIRONMENT": "prod"})
    assert events(stack, "Snapshot Completed") == []


def test_columns_that_moved_yesterday_are_not_measured_today(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    header = documented_csv().decode().rstrip("\n").split(",")
    stack.spaaza.serve(csv_answer(documented_csv("1,a", header=[header[1], header[0], *header[2:]])))
    invoke(stack, ON_YESTERDAY)
    stack.spaaza.serve(csv_answer(documented_csv("1,a")))
    invoke(stack, SCHEDULED)
    capsys.readouterr()
    assert invoke(stack, SCHEDULED)["status"] == "already_complete"
    assert "RawTableSkips" not in capsys.readouterr().out


def test_a_doubtful_export_does_not_replace_a_good_one_whose_manifest_is_damaged(stack: Stack) -> None:
    stack.spaaza.serve(generated_users(100))
    invoke(stack, ON_YESTERDAY)
    good = invoke(stack)
    damage(stack, SNAPSHOT)
    stack.spaaza.serve(generated_users(10))
    with pytest.raises(SnapshotHeld, match="not kept: the snapshot there waits for its manifest"):
        invoke(stack)
    there = aftermath(stack)
    assert (there.raw_run_id, there.open_uploads, there.pending) == (good["run_id"], 0, {})
    stack.spaaza.serve(generated_users(100))
    assert invoke(stack)["status"] == "complete"
    assert aftermath(stack).is_committed


@pytest.mark.parametrize("when", ["scheduled_time", "time"])
def test_the_first_day_of_the_calendar_has_no_day_before_it_and_is_refused(stack: Stack, when: str) -> None:
    asked = {"chain_id": CHAIN, "date": date.min.isoformat()}
    event: dict[str, object] = asked | {"scheduled_time": "2026-11-22T03:00:00Z"}
    if when == "time":
        event = {"source": "spaaza.snapshots", "detail-type": "Snapshot Requested", "time": "2026-11-22T03:00:00Z"}
        event["detail"] = asked
    with pytest.raises(InvalidRequest, match="date"):
        invoke(stack, event)


def test_a_forced_run_that_cannot_be_compared_is_told_to_restore_the_manifest(stack: Stack) -> None:
    invoke(stack, ON_YESTERDAY)
    damage(stack, YESTERDAY)
    with pytest.raises(SnapshotHeld):
        invoke(stack)
    invoke(stack, ACCEPT)
    with pytest.raises(SnapshotHeld, match="manifest-damaged"):
        invoke(stack, FORCED)


def test_an_accepted_manifest_counts_the_parts_of_the_accepted_object(stack: Stack) -> None:
    stack.spaaza.serve(generated_users(80_000))
    invoke(stack, ON_YESTERDAY)
    stack.spaaza.serve(generated_users(42_500))
    with pytest.raises(SnapshotHeld):
        invoke(stack)
    (held,) = aftermath(stack).pending.values()
    accepted = invoke(stack, ACCEPT)
    assert held["raw"]["parts"] == 2
    assert accepted["raw"]["parts"] == int(accepted["raw"]["etag"].strip('"').partition("-")[2] or 1)


def test_an_acceptance_that_runs_out_of_time_stops_and_the_next_one_ends_it(stack: Stack) -> None:
    stack.spaaza.serve(generated_users(80_000))
    invoke(stack, ON_YESTERDAY)
    stack.spaaza.serve(generated_users(50_000))
    with pytest.raises(SnapshotHeld):
        invoke(stack)
    held = HeldClock()
    stack.wire.fail("CreateMultipartUpload", faults.call(held.run_out))
    with pytest.raises(OutOfTime, match="accepting"):
        invoke(stack, ACCEPT, held=held)
    assert aftermath(stack).open_uploads == 0
    assert invoke(stack, ACCEPT)["status"] == "complete"


@pytest.mark.parametrize("answer", [None, faults.error(404, "NoSuchKey")], ids=["of the server here", "of AWS"])
def test_a_run_whose_predecessor_is_deleted_under_it_commits_the_export_it_has(
    stack: Stack, answer: faults.Fault | None
) -> None:
    """AWS answers 404, not 412, if the object of an `If-Match` is gone."""

    def delete_it(exchange: Exchange) -> HttpAnswer | None:
        stack.s3.delete_object(Bucket=stack.bucket, Key=SNAPSHOT.raw_key)
        return answer(exchange) if answer else exchange.forward()

    invoke(stack)
    stack.wire.fail("CompleteMultipartUpload", delete_it)
    assert invoke(stack, FORCED)["source"]["attempts"] == 1
    there = aftermath(stack)
    assert there.is_committed
    assert (there.open_uploads, there.pending) == (0, {})


def test_an_object_too_large_for_a_manifest_is_damage_and_is_not_read(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = invoke(stack)
    padded = stack.read(SNAPSHOT.manifest_key).ljust(100_000)
    stack.s3.put_object(Bucket=stack.bucket, Key=SNAPSHOT.manifest_key, Body=padded)
    monkeypatch.setattr(snapshot_store, "MANIFEST_LIMIT_BYTES", len(padded))
    assert invoke(stack)["status"] == "already_complete"
    monkeypatch.setattr(snapshot_store, "MANIFEST_LIMIT_BYTES", len(padded) - 1)
    capsys.readouterr()
    assert invoke(stack)["run_id"] != first["run_id"]
    assert '"DamagedManifests":[1.0]' in capsys.readouterr().out
    assert aftermath(stack).is_committed
