"""The screen of `status`."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from spaaza_snapshots.cli.marks import STYLES, legend, row_of
from spaaza_snapshots.model.erasure import ErasureRecords
from spaaza_snapshots.upkeep.advice import Step, Trouble
from spaaza_snapshots.upkeep.chain_days import ChainDays, Standing
from spaaza_snapshots.upkeep.days import State
from spaaza_snapshots.upkeep.failures import RunError
from spaaza_snapshots.upkeep.scheduler import Fault
from spaaza_snapshots.upkeep.session_dates import Renewal, SessionDates
from spaaza_snapshots.upkeep.status import SHOWN_DAYS, Status
from spaaza_snapshots.upkeep.unknown import Unknown

GOOD: Final = "[bold green]All good.[/bold green]"
SHOWN_STEPS: Final = 8
"""How many are shown beside the first: all stay on one screen."""

UNKNOWN: Final = "[yellow]unknown[/yellow]"


def status_view(found: Status, stack: str, region: str) -> Iterator[RenderableType]:
    """Yield the screen, from the place to the first thing to do."""
    zone = found.next_run.tzinfo
    local = found.now.astimezone(zone)
    yield f"[bold]{escape(stack)}[/bold] in {region}: {local:%Y-%m-%d %H:%M} {zone}, {_when(found)}"
    yield ""
    yield _chains_table(found)
    chains = [chain for chain in found.chains.values() if isinstance(chain, ChainDays)]
    if chains:
        yield legend(chains)
    yield ""
    if why_incomplete := [*_last_errors(found), *_held(chains), *_erasures(chains)]:
        yield from why_incomplete
        yield ""
    for name, text in _facts(found):
        yield f"{name:<20}{text}"
    yield ""
    yield from _steps(found.steps)


def _when(found: Status) -> str:
    if isinstance(found.schedule_fault, Fault):
        return "[red]see its schedule below[/red]"
    later = "" if found.next_run.date() == found.now.astimezone(found.next_run.tzinfo).date() else "tomorrow "
    return f"next run {later}at {found.next_run:%H:%M}"


def _chains_table(found: Status) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("chain", "today", "rows", "since", "", "typed copy", f"last {SHOWN_DAYS} days"):
        table.add_column(name, no_wrap=True)
    for chain_id, chain in found.chains.items():
        if isinstance(chain, Unknown):
            table.add_row(str(chain_id), UNKNOWN)
            continue
        standing = chain.standing(chain.today)
        shown = Standing.COMPLETE if standing is Standing.UNTYPED else standing  # the column beside it says so
        state = f"[{STYLES[shown]}]{shown.value}[/]"
        table.add_row(str(chain_id), state, *_rows(chain), _typed(chain), row_of(chain))
    return table


def _rows(chain: ChainDays) -> tuple[str, str, str]:
    """Return today's rows, the date that they are compared with, and the difference."""
    if chain.today.manifest is None:
        return "", "", ""
    today = chain.today.manifest.row_count
    if chain.previous is None or chain.previous.manifest is None:
        return f"{today:,}", "", ""
    previous = chain.previous.manifest.row_count
    percent = f" ({(today - previous) / previous:+.2%})" if previous else ""
    return f"{today:,}", f"{chain.previous.snapshot_id.snapshot_date:%m-%d}", f"{today - previous:+,}{percent}"


def _typed(chain: ChainDays) -> str:
    if chain.typed is None or isinstance(chain.typed, Unknown):
        return "" if chain.typed is None else UNKNOWN  # the step about it has the reason
    return f"[{'green' if chain.typed == 'there' else 'yellow'}]{chain.typed}[/]"


def _last_errors(found: Status) -> Iterator[str]:
    for chain_id, chain in found.chains.items():
        if isinstance(chain, Unknown):
            yield f"[bold]chain {chain_id}[/bold]: {_unknown(chain)}"
    for chain_id, error in found.errors.items():
        if isinstance(error, RunError):
            at = error.at.astimezone(found.next_run.tzinfo)
            yield f"[bold]chain {chain_id}[/bold], {at:%H:%M}: [red]{escape(error.name)}[/red] {escape(error.message)}"
        else:
            text = "no error today in the log of the export function" if error is None else _unknown(error)
            yield f"[bold]chain {chain_id}[/bold]: {text}"


