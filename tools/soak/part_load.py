"""Every chain asked for at once, through the bus and Lambda's queue, to ten functions."""

import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Final

from sandbox.aws.async_invocations import AsyncConfig
from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.stack import Stack, running_stack
from tools import template
from tools.bench.report import Section, Table
from tools.soak.bounds import Bound, bounds_table
from tools.soak.crowd import FIRST_CHAIN, FIRST_HOUR, MOST_HOURS, THROTTLED, Crowd, Hour, Verdict
from tools.soak.exports import HANDLER
from tools.soak.options import Options

CONCURRENCY: Final = 10
"""What Lambda gives a new account, for all its functions."""


LONGEST_INTERVAL_SECONDS: Final = 4.0
"""So long a throttled event waits at most. Lambda lets it wait for up to five minutes, which shows nothing more."""

HOUR_COLUMNS: Final = {
    "asked": "chains asked for",
    "doubles": "delivered twice",
    "deliveries": "runs",
    "returned": "times back into the queue",
    "exports": "exports sent",
    "busy": "429 of Spaaza",
    "slow": "503 of S3",
    "failed": "runs that failed",
    "completed": "chains complete",
    "seconds": "seconds",
}


def load(options: Options) -> Section:
    """Ask hour by hour until every chain has its snapshot, then judge the bucket."""
    chains = range(FIRST_CHAIN, FIRST_CHAIN + options.chains)
    with running_stack(chains=chains) as stack:
        crowd = crowd_of(stack, chains)
        hours = play(crowd, CONCURRENCY, async_config())
        verdict = Verdict.of(crowd)
    config = async_config()
    says = (
        f"{len(chains)} chains in one event, {CONCURRENCY} functions that run at once, and a queue in front of them as "
        f"AWS documents it, with the template's {config.maximum_retry_attempts} retries and "
        f"{config.maximum_event_age_seconds:,.0f} seconds: it delivers every {config.double_every}th event twice. "
        f"What is throttled waits {config.longest_interval_seconds:g} seconds at most, not five minutes as in Lambda."
    )
    bounds = bounds_table(bounds_of(verdict))
    return Section("load", says, [hours_table(hours), bounds])


def crowd_of(stack: Stack, chains: range) -> Crowd:
    """Return the chains, asked for yesterday's snapshot, of which every hour is over."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    return Crowd(stack, chains, yesterday)


def async_config() -> AsyncConfig:
    """Return the queue of the export function as the template has it."""
    config = template.source()["Resources"]["ExportFunction"]["Properties"]["EventInvokeConfig"]
    return AsyncConfig(
        config["MaximumRetryAttempts"],
        config["MaximumEventAgeInSeconds"],
        longest_interval_seconds=LONGEST_INTERVAL_SECONDS,
    )


def play(crowd: Crowd, concurrency: int, config: AsyncConfig) -> list[Hour]:
    """Ask for all chains, hour after hour, until all are committed."""
    crowd.throttle()
    hours: list[Hour] = []
    with ExitStack() as stack:
        environment = crowd.stack.environment(crowd.chains)
        functions = [stack.enter_context(LambdaFunction(HANDLER, environment)) for _ in range(concurrency)]
        while len(hours) < MOST_HOURS and not (hours and hours[-1].completed == len(crowd.chains)):
            hours.append(_hour(crowd, functions, config, FIRST_HOUR + len(hours)))
    return hours


def _hour(crowd: Crowd, functions: list[LambdaFunction], config: AsyncConfig, hour: int) -> Hour:
    calls, requests = len(crowd.stack.wire.calls), len(crowd.stack.spaaza.requests)
    busy, began = crowd.busy_answers, time.monotonic()
    queue = crowd.ask(hour, functions, config)
    busy = crowd.busy_answers - busy
    refused = [call for call in crowd.stack.wire.calls[calls:] if call.status == THROTTLED]
    return Hour(
        asked=queue.accepted - 1,
        doubles=queue.doubles,
        deliveries=queue.deliveries,
        returned=queue.throttles,
        exports=len(crowd.stack.spaaza.requests) - requests - busy,
        busy=busy,
        slow=len(refused),
        failed=len(queue.undelivered),
        completed=crowd.committed(),
        seconds=time.monotonic() - began,
    )


def hours_table(hours: list[Hour]) -> Table:
    """Return one row for each hour."""
    columns = ("hour", *HOUR_COLUMNS.values())
    rows = []
    for number, hour in enumerate(hours, start=FIRST_HOUR):
        figures = [getattr(hour, name) for name in HOUR_COLUMNS]
        rows.append((f"{number:02}:00", *(f"{figure:,.0f}" for figure in figures)))
    return Table(columns, rows)


def bounds_of(verdict: Verdict) -> list[Bound]:
    """Return what must not be."""
    names = {
        "without_snapshot": "chains without a whole, committed snapshot",
        "taken_again": "chains with more than one version of their export",
        "never_told": "chains whose Snapshot Completed was never told",
        "drafts": "drafts left",
        "open_uploads": "uploads left open",
    }
    return [Bound(says, getattr(verdict, name), 0, exact=True) for name, says in names.items()]
