"""What must hold at each run's end, and in the bucket when all is quiet.

The rules, by the letter that a violation names (those of each instant are in watch.py):

    d  an undisturbed plain run ends complete, already complete, or held; the manifest then describes the object, as
       does that of the day before if it has a snapshot; what is held can be accepted; the next run changes nothing
    e  no run that was not killed leaves an upload open, unless its abort was refused
    r  what a run returned, or said about a held or a good snapshot, was true at some instant of the run
    x  a run ends with its result or with one of the product's errors; if nothing goes wrong, the only errors are
       `SnapshotHeld`, and `InvalidRequest` for an accept of nothing
"""

from collections.abc import Iterator, Sequence

from sandbox.model.sdk import Killed
from sandbox.model.watch import Standing, Watch, What
from sandbox.model.world import ACCEPT, Actor
from spaaza_snapshots.errors import InvalidRequest, SnapshotError, SnapshotHeld
from spaaza_snapshots.snapshot.follow_up import ALREADY_COMPLETE, COMPLETE


def of_end(actor: Actor, watch: Watch, *, quiet: bool) -> Iterator[str]:
    """Yield what is wrong with a run's end; `quiet`: nothing went wrong in the whole interleaving."""
    if isinstance(actor.error, Killed):
        return
    yield from _open_uploads(actor)
    stood = watch.stood_within(actor.began, actor.ended)
    if actor.result is not None:
        yield from _of_result(actor, stood)
    elif isinstance(actor.error, SnapshotHeld):
        true = {What.HELD} if actor.error.kept else {What.COMMITTED, What.DAMAGED}
        if all(there.what not in true for there in stood):
            yield f"r: {actor.name} says held, kept {actor.error.kept}, but at no instant was it so"
    elif not isinstance(actor.error, SnapshotError):
        yield f"x: {actor.name} ended with {actor.error!r}"
    elif quiet and not (isinstance(actor.error, InvalidRequest) and _may_be_refused(actor, stood)):
        yield f"x: {actor.name} failed although nothing had gone wrong: {actor.error!r}"


def _may_be_refused(actor: Actor, stood: Sequence[Standing]) -> bool:
    """Whether there may be nothing to accept, or the day that a run asks for had a snapshot that is damaged now."""
    return actor.kind == ACCEPT or any(there.what is What.DAMAGED for there in stood)


def _open_uploads(actor: Actor) -> Iterator[str]:
    left = actor.client.known & actor.client.open_uploads
    for upload in sorted(left - actor.client.unfenced):
        yield f"e: {actor.name} left {upload} open"


def _of_result(actor: Actor, stood: list[Standing]) -> Iterator[str]:
    assert actor.result is not None
    run_id, status = actor.result["run_id"], actor.result["status"]
    there = [what for what in stood if what.what is What.COMMITTED and what.run_id == run_id]
    if not there:
        yield f"r: {actor.name} returned {status} for {run_id}, which was not committed while it ran"
    elif status == COMPLETE and actor.kind != ACCEPT and not any(_is_by(actor, what) for what in there):
        yield f"r: {actor.name} returned complete, but the object is another run's"
    if status not in (COMPLETE, ALREADY_COMPLETE):
        yield f"x: {actor.name} returned status {status!r}"


def _is_by(actor: Actor, what: Standing) -> bool:
    return what.version is not None and what.version.upload in actor.client.known


def of_quiet_run(actor: Actor, today: Watch, yesterday: Watch) -> Iterator[str]:
    """Yield what is wrong after an undisturbed plain run."""
    now = today.now
    if yesterday.now.what is What.COMMITTED and not yesterday.now.promoted:
        yield f"d: after the quiet run, the manifest of the day before is not that of {yesterday.now.run_id}"
    if isinstance(actor.error, SnapshotHeld):
        if now.what is not (What.HELD if actor.error.kept else What.DAMAGED):
            yield f"d: the quiet run says held, but the day is {now.what.name.lower()}"
    elif actor.result is None:
        yield f"d: the quiet run failed: {actor.error!r}"
    elif not now.promoted or actor.result["run_id"] != now.run_id:
        yield f"d: after the quiet run, the manifest is not that of the object, {now.run_id}"


def of_quiet_accept(actor: Actor, watch: Watch, held_run_id: str) -> Iterator[str]:
    """Yield what is wrong after the held export was accepted."""
    if actor.result is None or not watch.now.promoted or watch.now.run_id != held_run_id:
        yield f"c: the held export {held_run_id} cannot be accepted: {actor.error!r}"


def of_next_run(actor: Actor, stands: Standing) -> Iterator[str]:
    """Yield what is wrong with the run after that."""
    if actor.result is None or (actor.result["status"], actor.result["run_id"]) != (ALREADY_COMPLETE, stands.run_id):
        yield f"d: the run after the quiet run did not find {stands.run_id} complete: {actor.error!r}"
