"""The run: from a request to a committed snapshot, in order."""

from datetime import timedelta

from spaaza_snapshots.base.telemetry import logger
from spaaza_snapshots.errors import BadSettings, CredentialsError, InvalidRequest, StorageError
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.snapshot.attempt import export_once
from spaaza_snapshots.snapshot.commit import Day, accept, settle
from spaaza_snapshots.snapshot.doubt import held_error
from spaaza_snapshots.snapshot.follow_up import (
    ALREADY_COMPLETE,
    COMPLETE,
    HEALED,
    SnapshotResult,
    conclude,
    conclude_for_others,
    finish,
    follow_up,
)
from spaaza_snapshots.snapshot.retry import attempts
from spaaza_snapshots.snapshot.run import Run, Services

HELD_EXPORTS = 4
"""A held day is exported once, and three times more; after that a person must decide."""


def take_snapshot(run: Run, services: Services) -> SnapshotResult:
    """Make sure that the snapshot of this run is committed.

    Returns the manifest's fields and `status`, "complete" or "already_complete". Raises a `SnapshotError`; what is
    already committed stays, and the next run continues from there.
    """
    _measure_days_left(services)
    try:
        _heal_day_before(run, services)
        return _take(run, services)
    finally:
        if damaged_keys := services.store.damaged_keys:
            services.telemetry.measure({"DamagedManifests": len(damaged_keys)}, run.snapshot_id.chain_id)


def _take(run: Run, services: Services) -> SnapshotResult:
    day = settle(services.store, run.snapshot_id)
    _refuse_other_environment(run, services, day)
    conclude_for_others(services, day)
    if day.committed is not None and not run.force:
        return finish(services, day.committed, ALREADY_COMPLETE)
    if run.accept:
        return finish(services, _accepted(run, services, day), COMPLETE)
    _refuse_day_that_was(run, services)
    _refuse_held_for_good(run, services, day)
    manifest = _export(run, services)
    if manifest is None:
        # the faster run may have been killed before it promoted what it completed
        return finish(services, _committed(run, settle(services.store, run.snapshot_id)), ALREADY_COMPLETE)
    conclude(services, manifest)
    return finish(services, manifest, COMPLETE)


def _heal_day_before(run: Run, services: Services) -> None:
    """Promote the draft that the previous day's last run left, and finish its follow-up: that day has no more runs.

    Runs whose event has a time do this: those of the schedule, and whatever comes over the bus. An error here does not
    stop the run's own day.
    """
    if run.requested_at is None or run.force:
        return
    today = run.snapshot_id
    before = SnapshotId(today.chain_id, today.snapshot_date - timedelta(days=1))
    try:
        day = settle(services.store, before)
        if day.committed is not None and day.committed.environment == run.environment:
            conclude_for_others(services, day)
            follow_up(services, day.committed, HEALED)
    except StorageError as error:
        logger.warning("The previous day could not be recovered", extra={"error": str(error)})
        services.telemetry.measure({"TailsUndone": 1}, today.chain_id)


def _measure_days_left(services: Services) -> None:
    """Measure in every run how long the session lasts; an error is only logged, since only an export needs it."""
    try:
        session = services.read_session()
    except CredentialsError as error:
        logger.warning("The session could not be read", extra={"error": str(error)})
        return
    days_left = session.days_left(services.clock.now())
    if days_left is None:
        return
    services.telemetry.measure({"SessionDaysLeft": days_left})
    if days_left < 0:
        logger.warning("The session has expired according to its own date; trying it anyway")


def _refuse_other_environment(run: Run, services: Services, day: Day) -> None:
    """Refuse a bucket of another environment: test users must never be taken for real ones, or vice versa."""
    known = day.committed or services.store.latest(run.snapshot_id.chain_id)
    if known is not None and known.environment != run.environment:
        raise BadSettings(
            "This bucket holds snapshots of another environment",
            f"{known.environment} on {known.snapshot_date}, this run is for {run.environment}",
            "Give each environment its own bucket (SNAPSHOT_BUCKET), or correct SPAAZA_ENVIRONMENT.",
        )


def _accepted(run: Run, services: Services, day: Day) -> Manifest:
    if day.held is None:
        raise InvalidRequest(
            "No snapshot is held",
            str(run.snapshot_id),
            "The SnapshotHeld error in the log, and its e-mail, name the chain and the date.",
        )
    settled = accept(services.store, run.snapshot_id, services.clock)
    conclude_for_others(services, settled)
    return _committed(run, settled)


def _refuse_day_that_was(run: Run, services: Services) -> None:
    """Refuse a past day whose snapshot is gone, or whose manifest is damaged: its users cannot be exported any more.

    An export of now would put today's users, and whoever was erased, in the place of that day's.
    """
    if run.snapshot_id.snapshot_date < run.taken_on and services.store.manifest(run.snapshot_id) is not None:
        raise InvalidRequest(
            "This day had its snapshot, and an export is always of now",
            str(run.snapshot_id),
            "If its export was erased or has expired, leave it so; else restore what was lost (docs/OPERATIONS.md).",
        )


def _refuse_held_for_good(run: Run, services: Services, day: Day) -> None:
    """Stop if the day has been exported as often as allowed, unless the run is forced."""
    if day.held is None or run.force:
        return
    exports = services.store.held_count(run.snapshot_id)
    if exports >= HELD_EXPORTS:
        otherwise = f"if not, force another export today: after {exports} exports the schedule makes no more."
        raise held_error(day.held, otherwise, again=True)


def _export(run: Run, services: Services) -> Manifest | None:
    """Export and commit, with retries; None if another run was faster."""
    for trying in attempts(services.clock):
        with trying:
            manifest = export_once(run, services, trying.retry_state.attempt_number)
    return manifest


def _committed(run: Run, day: Day) -> Manifest:
    if day.held is not None:
        raise held_error(day.held, again=True)
    if day.committed is None:
        raise StorageError(
            "Another run was faster, but left no snapshot",
            str(run.snapshot_id),
            "The next scheduled run exports again.",
        )
    return day.committed
