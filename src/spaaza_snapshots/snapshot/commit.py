"""How an export becomes, and stays, the snapshot of its day: every step, in the order of `commit`.

    settle        promote the draft that a killed run may have left, and read the current state
    judge         compare with the current state; a doubtful export is held
    write ahead   write the draft, a finished manifest, to pending/{run_id}.json
    complete      make the raw object visible, if the key has not changed since it was judged; its run-id says which
                  draft is its own: the commit point
    promote       make the draft manifest.json, if the raw object is still the draft's own

`accept` commits an export that was held, which is not visible until then.

Any run that finds an object whose draft was not promoted promotes it. So after a crash at any instant, and with any
number of concurrent runs, the manifest describes the current object, at the latest after the next run.
"""

from contextlib import ExitStack
from dataclasses import dataclass

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.multipart import MultipartUpload
from spaaza_snapshots.s3.objects import ROUNDS, Condition, StoredObject, unchanged
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.snapshot.doubt import NOT_KEPT, doubtful_error, held_error
from spaaza_snapshots.snapshot.draft import Proven, draft_of
from spaaza_snapshots.snapshot.run import Run


@dataclass(frozen=True, slots=True)
class Day:
    """The current state of one snapshot.

    `draft` is the draft of the current object under pending/. Next to a committed manifest it means that the snapshot
    has not been reported yet. `damaged`: the manifest cannot be read, so it is unknown whose it is.
    """

    raw: StoredObject | None
    committed: Manifest | None = None
    draft: Manifest | None = None
    damaged: bool = False

    @property
    def held(self) -> Manifest | None:
        """The draft that only `accept` may commit, or None."""
        if self.committed is not None or self.draft is None or not self.draft.is_doubtful:
            return None
        return None if self.raw is None or self.raw.accepted else self.draft

    @property
    def if_unchanged(self) -> Condition:
        """What S3 must still find when an upload completes over this state."""
        return unchanged(None if self.raw is None else self.raw.etag)


def commit(run: Run, proven: Proven, upload: MultipartUpload, store: SnapshotStore, clock: Clock) -> Manifest | None:
    """Commit a proven export and return its manifest; None if another run was faster.

    The upload completes only over the state that the export was judged against. If another run has changed that
    state, the export is judged again. Raises `SnapshotHeld` for a doubtful one, `StorageError`, `OutOfTime`.
    """
    with ExitStack() as leaving:  # removes a draft that has lost, on the way out
        for _ in range(ROUNDS):
            clock.require("committing the snapshot", f"{proven.raw.gzip_bytes:,} bytes received, all of them proven")
            day = settle(store, run.snapshot_id)
            if day.committed is not None and not run.force:
                return None
            draft = _judge(run, proven, store, day)
            leaving.pop_all()  # the draft of the round that was lost is written again, and an object may soon name it
            store.write_ahead(draft)
            if draft.is_doubtful and day.held is not None:
                raise held_error(day.held, again=True)  # that one waits; this draft is for `held_count`
            if upload.complete(proven.raw.checksum, day.if_unchanged) is not None:
                if draft.is_doubtful:
                    raise held_error(draft)
                return promote(store, draft)
            # Not at once: if S3 carried the removal out late, it would remove the draft of the next round.
            leaving.callback(store.remove_pending, draft)
        raise _outrun(run.snapshot_id)


def _judge(run: Run, proven: Proven, store: SnapshotStore, day: Day) -> Manifest:
    """Return the draft of an export, compared with what is there.

    A doubtful export never replaces a committed snapshot, or one whose manifest was damaged later: those are good.
    """
    draft = draft_of(run, proven, store.previous(run.snapshot_id), replaced=day.committed)
    if draft.is_doubtful and (day.committed is not None or (day.damaged and day.held is None)):
        there = "the good snapshot stays in place" if day.committed else "the snapshot there waits for its manifest"
        raise doubtful_error(draft, f"this export was not kept: {there}", NOT_KEPT, kept=False)
    return draft


def look(store: SnapshotStore, snapshot_id: SnapshotId) -> Day:
    """Return the current state without changing it; raises `StorageError`."""
    for _ in range(ROUNDS):
        raw = store.raw(snapshot_id)
        if raw is None or raw.run_id is None:
            return Day(raw)
        # Read the draft first: it is removed only after its manifest is written, so one of the two is found...
        draft = store.pending(snapshot_id, raw.run_id)
        stored = store.manifest(snapshot_id)
        manifest = None if stored is None else stored.manifest
        committed = manifest if manifest is not None and raw.is_of(manifest.run_id) else None
        # ... unless another run has replaced the object.
        if draft is not None or committed is not None or store.raw(snapshot_id) == raw:
            return Day(raw, committed, draft, damaged=stored is not None and manifest is None)
    raise _outrun(snapshot_id)


def settle(store: SnapshotStore, snapshot_id: SnapshotId) -> Day:
    """Return the current state, after promoting the draft that a killed run may have left; raises `StorageError`."""
    for _ in range(ROUNDS):
        day = look(store, snapshot_id)
        if day.draft is None or day.committed is not None or day.held is not None:
            return day
        promote(store, day.draft)
    raise _outrun(snapshot_id)


def promote(store: SnapshotStore, draft: Manifest) -> Manifest | None:
    """Make a draft the manifest. If another run has replaced its object, remove the draft and return None.

    A promoted draft stays under pending/ until its snapshot is reported (`conclude` in follow_up.py). Idempotent and
    safe to run concurrently. Raises `StorageError`.
    """
    for _ in range(ROUNDS):
        stored = store.manifest(draft.snapshot_id)
        raw = store.raw(draft.snapshot_id)
        if raw is None or not raw.is_of(draft.run_id):
            store.remove_pending(draft)  # it can never be promoted again
            return None
        manifest = draft.of_object(raw.etag, raw.version_id)
        if store.put_manifest(manifest, over_etag=None if stored is None else stored.etag):
            return manifest
    raise _outrun(draft.snapshot_id)


def accept(store: SnapshotStore, snapshot_id: SnapshotId, clock: Clock) -> Day:
    """Commit the held export, unless a good one has replaced it, and return the new state.

    The object itself is marked as accepted, and the `settle` of the next round promotes its draft: only a changed
    object can stop another run's Complete that is in flight.
    """
    for _ in range(ROUNDS):
        day = settle(store, snapshot_id)
        if day.held is None or day.raw is None:
            return day
        clock.require("accepting the snapshot")
        store.reupload_accepted(day.held, day.raw, clock)
    raise _outrun(snapshot_id)


def _outrun(snapshot_id: SnapshotId) -> StorageError:
    """Return the error of a run that lost every round."""
    return StorageError(
        "Other runs of this snapshot were always faster",
        f"{snapshot_id}, {ROUNDS} rounds",
        "Find out who invokes the function so often; the next scheduled run recovers.",
    )