def _held(chains: Sequence[ChainDays]) -> Iterator[str]:
    for day in (day for chain in chains for day in (*chain.held, *chain.days) if day.state is State.HELD):
        checks = day.manifest.failed_checks if day.manifest else ()
        notes = "; ".join(f"{check.name}: {check.notes}" for check in checks)
        yield f"[bold]{day.snapshot_id}[/bold]: [yellow]held[/yellow], {escape(notes)}"


def _erasures(chains: Sequence[ChainDays]) -> Iterator[str]:
    for chain in chains:
        erasures = ErasureRecords(()) if isinstance(chain.erasures, Unknown) else chain.erasures
        for key in erasures.damaged:
            doubt = "nobody can tell whether that erasure is finished"
            yield f"[bold]chain {chain.chain_id}[/bold]: {escape(key)} [yellow]cannot be read[/yellow]: {doubt}"
        for erasure in erasures.unfinished:
            begun = f"the erasure begun at {escape(erasure.started_at)}"
            yield f"[bold]chain {erasure.chain_id}[/bold]: {begun} is [yellow]not finished[/yellow]"


def _facts(found: Status) -> Iterator[tuple[str, str]]:
    """Yield what is known of the schedule, the session and the queues, by name; the first line has a good schedule."""
    fault = found.schedule_fault
    if fault is not None:
        yield "schedule", _unknown(fault) if isinstance(fault, Unknown) else f"[red]{escape(fault.text)}[/red]"
    yield "session", _session(found.session)
    if found.renewal is not None:
        yield "renewal", _renewal(found.renewal)
    yield "undelivered events", _count(found.undelivered_events)
    since = " in the last 14 days, whether or not a later run has made up for them"
    yield "failed runs", _count(found.failed_runs, of_some=since)


def _session(session: SessionDates | Unknown) -> str:
    if isinstance(session, Unknown):
        return _unknown(session)
    if session.problem is not None:
        return f"[red]none[/red]: {escape(session.problem)}"
    if session.expires_at is None:
        return "the secret does not say when it ends"
    if session.has_ended:
        return f"[red]has ended[/red], on {_utc(session.expires_at)}"
    return f"{session.days_left} days left, until {_utc(session.expires_at)}"


def _renewal(renewal: Renewal | Unknown) -> str:
    if isinstance(renewal, Unknown):
        return _unknown(renewal)
    if not renewal.is_on:
        return "[red]off[/red]: the secret does not rotate"
    following = f", by {_utc(renewal.next_at)} at the latest" if renewal.next_at else ""
    return f"{f'last on {_utc(renewal.last_at)}' if renewal.last_at else 'never yet'}{following}"


def _utc(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def _count(count: int | Unknown, of_some: str = "") -> str:
    return _unknown(count) if isinstance(count, Unknown) else f"{count}{of_some if count else ''}"


def _unknown(unknown: Unknown) -> str:
    return f"{UNKNOWN}: {escape(unknown.reason)}"


def _steps(steps: tuple[Step, ...]) -> Iterator[RenderableType]:
    """Yield what else there is to do, then the first thing as the last line: nobody scrolls up for it."""
    if not steps:
        yield GOOD
        return
    first, *others = steps
    for step in others[:SHOWN_STEPS]:
        yield f"Then {_step(step)}"
    if len(others) > SHOWN_STEPS:
        yield f"and {len(others) - SHOWN_STEPS} more: spaaza-snapshots status --json"
    style = "yellow" if first.trouble is Trouble.LACK else "red"
    yield f"[bold {style}]First[/] {_step(first)}"


def _step(step: Step) -> str:
    return f"[bold]{escape(step.about)}[/bold]: {escape(step.text)}"
