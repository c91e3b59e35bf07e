"""One interleaving: a past, one to four concurrent runs with every possible fault, and then a quiet hour."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from random import Random

from sandbox.model import verdicts
from sandbox.model.faults import Fate, Faults
from sandbox.model.past import PASTS, bucket_with
from sandbox.model.s3 import ModelRequest
from sandbox.model.schedule import Network, Schedule
from sandbox.model.watch import Watch, What
from sandbox.model.world import ACCEPT, FORCED, IDS, PLAIN, TODAY, YESTERDAY, Actor, Meeting

KINDS = (PLAIN, PLAIN, FORCED, FORCED, ACCEPT)
MOST_RUNS = 4
OF_YESTERDAY = 0.1
QUIET = "quiet run"

Counts = Counter[tuple[str, str]]


@dataclass(frozen=True)
class Told:
    """The outcome of an interleaving; `lines` are those of the schedule, if requested."""

    violations: tuple[str, ...]
    faults: int
    lines: tuple[str, ...] = ()


class Interleaving:
    """An interleaving that follows from its seed alone."""

    def __init__(self, seed: int, counts: Counts, *, told: bool = False) -> None:
        self._random = Random(seed)
        past = self._random.choice(PASTS)
        network = Network(bucket_with(past), self._random)
        IDS.prefix, IDS.count = "attempt-", 0
        if told:
            network.lines = [f"The past: {'; '.join(map(str, past)) or 'nothing'}"]
        schedule = Schedule(network, self._random)
        self._meeting = Meeting(network, schedule, Faults(self._random, counts), self._random)
        self._meeting.faults.stir()
        self._actors = self._drawn_actors()
        self._kinds = {actor.name: actor.kind for actor in self._actors} | {QUIET: PLAIN}
        self._watches = [Watch(network.bucket, day, self._kinds) for day in (TODAY, YESTERDAY)]
        network.bucket.after = self._look

    def play(self) -> Told:
        """Run it to the end."""
        network, faults = self._meeting.network, self._meeting.faults
        self._meeting.schedule.interleave([partial(actor.go, network) for actor in self._actors])
        while network.under_way:
            network.land() if faults.coin() else network.drop()
        quiet = not faults.happened
        violations = [text for actor in self._actors for text in self._verdict(actor, quiet=quiet)]
        faults.calm()
        violations += self._quiet_hour()
        violations += [text for watch in self._watches for text in watch.violations]
        return Told(tuple(violations), faults.happened, tuple(network.lines or ()))

    @property
    def _today(self) -> Watch:
        return self._watches[0]

    def _drawn_actors(self) -> list[Actor]:
        count = self._random.randint(1, MOST_RUNS)
        kinds = [self._random.choice(KINDS) for _ in range(count)]
        faults = self._meeting.faults
        return [
            self._meeting.actor(f"run {number} ({kind})", kind, faults.fate(), day=self._drawn_day(kind))
            for number, kind in enumerate(kinds, start=1)
        ]

    def _drawn_day(self, kind: str) -> date:
        """Draw the date of a run: a forced one is always for today."""
        return YESTERDAY if kind != FORCED and self._random.random() < OF_YESTERDAY else TODAY

    def _verdict(self, actor: Actor, *, quiet: bool) -> Iterator[str]:
        return verdicts.of_end(actor, next(watch for watch in self._watches if watch.day == actor.day), quiet=quiet)

    def _quiet_hour(self) -> Iterator[str]:
        """Run a plain run undisturbed, then accept what it says is held, or run another plain run."""
        first = self._quiet(PLAIN)
        yield from verdicts.of_quiet_run(first, *self._watches)
        stands = self._today.now
        if stands.what is What.HELD:
            self._kinds[QUIET] = ACCEPT
            yield from verdicts.of_quiet_accept(self._quiet(ACCEPT), self._today, stands.run_id)
        elif first.result is not None:
            yield from verdicts.of_next_run(self._quiet(PLAIN), stands)

    def _quiet(self, kind: str) -> Actor:
        actor = self._meeting.actor(QUIET, kind, Fate())
        actor.go(self._meeting.network)
        return actor

    def _look(self, request: ModelRequest) -> None:
        for watch in self._watches:
            watch.after(request, self._meeting.network.step)
