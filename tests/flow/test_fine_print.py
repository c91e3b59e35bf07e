"""What our S3 server would not notice, and what a whole run hides: promises of the store and the upload, one by one."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from isal import isal_zlib

from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import csv_answer
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME
from spaaza_snapshots.errors import OutOfTime, StorageError
from spaaza_snapshots.model.manifest import Check
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.multipart import PART_BYTES, MultipartUpload
from spaaza_snapshots.s3.objects import checksum_text
from spaaza_snapshots.s3.snapshot_store import Predecessor, SnapshotStore
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.snapshot.wiring import clients_for
from tests.flow.test_figures import measured
from tests.support.builders import HeldClock, documented_csv, manifest
from tests.support.flow import CHAIN, SNAPSHOT, TODAY, invoke

KEY = "raw/users/chain_id=1743/dt=2026-11-22/users.csv.gz"
FAILED = Check("rows_kept_since_previous", required=True, passed=False, notes="")


@pytest.fixture
def store(stack: Stack) -> SnapshotStore:
    return SnapshotStore(clients_for(Settings.from_environment(stack.environment())).s3, stack.bucket)


@pytest.fixture
def upload(stack: Stack) -> MultipartUpload:
    s3 = clients_for(Settings.from_environment(stack.environment())).s3
    return MultipartUpload(s3, s3, stack.bucket, KEY, "run", HeldClock().clock())


def put_manifests(store: SnapshotStore, *days: int) -> None:
    for day in days:
        made = manifest(chain_id=CHAIN, snapshot_date=date(2026, 11, day).isoformat())
        assert store.put_manifest(made, over_etag=None)


@pytest.mark.parametrize("size_bytes", [1, PART_BYTES, 2 * PART_BYTES + 7])
def test_complete_tells_s3_how_many_bytes_there_must_be(stack: Stack, size_bytes: int) -> None:
    s3 = clients_for(Settings.from_environment(stack.environment())).s3
    told: list[Any] = []

    def hear(params: dict[str, Any], **_: object) -> None:
        told.append((params["MpuObjectSize"], params["ChecksumType"], params["ChecksumCRC32"]))

    s3.meta.events.register("provide-client-params.s3.CompleteMultipartUpload", hear)
    with MultipartUpload(s3, s3, stack.bucket, KEY, "run", HeldClock().clock()) as upload:
        upload.write(bytes(size_bytes))
        assert upload.complete(checksum_text(isal_zlib.crc32(bytes(size_bytes))), {}) is not None
    head = stack.s3.head_object(Bucket=stack.bucket, Key=KEY, ChecksumMode="ENABLED")
    assert told == [(size_bytes, "FULL_OBJECT", head["ChecksumCRC32"])]
    assert head["ContentLength"] == size_bytes


def test_a_complete_that_was_not_answered_is_fenced_before_anybody_looks(stack: Stack, upload: MultipartUpload) -> None:
    stack.wire.fail("CompleteMultipartUpload", faults.drop_request, times=EVERY_TIME)
    with upload:
        upload.write(b"ours")
        with pytest.raises(StorageError):
            upload.complete(checksum_text(isal_zlib.crc32(b"ours")), {})
    asked = [call.operation for call in stack.wire.calls if call.operation in ("AbortMultipartUpload", "HeadObject")]
    assert asked == ["AbortMultipartUpload", "HeadObject"]


def test_the_predecessor_is_the_last_day_before_and_never_the_day_itself(store: SnapshotStore) -> None:
    put_manifests(store, 19, 20, 22, 23)
    found = store.previous(SNAPSHOT)
    assert found.manifest is not None
    assert (found.manifest.snapshot_date, found.damaged) == ("2026-11-20", ())
    assert store.previous(SnapshotId(CHAIN, date(2026, 11, 19))) == Predecessor(None, ())
    latest = store.latest(CHAIN)
    assert latest is not None
    assert latest.snapshot_date == "2026-11-23"


def test_damaged_manifests_on_the_way_to_the_predecessor_are_told_the_last_one_first(
    stack: Stack, store: SnapshotStore
) -> None:
    put_manifests(store, 18, 19, 20, 21)
    for day in (20, 21):
        key = SnapshotId(CHAIN, date(2026, 11, day)).manifest_key
        stack.s3.put_object(Bucket=stack.bucket, Key=key, Body=b"{")
    found = store.previous(SNAPSHOT)
    assert found.manifest is not None
    assert (found.manifest.snapshot_date, found.damaged) == ("2026-11-19", (date(2026, 11, 21), date(2026, 11, 20)))


def test_only_doubtful_drafts_of_that_day_count_as_held(stack: Stack, store: SnapshotStore) -> None:
    sound = manifest(chain_id=CHAIN, snapshot_date=TODAY.isoformat())
    doubtful = replace(sound, checks=(FAILED,))
    for run_id in ("one", "two"):
        store.write_ahead(replace(doubtful, run_id=run_id))
    store.write_ahead(replace(sound, run_id="killed"))
    store.write_ahead(replace(doubtful, run_id="yesterday", snapshot_date="2026-11-21"))
    stack.s3.put_object(Bucket=stack.bucket, Key=SNAPSHOT.pending_key("damaged"), Body=b"{")
    assert store.held_count(SNAPSHOT) == 2


def test_columns_that_moved_are_measured_when_a_day_is_complete_and_as_long_as_they_do_not_fit(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    header = documented_csv().decode().rstrip("\n").split(",")
    stack.spaaza.serve(csv_answer(documented_csv("1,a", header=[header[1], header[0], *header[2:]])))
    for status in ("complete", "already_complete"):
        assert invoke(stack)["status"] == status
        assert measured(capsys.readouterr().out)["RawTableSkips"] == 1


def test_columns_that_fit_are_measured_once(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(stack)["status"] == "complete"
    assert measured(capsys.readouterr().out)["RawTableSkips"] == 0
    assert invoke(stack)["status"] == "already_complete"
    assert "RawTableSkips" not in measured(capsys.readouterr().out)


def test_a_run_whose_time_ends_between_two_tries_to_commit_tells_what_it_had_proven(stack: Stack) -> None:
    held = HeldClock()

    def lose_the_race_and_the_time() -> None:
        stack.s3.put_object(Bucket=stack.bucket, Key=SNAPSHOT.raw_key, Body=b"another's")
        held.run_out()

    stack.wire.fail("CompleteMultipartUpload", faults.call(lose_the_race_and_the_time))
    with pytest.raises(OutOfTime, match=r"committing the snapshot: [\d,]+ bytes received, all of them proven"):
        invoke(stack, held=held)
    assert stack.open_uploads() == []
