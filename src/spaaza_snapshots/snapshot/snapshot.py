"""The run: from a request to a committed snapshot, in the order in which it happens."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from spaaza_snapshots.base.telemetry import logger
from spaaza_snapshots.errors import (
    BadSettings,
    CredentialsError,
    InvalidRequest,
    SessionExpired,
    SnapshotHeld,
    StorageError,
)
from spaaza_snapshots.events import bus
from spaaza_snapshots.glue.catalog import GlueCatalog
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.snapshot.attempt import export_once
from spaaza_snapshots.snapshot.commit import Day, promote, settle
from spaaza_snapshots.snapshot.held import accept, held
from spaaza_snapshots.snapshot.retry import attempts
from spaaza_snapshots.snapshot.run import Run

COMPLETE = "complete"
ALREADY_COMPLETE = "already_complete"

HELD_EXPORTS = 4
"""A held day is exported once and again three times; after that only a person can tell."""

Result = Mapping[str, Any]


def take_snapshot(run: Run) -> Result:
    """Make sure that there is a committed snapshot of the run's chain and date, and return its manifest.

    Returns the manifest's fields and `status`, "complete" or "already_complete". Raises a `SnapshotError`; whatever
    was committed by then stays, and the next run goes on from there.
    """
    _tell_days_left(run)
    try:
        _heal_day_before(run)
        return _take(run)
    finally:
        _tell_damage(run)


def _take(run: Run) -> Result:
    day = settle(run.services.store, run.chain_id, run.snapshot_date)
    _refuse_other_environment(run, day)
    _conclude_for_others(run, day)
    if day.committed is not None and not run.force:
        return _finish(run, day.committed, ALREADY_COMPLETE)
    if run.accept:
        return _finish(run, _accepted(run, day), COMPLETE)
    _refuse_held_for_good(run, day)
    record = _export(run, day)
    manifest = None if record is None else promote(run.services.store, record)
    if manifest is None:
        return _finish(run, _winner(run), ALREADY_COMPLETE)
    _conclude(run, manifest)
    return _finish(run, manifest, COMPLETE)


def _heal_day_before(run: Run) -> None:
    """Promote what the last run of the day before left, and send what its tail lacks: no run of that day is to come.

    Only in runs of the schedule, whose events tell their time. Whatever fails here keeps no run from its own day.
    """
    if run.requested_at is None or run.force:
        return
    before = replace(run, snapshot_date=run.snapshot_date - timedelta(days=1))
    try:
        day = settle(before.services.store, before.chain_id, before.snapshot_date)
        _conclude_for_others(before, day)
        if day.committed is not None:
            _follow_up(before, day.committed, ALREADY_COMPLETE)
    except StorageError as error:
        logger.warning("The day before could not be settled", extra={"error": str(error)})
        run.services.telemetry.measure({"TailsUndone": 1}, run.chain_id)


def _tell_damage(run: Run) -> None:
    damaged_keys = run.services.store.damaged_keys
    if damaged_keys:
        run.services.telemetry.measure({"DamagedManifests": len(damaged_keys)}, run.chain_id)


def _tell_days_left(run: Run) -> None:
    """Tell how long the session lasts in every run, also one that exports nothing; only an export needs the session."""
    try:
        session = run.services.read_session()
    except CredentialsError as error:
        logger.warning("The session could not be read", extra={"error": str(error)})
        return
    days_left = session.days_left(run.services.clock.now())
    if days_left is None:
        return
    run.services.telemetry.measure({"SessionDaysLeft": days_left})
    if days_left < 0:
        logger.warning("The session has ended by its own date; the call is made all the same")


def _refuse_other_environment(run: Run, day: Day) -> None:
    """A bucket serves one environment: test users must never stand for real ones, nor the other way round."""
    known = day.committed or run.services.store.latest(run.chain_id)
    if known is not None and known.environment != run.environment:
        raise BadSettings(
            "This bucket holds snapshots of another environment",
            f"{known.environment} on {known.snapshot_date}, this run is of {run.environment}",
            "Give each environment a bucket of its own (SNAPSHOT_BUCKET), or correct SPAAZA_ENVIRONMENT.",
        )


def _conclude_for_others(run: Run, day: Day) -> None:
    """Tell of a snapshot whose run was killed before it could."""
    if day.committed is not None and day.record is not None:
        _conclude(run, day.committed)


def _conclude(run: Run, manifest: Manifest) -> None:
    """Tell of a new snapshot, and then remove its record: while that lies there nobody has told of it for certain."""
    seconds = manifest.run_seconds
    run.services.telemetry.measure(
        {
            "SnapshotsCompleted": 1,
            "Rows": manifest.row_count,
            "RowsWithLineBreaks": manifest.rows_with_line_breaks,
            "GzipBytes": manifest.raw.gzip_bytes,
            "CsvBytes": manifest.raw.csv_bytes,
            "RunSeconds": seconds,
            "CsvBytesPerSecond": manifest.raw.csv_bytes / max(seconds, 0.001),
            "Attempts": manifest.source.attempts,
            "HeaderChanges": int(bool(manifest.header_changes)),
        },
        run.chain_id,
    )
    run.services.store.remove_pending(manifest)


def _accepted(run: Run, day: Day) -> Manifest:
    if day.held is None:
        raise InvalidRequest(
            "No snapshot is held",
            f"chain {run.chain_id}, {run.snapshot_date}",
            "The error SnapshotHeld in the log, and its e-mail, name the chain and the date.",
        )
    settled = accept(run.services.store, run.chain_id, run.snapshot_date, run.services.clock)
    _conclude_for_others(run, settled)
    return _committed(run, settled)


def _refuse_held_for_good(run: Run, day: Day) -> None:
    """Stop where the day was exported as often as may help, unless somebody asks for it by force."""
    if day.held is None or run.force:
        return
    exports = run.services.store.held_count(run.chain_id, run.snapshot_date)
    if exports >= HELD_EXPORTS:
        otherwise = f"if not, force another export today: after {exports} of them the schedule makes no more."
        raise held(day.held, otherwise, again=True)


def _export(run: Run, day: Day) -> Manifest | None:
    """Export, again where that may help; a held export ends here, with its object and its record in place."""
    for attempt in attempts(run.services.clock):
        with attempt:
            record = export_once(run, attempt.retry_state.attempt_number)
    if record is not None and record.is_held:
        raise held(record, again=day.held is not None)
    return record


def _winner(run: Run) -> Manifest:
    """Return what the quicker run has committed, helping it where it has not come so far."""
    return _committed(run, settle(run.services.store, run.chain_id, run.snapshot_date))


def _committed(run: Run, day: Day) -> Manifest:
    if day.held is not None:
        raise held(day.held, again=True)
    if day.committed is None:
        raise StorageError(
            "Another run was quicker, and left no snapshot",
            f"chain {run.chain_id}, {run.snapshot_date}",
            "The next run of the schedule exports anew.",
        )
    return day.committed


def _finish(run: Run, manifest: Manifest, status: str) -> Result:
    """Do what follows a commit and return the result; what of it stays undone is measured, and raised."""
    try:
        _follow_up(run, manifest, status)
    except StorageError:
        run.services.telemetry.measure({"TailsUndone": 1}, run.chain_id)
        raise
    logger.info("Done", extra={"status": status, "rows": manifest.row_count, "snapshot_run_id": manifest.run_id})
    return {**asdict(manifest), "status": status}


def _follow_up(run: Run, manifest: Manifest, status: str) -> None:
    """Announce and keep the tables, each safe to repeat; tables that cannot be kept stop nobody who reads the bus."""
    with ExitStack() as steps:  # the last one first; what one raises does not stop the next
        if run.services.catalog is not None:
            steps.callback(_keep_tables, run, run.services.catalog, manifest, status)
        if run.services.bus is not None:
            steps.callback(_announce, run, run.services.bus, manifest, status)


def _keep_tables(run: Run, catalog: GlueCatalog, manifest: Manifest, status: str) -> None:
    change = catalog.ensure_tables(manifest.columns, manifest.date)
    if status == COMPLETE or not change.raw_conforms:
        run.services.telemetry.measure({"RawTableSkips": int(not change.raw_conforms)}, run.chain_id)


def _announce(run: Run, event_bus: bus.EventBus, manifest: Manifest, status: str) -> None:
    """Tell of a new snapshot, and again of one whose Parquet object or its findings are missing or of another run."""
    if status == ALREADY_COMPLETE:
        derived = run.services.store.derived(run.chain_id, run.snapshot_date)
        if all(there is not None and there.is_of(manifest.run_id) for there in derived):
            return
        run.services.telemetry.measure({"ParquetsMissing": 1}, run.chain_id)
    event_bus.put([bus.snapshot_completed(manifest)])


def report_failure(run: Run, error: Exception) -> None:
    """Tell metrics and the bus of a run that failed; raises nothing, for the error itself must go on."""
    name = "SnapshotsHeld" if isinstance(error, SnapshotHeld) and error.kept else "SnapshotsFailed"
    metrics = {name: 1, "SessionsRejected": 1} if isinstance(error, SessionExpired) else {name: 1}
    run.services.telemetry.measure(metrics, run.chain_id)
    if run.services.bus is None:
        return
    try:
        run.services.bus.put([bus.snapshot_failed(run.chain_id, run.snapshot_date, error)])
    except StorageError as second:
        logger.warning("The failure could not be put on the bus", extra={"error": str(second)})
