"""How a stack stands right now, from its bucket, its secret, its log and its queues. It changes nothing anywhere."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from spaaza_snapshots.errors import SnapshotHeld
from spaaza_snapshots.upkeep.advice import OPERATIONS, Make, Situation, Step, Trouble
from spaaza_snapshots.upkeep.chain_days import Bucket, ChainDays, Standing, chain_days
from spaaza_snapshots.upkeep.failures import RunError, errors_of, last_of
from spaaza_snapshots.upkeep.queues import waiting
from spaaza_snapshots.upkeep.schedule import Schedule
from spaaza_snapshots.upkeep.scheduler import PUT_BACK, Fault
from spaaza_snapshots.upkeep.session_dates import Renewal, SessionDates, renewal, session_dates, stored_at
from spaaza_snapshots.upkeep.unknown import Unknown, known

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sqs import SQSClient

SHOWN_DAYS: Final = 14
UNDONE: Final = (Standing.MISSING, Standing.DAMAGED, Standing.UNFINISHED, Standing.HELD)


@dataclass(frozen=True, slots=True)
class Place:
    """What there is to look at, and the clients that look.

    `schedule_fault` finds out what is wrong with the schedule as it is, `log_group` where the export function logs.
    """

    bucket: Bucket
    chain_ids: tuple[int, ...]
    schedule: Schedule
    schedule_fault: Callable[[], Fault | None]
    secrets_manager: "SecretsManagerClient"
    secret_id: str
    renews: bool
    session_warning_days: float
    sqs: "SQSClient"
    undelivered_url: str
    failed_url: str
    logs: Any
    log_group: Callable[[], str]
    make: Make


@dataclass(frozen=True, slots=True)
class Status:
    """How a stack stands; `errors` has the last error of each chain that has no snapshot of today.

    `next_run` is when the template has it, and true only without a `schedule_fault`.
    `steps`: what to do, the first thing first; none if all is good.
    """

    now: datetime
    next_run: datetime
    schedule_fault: Fault | Unknown | None
    chains: Mapping[int, ChainDays | Unknown]
    errors: Mapping[int, RunError | Unknown | None]
    session: SessionDates | Unknown
    renewal: Renewal | Unknown | None
    undelivered_events: int | Unknown
    failed_runs: int | Unknown
    steps: tuple[Step, ...]


def status_of(place: Place, now: datetime) -> Status:
    """Look at everything at once; what cannot be found out is `Unknown`."""
    secret = place.secrets_manager, place.secret_id
    with ThreadPoolExecutor() as sources:
        fault = sources.submit(known, place.schedule_fault)
        session = sources.submit(known, lambda: session_dates(*secret, now))
        renewed = sources.submit(known, lambda: renewal(*secret) if place.renews else None)
        undelivered = sources.submit(known, lambda: waiting(place.sqs, place.undelivered_url))
        failed = sources.submit(known, lambda: waiting(place.sqs, place.failed_url))
        today, is_due = place.schedule.today(now), place.schedule.is_due(now)
        look = partial(chain_days, place.bucket, today=today, count=SHOWN_DAYS, is_due=is_due)
        chains = {chain_id: known(partial(look, chain_id)) for chain_id in place.chain_ids}
        errors = _errors(place, chains, now)
    found = Status(
        now=now,
        next_run=place.schedule.next_run(now),
        schedule_fault=fault.result(),
        chains=chains,
        errors=errors,
        session=session.result(),
        renewal=renewed.result(),
        undelivered_events=undelivered.result(),
        failed_runs=failed.result(),
        steps=(),
    )
    # the first kind of trouble is the first thing to do, and of one kind the newest day
    steps = sorted(_steps(place, found), key=lambda step: (step.trouble, -step.day.toordinal()))
    return replace(found, steps=tuple(steps))


def _errors(
    place: Place, chains: Mapping[int, ChainDays | Unknown], now: datetime
) -> Mapping[int, RunError | Unknown | None]:
    """Return the last error of each chain whose day is not done; the log is read only if there is one.

    Of a held day only what is news: its own error says no more than it does, a later run's refused session does.
    """
    looked_at = [chain for chain in chains.values() if isinstance(chain, ChainDays)]
    undone = {chain.chain_id: found for chain in looked_at if (found := chain.standing(chain.today)) in UNDONE}
    if not undone:
        return {}
    since, today = place.schedule.day_began(now), place.schedule.today(now)
    logged = known(lambda: errors_of(place.logs, place.log_group(), since, today))
    errors = {chain_id: logged if isinstance(logged, Unknown) else last_of(logged, chain_id) for chain_id in undone}
    return {of: error for of, error in errors.items() if undone[of] is not Standing.HELD or _is_news(error)}


def _is_news(error: RunError | Unknown | None) -> bool:
    return isinstance(error, Unknown) or (error is not None and error.name != SnapshotHeld.__name__)


def _steps(place: Place, found: Status) -> Iterator[Step]:
    """Yield what to do, in no order."""
    expired = any(isinstance(error, RunError) and error.name == "SessionExpired" for error in found.errors.values())
    stored = known(lambda: stored_at(place.secrets_manager, place.secret_id)) if expired else None
    since = None if isinstance(stored, Unknown) else stored
    next_run = None if isinstance(found.schedule_fault, Fault) else found.next_run
    situation = Situation(place.make, next_run, found.session, found.renewal, since)
    yield from situation.steps_for_session(place.session_warning_days, found.errors)
    for chain_id, chain in found.chains.items():
        if isinstance(chain, Unknown):
            yield Step(Trouble.LACK, f"chain {chain_id}", situation.why(chain))
        else:
            yield from situation.steps_for_chain(chain, found.errors.get(chain_id))
    yield from _other_steps(found, situation)


def _other_steps(found: Status, situation: Situation) -> Iterator[Step]:
    if isinstance(found.schedule_fault, Fault):
        fault = found.schedule_fault
        yield Step(Trouble.LACK, "schedule", f"{fault.text}. {fault.fix}")
    if isinstance(found.renewal, Renewal) and not found.renewal.is_on:
        yield Step(Trouble.LACK, "renewal", f"RenewSession is true, but the secret does not rotate. {PUT_BACK}")
    if isinstance(found.undelivered_events, int) and found.undelivered_events:
        text = f"read what is in the queue: undelivered-events in {OPERATIONS}."
        yield Step(Trouble.LACK, "undelivered events", text)
    others = {
        "schedule": found.schedule_fault,
        "undelivered events": found.undelivered_events,
        "failed runs": found.failed_runs,
        "renewal": found.renewal,
    }
    for about, source in others.items():
        if isinstance(source, Unknown):
            yield Step(Trouble.LACK, about, situation.why(source))
    unread = next((error for error in found.errors.values() if isinstance(error, Unknown)), None)
    if unread is not None:
        yield Step(Trouble.LACK, "log", situation.why(unread))
