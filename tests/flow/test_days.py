"""The days of a chain, as the bucket shows them after real runs."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import generated_users
from spaaza_snapshots.errors import SnapshotHeld
from spaaza_snapshots.model import keys
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.upkeep.days import State, StoredDay, chains_in, dates_of, day_of, days_of, oldest_kept
from tests.support import conversions
from tests.support.flow import CHAIN, SNAPSHOT, TODAY, invoke

LONG_AGO = date(2020, 1, 1)


def look_at(stack: Stack, snapshot_id: SnapshotId = SNAPSHOT, oldest_raw: date = LONG_AGO) -> StoredDay:
    return day_of(SnapshotStore(stack.s3, stack.bucket), snapshot_id, oldest_raw)


def take(stack: Stack, users: int, event: Mapping[str, object] | None = None) -> None:
    stack.spaaza.serve(generated_users(users))
    with suppress(SnapshotHeld):
        invoke(stack, event)


def test_a_day_that_was_never_exported_is_missing(stack: Stack) -> None:
    assert look_at(stack) == StoredDay(SNAPSHOT, State.MISSING)


def test_a_committed_day_is_complete_and_typed_once_its_copy_is_that_of_its_run(stack: Stack) -> None:
    take(stack, 20)
    found = look_at(stack)
    assert (found.state, found.is_typed) == (State.COMPLETE, False)
    conversions.build(stack)
    assert look_at(stack).is_typed
    take(stack, 20, {"chain_id": CHAIN, "force": True})
    assert not look_at(stack).is_typed


def test_a_held_day_is_held_and_has_the_draft_that_waits(stack: Stack) -> None:
    take(stack, 50, {"chain_id": CHAIN, "date": (TODAY - timedelta(days=1)).isoformat()})
    take(stack, 5)
    found = look_at(stack)
    assert found.state is State.HELD
    assert found.manifest is not None
    assert (found.manifest.row_count, found.manifest.is_doubtful) == (5, True)


def test_a_draft_that_was_not_promoted_is_unfinished(stack: Stack) -> None:
    take(stack, 20)
    draft = stack.read(SNAPSHOT.manifest_key)
    manifest = look_at(stack).manifest
    assert manifest is not None
    stack.s3.put_object(Bucket=stack.bucket, Key=manifest.pending_key, Body=draft)
    stack.s3.delete_object(Bucket=stack.bucket, Key=SNAPSHOT.manifest_key)
    assert look_at(stack).state is State.UNFINISHED


@pytest.mark.parametrize("body", [b"[]", b"", b"\xff"])
def test_a_manifest_that_cannot_be_read_is_damage(stack: Stack, body: bytes) -> None:
    take(stack, 20)
    stack.s3.put_object(Bucket=stack.bucket, Key=SNAPSHOT.manifest_key, Body=body)
    assert look_at(stack) == StoredDay(SNAPSHOT, State.DAMAGED)


def test_an_export_that_is_gone_has_expired_if_it_was_old_enough_and_is_damage_otherwise(stack: Stack) -> None:
    take(stack, 20)
    stack.s3.delete_object(Bucket=stack.bucket, Key=SNAPSHOT.raw_key)
    assert look_at(stack, oldest_raw=TODAY).state is State.DAMAGED
    assert look_at(stack, oldest_raw=TODAY + timedelta(days=1)).state is State.EXPIRED


def test_the_typed_copy_of_a_day_outlives_its_export(stack: Stack) -> None:
    take(stack, 20)
    conversions.build(stack)
    stack.s3.delete_object(Bucket=stack.bucket, Key=SNAPSHOT.raw_key)
    found = look_at(stack, oldest_raw=TODAY + timedelta(days=1))
    assert (found.state, found.is_typed) == (State.EXPIRED, True)


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Europe/Amsterdam", "Asia/Tokyo"])
def test_a_day_whose_export_s3_has_expired_is_not_one_that_must_be_there(zone: str) -> None:
    """S3 expires at the first midnight in UTC after so many days, whatever the zone of the stack is."""
    taken = datetime.combine(TODAY, time(3), ZoneInfo(zone))
    expired_at = datetime.combine((taken.astimezone(UTC) + timedelta(days=30 + 1)).date(), time(), UTC)
    today = expired_at.astimezone(taken.tzinfo).date()
    assert taken.date() < oldest_kept(today, 30)
    assert not taken.date() < oldest_kept(today - timedelta(days=2), 30)


def test_several_days_are_looked_at_at_once_in_their_order(stack: Stack) -> None:
    take(stack, 20)
    asked = [SnapshotId(CHAIN, TODAY - timedelta(days=days)) for days in range(12)]
    found = days_of(SnapshotStore(stack.s3, stack.bucket), asked, LONG_AGO)
    assert [day.snapshot_id for day in found] == asked
    assert [day.state for day in found] == [State.COMPLETE] + [State.MISSING] * 11


def test_the_bucket_tells_its_chains_and_their_dates_whatever_else_lies_there(stack: Stack) -> None:
    take(stack, 20)
    for key in (
        "raw/users/chain_id=7/dt=2026-11-20/users.csv.gz",
        "pending/users/chain_id=7/dt=2026-11-21/1.json",
        "manifests/users/chain_id=7/dt=2026-02-30/manifest.json",
        "raw/users/chain_id=7/dt=2026-W47-7/users.csv.gz",
        "raw/users/chain_id=x/dt=2026-11-20/users.csv.gz",
        "raw/users/notes.txt",
    ):
        stack.s3.put_object(Bucket=stack.bucket, Key=key, Body=b"x")
    assert chains_in(stack.s3, stack.bucket) == [7, CHAIN]
    assert chains_in(stack.s3, stack.bucket, (keys.PENDING_ROOT,)) == [7]
    assert chains_in(stack.s3, stack.bucket, (keys.PENDING_ROOT, keys.PARQUET_ROOT, keys.ERASURES_ROOT)) == [7]
    assert chains_in(stack.s3, stack.bucket, (keys.ERASURES_ROOT,)) == []
    assert dates_of(stack.s3, stack.bucket, 7) == [date(2026, 11, 20), date(2026, 11, 21)]
    assert dates_of(stack.s3, stack.bucket, CHAIN) == [TODAY]
