"""What stands for a day, and how a draft becomes a manifest while others write too."""

import pytest

from sandbox.aws.stack import Stack
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME
from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.model import keys
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.s3.objects import ROUNDS
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.snapshot.commit import look, promote, settle
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.snapshot.wiring import clients_for
from tests.support import builders
from tests.support.flow import CHAIN, SNAPSHOT, TODAY, aftermath, invoke

RAW = SNAPSHOT.raw_key


@pytest.fixture
def store(stack: Stack) -> SnapshotStore:
    return SnapshotStore(clients_for(Settings.from_environment(stack.environment())).s3, stack.bucket)


STRAYS = ("notes.txt", "backup/manifest.json", "dt=2026-02-30/manifest.json", "dt=2026-01-01/old/manifest.json")


@pytest.fixture
def draft(stack: Stack, store: SnapshotStore) -> Manifest:
    """A draft written ahead, and its object in place."""
    made = builders.manifest(chain_id=CHAIN, snapshot_date=TODAY.isoformat(), run_id="ours")
    store.write_ahead(made)
    stack.s3.put_object(Bucket=stack.bucket, Key=RAW, Body=b"", Metadata={"run-id": "ours"})
    return made


def test_a_draft_whose_object_is_in_place_is_promoted_with_what_s3_tells_of_it(
    stack: Stack, store: SnapshotStore, draft: Manifest
) -> None:
    day = settle(store, SNAPSHOT)
    head = stack.s3.head_object(Bucket=stack.bucket, Key=RAW)
    assert day.committed is not None
    assert day.draft == draft  # until the snapshot was told of
    assert (day.committed.raw.etag, day.committed.raw.version_id) == (head["ETag"], head["VersionId"])


def test_looking_changes_nothing(stack: Stack, store: SnapshotStore, draft: Manifest) -> None:
    assert look(store, SNAPSHOT).draft == draft
    assert list(aftermath(stack).pending) == ["ours"]


def test_an_object_without_a_run_id_is_no_snapshot(stack: Stack, store: SnapshotStore) -> None:
    stack.s3.put_object(Bucket=stack.bucket, Key=RAW, Body=b"by hand")
    day = settle(store, SNAPSHOT)
    assert (day.committed, day.held, day.draft) == (None, None, None)
    assert invoke(stack)["status"] == "complete"
    assert aftermath(stack).is_committed


def test_a_draft_whose_object_is_not_in_place_is_not_promoted(
    stack: Stack, store: SnapshotStore, draft: Manifest
) -> None:
    stack.s3.put_object(Bucket=stack.bucket, Key=RAW, Body=b"", Metadata={"run-id": "another"})
    store.write_ahead(draft)
    assert promote(store, draft) is None
    assert aftermath(stack).pending == {}  # it can never be promoted again
    stack.s3.delete_object(Bucket=stack.bucket, Key=RAW)
    assert promote(store, draft) is None
    assert aftermath(stack).manifest is None


@pytest.mark.parametrize(
    ("status", "code"), [(409, "ConditionalRequestConflict"), (412, "PreconditionFailed"), (404, "NoSuchKey")]
)
def test_a_manifest_that_another_run_just_writes_is_tried_again_from_the_start(
    stack: Stack, store: SnapshotStore, draft: Manifest, status: int, code: str
) -> None:
    stack.wire.fail("PutObject", faults.error(status, code), key_contains="manifests/")
    assert promote(store, draft) is not None
    assert look(store, SNAPSHOT).committed is not None


def test_others_that_are_always_quicker_end_in_an_error_and_not_in_a_loop(
    stack: Stack, store: SnapshotStore, draft: Manifest
) -> None:
    lost = faults.error(412, "PreconditionFailed")
    stack.wire.fail("PutObject", lost, key_contains="manifests/", times=EVERY_TIME)
    with pytest.raises(StorageError, match=f"{ROUNDS} rounds"):
        promote(store, draft)
    assert list(aftermath(stack).pending) == ["ours"]


def test_a_manifest_that_was_put_and_not_answered_is_found_the_next_time(
    stack: Stack, store: SnapshotStore, draft: Manifest
) -> None:
    stack.wire.fail("PutObject", faults.lose_answer, key_contains="manifests/")
    assert promote(store, draft) is not None
    assert look(store, SNAPSHOT).committed is not None


@pytest.mark.parametrize("name", STRAYS)
def test_a_stray_object_among_the_manifests_is_passed_over(stack: Stack, name: str) -> None:
    stack.s3.put_object(Bucket=stack.bucket, Key=f"{keys.chain_prefix(keys.MANIFESTS_ROOT, CHAIN)}{name}", Body=b"?")
    assert invoke(stack)["status"] == "complete"


def test_an_object_that_is_replaced_while_its_day_is_looked_at_is_looked_at_again(
    stack: Stack, store: SnapshotStore
) -> None:
    first = invoke(stack)

    def replace_it() -> None:
        invoke(stack, {"chain_id": CHAIN, "force": True})

    stack.wire.fail("GetObject", faults.call(replace_it), key_contains=f"pending/users/chain_id={CHAIN}")
    day = look(store, SNAPSHOT)
    assert day.committed is not None
    assert day.committed.run_id == aftermath(stack).raw_run_id != first["run_id"]
