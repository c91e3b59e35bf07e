"""What to do about what was found, most urgent first, in the words of docs/OPERATIONS.md."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum
from typing import Final

from spaaza_snapshots.proof.checks import PREVIOUS_READABLE
from spaaza_snapshots.upkeep.chain_days import ChainDays, Standing, Typed
from spaaza_snapshots.upkeep.days import StoredDay
from spaaza_snapshots.upkeep.failures import RunError
from spaaza_snapshots.upkeep.session_dates import Renewal, SessionDates
from spaaza_snapshots.upkeep.unknown import Unknown

OPERATIONS: Final = "docs/OPERATIONS.md"
RESTORE: Final = "Restore what was replaced or deleted"
DAMAGED_RECORD: Final = "A damaged record"


class Trouble(IntEnum):
    """What kind of trouble asks for a step; the first kind is the first thing to do."""

    CREDENTIALS = 1
    """The session has ended, or there is none."""
    DATA = 2
    """A day is held or damaged."""
    LACK = 3
    """Something is missing or behind, or could not be found out."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, and about what; `day`: the snapshot date that it is about, if any."""

    trouble: Trouble
    about: str
    text: str
    day: date = date.min


@dataclass(frozen=True, slots=True)
class Make:
    """The commands of the Makefile; `place` is what each needs to find the stack, such as ENV=test01."""

    place: str = ""

    def __call__(self, target: str, *variables: str) -> str:
        """Return one command."""
        return " ".join(filter(None, ("make", target, *variables, self.place)))

    def snapshot(self, day: StoredDay, *, is_today: bool, accept: bool = False) -> str:
        """Return the command that takes, finishes or accepts a day."""
        of_day = "" if is_today and not accept else f"DATE={day.snapshot_id.snapshot_date}"
        return self("snapshot", f"CHAIN={day.snapshot_id.chain_id}", of_day, "ACCEPT=1" if accept else "")


