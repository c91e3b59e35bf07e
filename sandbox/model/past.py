"""What a bucket may hold before the interleaving begins: each past is made once, by runs that nothing disturbs."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from functools import cache
from random import Random

from sandbox.model.faults import Fate, Fault, Faults
from sandbox.model.s3 import Bucket, Request
from sandbox.model.schedule import Network, Schedule
from sandbox.model.watch import CHAIN
from sandbox.model.world import FORCED, PLAIN, TODAY, YESTERDAY, Meeting
from spaaza_snapshots import keys

STRAY = -1


@dataclass(frozen=True, slots=True)
class Earlier:
    """A run of the past: its date, its rows (`STRAY`: an object that no run wrote), and whether it was killed."""

    day: date
    rows: int
    kind: str = PLAIN
    killed: bool = False


def _yesterday(rows: int) -> Earlier:
    return Earlier(YESTERDAY, rows)


def _today(rows: int, kind: str = PLAIN, *, killed: bool = False) -> Earlier:
    return Earlier(TODAY, rows, kind, killed)


PASTS: tuple[tuple[Earlier, ...], ...] = (
    (),
    (_yesterday(100),),
    (_yesterday(0), _today(0)),
    (_today(0),),
    (_yesterday(100), _today(100)),
    (_yesterday(100), _today(0)),
    (_yesterday(100), _today(90)),
    (_yesterday(100), _today(90), _today(90), _today(90)),
    (_yesterday(100), _today(STRAY)),
    (_yesterday(100), _today(100, killed=True)),
    (_yesterday(100), _today(90, killed=True)),
    (_yesterday(100), _today(100), _today(96, FORCED, killed=True)),
)


@cache
def _made(past: tuple[Earlier, ...]) -> Bucket:
    random = Random(0)
    bucket = Bucket()
    network = Network(bucket, random)
    for earlier in past:
        if earlier.rows == STRAY:
            key = keys.raw_key(CHAIN, earlier.day)
            bucket.execute(Request("somebody", "PutObject", {"Key": key, "Body": b"?", "Metadata": {"run-id": "?"}}))
            continue
        kill = Fate(killed_in="CompleteMultipartUpload", kill=Fault.KILLED_AFTER)
        meeting = Meeting(network, Schedule(network, random), Faults(random, Counter()), random)
        fate = kill if earlier.killed else Fate()
        meeting.actor("past", earlier.kind, fate, rows=earlier.rows, day=earlier.day).go(network)
    return bucket


def bucket_with(past: tuple[Earlier, ...]) -> Bucket:
    """Return a bucket of one's own with this past."""
    return _made(past).copy()
