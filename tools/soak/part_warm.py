"""A process that stays warm for a thousand snapshots, with failing runs among them: what it holds on the way."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from typing import Any, Final

from sandbox.aws.lambda_runtime import Invocation, LambdaFunction
from sandbox.aws.stack import Stack, running_stack
from tools.bench.report import Section, Table
from tools.soak.bounds import Bound, bounds_table
from tools.soak.exports import HANDLER
from tools.soak.options import Options
from tools.soak.process import Held, held_by
from tools.soak.troubles import NO_TROUBLE, TROUBLES, UNABORTED, Trouble, users

MB: Final = 1_000_000
CHAINS: Final = tuple(range(2_001, 2_011))
LARGE_CHAIN: Final = 2_999
LARGE_USERS: Final = 60_000
"""Two parts of gzip: every buffer is full, and both threads work."""

LARGE_EVERY, TROUBLE_EVERY = 25, 6
SETTLED: Final = 0.1
SHARES: Final = (0.01, SETTLED, 0.25, 0.5, 0.75, 1.0)
MEMORY_MB, DESCRIPTORS, THREADS = 10.0, 2, 1
"""How much more than after a tenth of the snapshots: allocators round, and a pool may open one more connection."""


@dataclass
class Worn:
    """What came of the runs: how each kind ended, and what the process held after so many snapshots."""

    snapshots: int = 0
    runs: int = 0
    ends: dict[str, Counter[str]] = field(default_factory=dict)
    looks: list[tuple[int, int, Held]] = field(default_factory=list)

    def note(self, trouble: Trouble, ended: Invocation) -> None:
        """Count a run."""
        self.runs += 1
        self.snapshots += ended.error_type is None
        how = ended.error_type or str(ended.payload["status"])
        self.ends.setdefault(trouble.name, Counter())[how] += 1


def warm(options: Options) -> Section:
    """Wear one process out."""
    with running_stack(chains=(*CHAINS, LARGE_CHAIN)) as stack:
        worn = wear(stack, options.snapshots, LARGE_USERS, TROUBLES)
        left = len(stack.open_uploads())
    failed = worn.runs - worn.snapshots
    says = (
        f"{worn.snapshots:,} snapshots and {failed:,} runs that failed, in one process under Lambda's runtime client, "
        f"against a real S3 server; every {LARGE_EVERY}th export is of {LARGE_USERS:,} users."
    )
    unaborted = worn.ends[UNABORTED].total() if UNABORTED in worn.ends else 0
    bounds = [*bounds_of(worn), Bound(f"uploads left open, but for {unaborted} aborts refused", left - unaborted, 0)]
    return Section("warm", says, [looks_table(worn), bounds_table(bounds), _ends_table(worn)])


def wear(
    stack: Stack, snapshots: int, large_users: int, troubles: Sequence[Trouble], trouble_every: int = TROUBLE_EVERY
) -> Worn:
    """Take so many snapshots with one process, and look at what it holds at each of `SHARES`."""
    worn, wanted = Worn(), [max(round(share * snapshots), 1) for share in SHARES]
    stack.spaaza.serve(users(large_users), LARGE_CHAIN)
    environment = stack.environment((*CHAINS, LARGE_CHAIN)) | {"SPAAZA_READ_TIMEOUT_SECONDS": "1"}
    with LambdaFunction(HANDLER, environment) as function:
        for trouble, event in _runs(snapshots, troubles, trouble_every):
            trouble.prepare(stack)
            ended = function.invoke(event, deadline_seconds=trouble.seconds)
            stack.wire.clear()
            stack.spaaza.requests.clear()
            worn.note(trouble, ended)
            while wanted and worn.snapshots >= wanted[0]:
                worn.looks.append((wanted.pop(0), worn.runs, held_by(function.pid)))
            if not wanted:
                break
    return worn


def _runs(
    snapshots: int, troubles: Sequence[Trouble], trouble_every: int
) -> Iterator[tuple[Trouble, Mapping[str, Any]]]:
    """Yield each run's trouble and event: one chain after another, day by day, as far back as there may be runs."""
    first = datetime.now(UTC).date() - timedelta(days=snapshots + 1)
    spoilt = cycle(troubles)
    for number in count():
        chain_id, days = CHAINS[number % len(CHAINS)], number // len(CHAINS)
        trouble = next(spoilt) if number % trouble_every == trouble_every - 1 else NO_TROUBLE
        if trouble is NO_TROUBLE and number % LARGE_EVERY == 0:
            chain_id, days = LARGE_CHAIN, number // LARGE_EVERY
        event = {"chain_id": chain_id, "date": (first + timedelta(days=days)).isoformat()}
        yield trouble, trouble.event or event


def looks_table(worn: Worn) -> Table:
    """Return what the process held on the way."""
    columns = ("snapshots", "runs", "memory, MB", "peak, MB", "threads", "descriptors", "sockets")
    rows = []
    for snapshots, runs, held in worn.looks:
        memory = (f"{held.memory_bytes / MB:.1f}", f"{held.peak_bytes / MB:.1f}")
        rows.append((f"{snapshots:,}", f"{runs:,}", *memory, *map(str, (held.threads, held.descriptors, held.sockets))))
    return Table(columns, rows)


def bounds_of(worn: Worn) -> list[Bound]:
    """Hold the last look against the one after a tenth of the snapshots."""
    before, after = worn.looks[SHARES.index(SETTLED)][2], worn.looks[-1][2]
    grown = (after.memory_bytes - before.memory_bytes) / MB
    return [
        Bound(f"growth of memory after {SETTLED:.0%}", grown, MEMORY_MB, " MB"),
        Bound("more threads", after.threads - before.threads, THREADS),
        Bound("more descriptors", after.descriptors - before.descriptors, DESCRIPTORS),
        Bound("more sockets", after.sockets - before.sockets, DESCRIPTORS),
    ]


def _ends_table(worn: Worn) -> Table:
    rows = []
    for name, ends in worn.ends.items():
        how = ", ".join(f"{end} {times}" if len(ends) > 1 else end for end, times in ends.most_common())
        rows.append((name, how, f"{ends.total():,}"))
    return Table(("trouble", "ended with", "runs"), rows)