@dataclass(frozen=True, slots=True)
class Situation:
    """What advice depends on: the next run, None if the schedule starts none; the session, and when it was stored.

    `stored_at` is None where no run was refused.
    """

    make: Make
    next_run: datetime | None
    session: SessionDates | Unknown
    renewal: Renewal | Unknown | None
    stored_at: datetime | None

    def is_refused(self, error: RunError | Unknown | None) -> bool:
        """Whether Spaaza has refused the session that is still in the secret."""
        if not isinstance(error, RunError) or error.name != "SessionExpired":
            return False
        return self.stored_at is None or self.stored_at < error.at

    def why(self, unknown: Unknown) -> str:
        """Return what to do about something that could not be found out."""
        return f"find out why it is unknown ({unknown.reason}); begin with {self.make('doctor')}."

    @property
    def new_session(self) -> str:
        """How to get a new session."""
        log_in = self.make("login")
        if not isinstance(self.renewal, Renewal) or not self.renewal.is_on:
            return log_in
        return f"{self.make('logs', 'FUNCTION=Rotation')} says why it was not renewed; {log_in} does it by hand"

    def steps_for_session(self, warning_days: float, errors: Mapping[int, RunError | Unknown | None]) -> Iterator[Step]:
        """Yield what to do about the session."""
        found = self.session
        if isinstance(found, Unknown):
            yield Step(Trouble.LACK, "session", self.why(found))
        elif found.problem is not None:
            yield Step(Trouble.CREDENTIALS, "session", f"{self.new_session}. {found.problem}.")
        elif found.has_ended:
            yield Step(Trouble.CREDENTIALS, "session", f"{self.new_session}. The session has ended.")
        elif any(map(self.is_refused, errors.values())):
            yield Step(Trouble.CREDENTIALS, "session", f"{self.new_session}. Spaaza refuses the session.")
        elif found.days_left is not None and found.days_left < warning_days:
            yield Step(Trouble.LACK, "session", f"{self.new_session}. The session ends in {found.days_left} days.")

    def steps_for_chain(self, chain: ChainDays, error: RunError | Unknown | None) -> Iterator[Step]:
        """Yield what to do about a chain's days: today's first, then the newest."""
        for day in (*reversed(chain.days), *chain.held):
            standing, is_today = chain.standing(day), day is chain.today
            about, found = str(day.snapshot_id), day.snapshot_id.snapshot_date
            if standing is Standing.HELD:
                yield Step(Trouble.DATA, about, self._held(day), found)
            elif standing is Standing.DAMAGED:
                yield Step(Trouble.DATA, about, self._damaged(day, is_today=is_today), found)
            elif standing is Standing.UNFINISHED:
                yield Step(Trouble.LACK, about, f"{self.make.snapshot(day, is_today=is_today)} finishes it.", found)
            elif standing is Standing.UNTYPED:
                yield Step(Trouble.LACK, about, self._untyped(day, is_today=is_today), found)
            elif standing is Standing.MISSING and is_today:
                yield Step(Trouble.LACK, about, self.missing(day, error), found)
        yield from self._typed(chain)
        yield from self._erasures(chain)

    def _erasures(self, chain: ChainDays) -> Iterator[Step]:
        if isinstance(chain.erasures, Unknown):
            yield Step(Trouble.LACK, f"erasures from chain {chain.chain_id}", self.why(chain.erasures))
            return
        for key in chain.erasures.damaged:
            text = f'restore {key}: "{DAMAGED_RECORD}" in {OPERATIONS}.'
            yield Step(Trouble.LACK, f"erasure from chain {chain.chain_id}", text)
        if chain.erasures.unfinished:
            finish = self.make("erase", f"CHAIN={chain.chain_id}", "YES=1")
            text = f"{finish}, with the ids that it was begun with, finishes it."
            yield Step(Trouble.LACK, f"erasure from chain {chain.chain_id}", text)

    def _held(self, day: StoredDay) -> str:
        accept = self.make.snapshot(day, is_today=False, accept=True)
        if day.manifest and [check.name for check in day.manifest.failed_checks] == [PREVIOUS_READABLE]:
            manifest = f"restore the damaged manifest of an earlier day: manifest-damaged in {OPERATIONS}"
            return f"its rows were compared with nothing. First {manifest}; then, if the rows are right, {accept}."
        return f"if Spaaza confirms these users, {accept}; if not, see snapshot-held in {OPERATIONS}."

    def _damaged(self, day: StoredDay, *, is_today: bool) -> str:
        again = f"{self.make.snapshot(day, is_today=True)} exports it again; else " if is_today else ""
        if day.manifest is None:
            return f"{again}restore its manifest: manifest-damaged in {OPERATIONS}."
        export = f'restore its export, which was replaced or deleted: "{RESTORE}" in {OPERATIONS}'
        return f"{again}{export}. Its manifest is sound: leave it."

    def _untyped(self, day: StoredDay, *, is_today: bool) -> str:
        again = self.make.snapshot(day, is_today=is_today)
        return f"{again} asks for its typed copy again; {self.make('logs', 'FUNCTION=Parquet')} says why it is missing."

    def _typed(self, chain: ChainDays) -> Iterator[Step]:
        about, today = str(chain.today.snapshot_id), chain.today.snapshot_id.snapshot_date
        if chain.typed is Typed.UNFIT:
            text = f"too many of its records cannot be read: parquet-unfit in {OPERATIONS}."
            yield Step(Trouble.DATA, about, text, today)
        elif chain.typed is Typed.UNREADABLE:
            rebuild = self.make("rebuild", f"CHAIN={chain.chain_id}", f"DATE={today}")
            text = f"the findings of its typed copy cannot be read: {rebuild} writes them again."
            yield Step(Trouble.LACK, about, text, today)
        elif isinstance(chain.typed, Unknown):
            yield Step(Trouble.LACK, about, f"its typed copy: {self.why(chain.typed)}", today)
        if chain.unfit_columns:
            text = f"its typed copy has NULL in many rows of columns {', '.join(chain.unfit_columns)}"
            yield Step(Trouble.LACK, about, f"{text}: columns-unfit in {OPERATIONS}.", today)

    def _wait(self, day: StoredDay, take: str) -> str:
        if self.next_run is None or self.next_run.date() > day.snapshot_id.snapshot_date:
            return f"no run comes before midnight: {take}"
        return f"the next run is at {self.next_run:%H:%M}"

    def missing(self, day: StoredDay, error: RunError | Unknown | None) -> str:
        """Return what to do about a day that has no snapshot, by the error of its last run."""
        take = self.make.snapshot(day, is_today=True)
        wait = self._wait(day, take)
        no_session = isinstance(self.session, SessionDates) and self.session.has_ended
        if no_session or self.is_refused(error):
            return f"{self.make('login')}, then {take}."
        if not isinstance(error, RunError):
            none_started = f"if it has none, {self.make('doctor')} says what keeps the schedule's runs from starting"
            return f"{take} starts a run at once and prints its error; {none_started}."
        by_class = {
            "SessionExpired": f"a new session is in the secret since: {take}; {wait}.",
            "CredentialsError": f"do what the error says, then {take}.",
            "ExportRejected": "ask Spaaza: the admin user may not export this chain.",
            "BadSettings": f"correct the parameter that it names, then {self.make('deploy')}.",
            "OutOfTime": f"see long-run in {OPERATIONS}; {wait}.",
            "Killed": f"{take}; {wait}. If Lambda ends that run too, see long-run in {OPERATIONS}.",
            "StorageError": f"check the function's role, the key of the bucket and the status of AWS; {wait}.",
        }
        at_spaaza = ("NotAnExport", "ExportUnavailable", "ExportInterrupted")
        on_their_side = f"{wait}; if that fails too, ask Spaaza, with the times of the runs."
        return on_their_side if error.name in at_spaaza else by_class.get(error.name, f"{take}; {wait}.")
