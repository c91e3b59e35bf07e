"""The run: from a request to a committed snapshot, in the order in which it happens."""

from dataclasses import replace
from datetime import timedelta

from spaaza_snapshots.base.telemetry import logger
from spaaza_snapshots.errors import BadSettings, CredentialsError, InvalidRequest, StorageError
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.snapshot.attempt import export_once
from spaaza_snapshots.snapshot.commit import Day, settle
from spaaza_snapshots.snapshot.doubt import held
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
from spaaza_snapshots.snapshot.held import accept
from spaaza_snapshots.snapshot.retry import attempts
from spaaza_snapshots.snapshot.run import Run
from spaaza_snapshots.snapshot.services import Services

HELD_EXPORTS = 4
"""A held day is exported once and again three times; after that only a person can tell."""


def take_snapshot(run: Run, services: Services) -> SnapshotResult:
    """Make sure that the snapshot of this run is committed, and return its manifest.

    Returns the manifest's fields and `status`, "complete" or "already_complete". Raises a `SnapshotError`; whatever
    was committed by then stays, and the next run goes on from there.
    """
    _measure_days_left(services)
    try:
        _heal_day_before(run, services)
        return _take(run, services)
    finally:
        _measure_damage(run, services)


def _take(run: Run, services: Services) -> SnapshotResult:
    day = settle(services.store, run.snapshot_id)
    _refuse_other_environment(run, services, day)
    conclude_for_others(services, day)
    if day.committed is not None and not run.force:
        return finish(run, services, day.committed, ALREADY_COMPLETE)
    if run.accept:
        return finish(run, services, _accepted(run, services, day), COMPLETE)
    _refuse_held_for_good(run, services, day)
    manifest = _export(run, services)
    if manifest is None:
        return finish(run, services, _winner(run, services), ALREADY_COMPLETE)
    conclude(services, manifest)
    return finish(run, services, manifest, COMPLETE)


def _heal_day_before(run: Run, services: Services) -> None:
    """Promote what the last run of the day before left, and do what is left of its follow-up: it has no run to come.

    Only in runs of the schedule, whose events tell their time. Whatever fails here keeps no run from its own day.
    """
    if run.requested_at is None or run.force:
        return
    today = run.snapshot_id
    before = replace(run, snapshot_id=SnapshotId(today.chain_id, today.snapshot_date - timedelta(days=1)))
    try:
        day = settle(services.store, before.snapshot_id)
        if day.committed is not None and day.committed.environment == run.environment:
            conclude_for_others(services, day)
            follow_up(before, services, day.committed, HEALED)
    except StorageError as error:
        logger.warning("The day before could not be settled", extra={"error": str(error)})
        services.telemetry.measure({"TailsUndone": 1}, today.chain_id)


def _measure_damage(run: Run, services: Services) -> None:
    damaged_keys = services.store.damaged_keys
    if damaged_keys:
        services.telemetry.measure({"DamagedManifests": len(damaged_keys)}, run.snapshot_id.chain_id)


def _measure_days_left(services: Services) -> None:
    """Measure how long the session lasts in every run, also one that exports nothing; only an export needs it."""
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
        logger.warning("The session has ended by its own date; the call is made all the same")


def _refuse_other_environment(run: Run, services: Services, day: Day) -> None:
    """A bucket serves one environment: test users must never stand for real ones, nor the other way round."""
    known = day.committed or services.store.latest(run.snapshot_id.chain_id)
    if known is not None and known.environment != run.environment:
        raise BadSettings(
            "This bucket holds snapshots of another environment",
            f"{known.environment} on {known.snapshot_date}, this run is of {run.environment}",
            "Give each environment a bucket of its own (SNAPSHOT_BUCKET), or correct SPAAZA_ENVIRONMENT.",
        )


def _accepted(run: Run, services: Services, day: Day) -> Manifest:
    if day.held is None:
        raise InvalidRequest(
            "No snapshot is held",
            str(run.snapshot_id),
            "The error SnapshotHeld in the log, and its e-mail, name the chain and the date.",
        )
    settled = accept(services.store, run.snapshot_id, services.clock)
    conclude_for_others(services, settled)
    return _committed(run, settled)


def _refuse_held_for_good(run: Run, services: Services, day: Day) -> None:
    """Stop where the day was exported as often as may help, unless somebody asks for it by force."""
    if day.held is None or run.force:
        return
    exports = services.store.held_count(run.snapshot_id)
    if exports >= HELD_EXPORTS:
        otherwise = f"if not, force another export today: after {exports} of them the schedule makes no more."
        raise held(day.held, otherwise, again=True)


def _export(run: Run, services: Services) -> Manifest | None:
    """Export and commit, again where that may help; None where another run was quicker."""
    for attempt in attempts(services.clock):
        with attempt:
            manifest = export_once(run, services, attempt.retry_state.attempt_number)
    return manifest


def _winner(run: Run, services: Services) -> Manifest:
    """Return what the quicker run has committed, helping it where it has not come so far."""
    return _committed(run, settle(services.store, run.snapshot_id))


def _committed(run: Run, day: Day) -> Manifest:
    if day.held is not None:
        raise held(day.held, again=True)
    if day.committed is None:
        raise StorageError(
            "Another run was quicker, and left no snapshot",
            str(run.snapshot_id),
            "The next run of the schedule exports anew.",
        )
    return day.committed
