"""What to do about a day that is missing, by the error of its last run."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from spaaza_snapshots import errors
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.upkeep.advice import Make, Situation
from spaaza_snapshots.upkeep.days import State, StoredDay
from spaaza_snapshots.upkeep.failures import RunError
from spaaza_snapshots.upkeep.session_dates import Renewal, SessionDates
from spaaza_snapshots.upkeep.unknown import Unknown

AT_SEVEN = datetime(2026, 11, 22, 7, tzinfo=UTC)
MISSING = StoredDay(SnapshotId(1743, date(2026, 11, 22)), State.MISSING)
GOOD = SessionDates(datetime(2026, 12, 6, tzinfo=UTC), 14.0)


def situation(session: SessionDates = GOOD, renewal: Renewal | None = None) -> Situation:
    return Situation(Make("ENV=test01"), AT_SEVEN.replace(hour=8), session, renewal, stored_at=None)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("SessionExpired", "make login ENV=test01, then make snapshot CHAIN=1743 ENV=test01."),
        ("CredentialsError", "do what the error says, then make snapshot CHAIN=1743 ENV=test01."),
        ("ExportRejected", "ask Spaaza: the admin user may not export this chain."),
        ("NotAnExport", "the next run is at 08:00; if that fails too, ask Spaaza, with the times of the runs."),
        (
            "ExportUnavailable",
            "the next run is at 08:00; if that fails too, ask Spaaza, with the times of the runs.",
        ),
        (
            "ExportInterrupted",
            "the next run is at 08:00; if that fails too, ask Spaaza, with the times of the runs.",
        ),
        ("OutOfTime", "see long-run in docs/OPERATIONS.md; the next run is at 08:00."),
        (
            "StorageError",
            "check the function's role, the key of the bucket and the status of AWS; the next run is at 08:00.",
        ),
        ("BadSettings", "correct the parameter that it names, then make deploy ENV=test01."),
        (
            "Killed",
            "make snapshot CHAIN=1743 ENV=test01; the next run is at 08:00. If Lambda ends that run too, see"
            " long-run in docs/OPERATIONS.md.",
        ),
    ],
)
def test_each_error_has_its_cure(name: str, told: str) -> None:
    assert situation().missing(MISSING, RunError(AT_SEVEN, name, "", (1743,))) == told


def test_after_the_last_run_of_a_day_nobody_is_told_to_wait() -> None:
    at_night = replace(situation(), next_run=AT_SEVEN.replace(day=23, hour=3))
    for nobody_comes in (at_night, replace(situation(), next_run=None)):
        told = nobody_comes.missing(MISSING, RunError(AT_SEVEN, "ExportUnavailable", ""))
        assert told.startswith("no run comes before midnight: make snapshot CHAIN=1743 ENV=test01; ")


def test_where_no_run_has_failed_doctor_tells_what_keeps_them_from_starting() -> None:
    assert "if it has none, make doctor ENV=test01 says" in situation().missing(MISSING, None)


def test_every_error_that_asks_somebody_to_act_has_a_cure_of_its_own() -> None:
    names = {name for name, found in vars(errors).items() if isinstance(found, type)} - {"SnapshotError"}
    otherwise = situation().missing(MISSING, RunError(AT_SEVEN, "Unheard", ""))
    without = {name for name in names if situation().missing(MISSING, RunError(AT_SEVEN, name, "")) == otherwise}
    assert without == {"InvalidRequest", "LoginRefused", "SnapshotHeld"}  # the last is a state of its own


def test_without_a_session_no_other_error_matters() -> None:
    ended = situation(SessionDates(AT_SEVEN, -0.5))
    for error in (RunError(AT_SEVEN, "OutOfTime", ""), Unknown("AccessDenied"), None):
        assert ended.missing(MISSING, error).startswith("make login ENV=test01, then make snapshot")


def test_a_session_that_should_have_renewed_itself_leads_to_the_log_that_says_why_not() -> None:
    (step,) = situation(SessionDates(AT_SEVEN, 2.0), Renewal(None, None)).steps_for_session(5, {})
    assert step.text.startswith("make logs FUNCTION=Rotation ENV=test01 says why it was not renewed; make login ENV=")
