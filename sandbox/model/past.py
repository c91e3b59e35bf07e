"""What a bucket may hold before the interleaving starts: each past is made once, by undisturbed runs."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from functools import cache
from random import Random

from sandbox.model.faults import Fate, Fault, Faults
from sandbox.model.s3 import Bucket, ModelRequest
from sandbox.model.schedule import Network, Schedule
from sandbox.model.watch import CHAIN
from sandbox.model.world import FORCED, IDS, PLAIN, TODAY, YESTERDAY, Meeting
from spaaza_snapshots.model.snapshot_id import SnapshotId


@dataclass(frozen=True, slots=True)
class Earlier:
    """A run of the past: its date, its rows, and whether it was killed after its Complete."""

    day: date
    rows: int
    kind: str = PLAIN
    killed: bool = False

    def __str__(self) -> str:
        """Say it for people."""
        killed = ", killed after its Complete" if self.killed else ""
        return f"{self.day} {self.kind}, {self.rows} rows{killed}"


@dataclass(frozen=True, slots=True)
class Thing:
    """An object that none of our runs wrote."""

    key: str

    def __str__(self) -> str:
        """Say it for people."""
        return f"not ours: {self.key}"


Past = tuple[Earlier | Thing, ...]


def _yesterday(rows: int, *, killed: bool = False) -> Earlier:
    return Earlier(YESTERDAY, rows, killed=killed)


def _today(rows: int, kind: str = PLAIN, *, killed: bool = False) -> Earlier:
    return Earlier(TODAY, rows, kind, killed)


DAY_BEFORE = Earlier(date(2026, 11, 20), 100)
STRAY = Thing(SnapshotId(CHAIN, TODAY).raw_key)
STRAY_DRAFT = Thing(SnapshotId(CHAIN, TODAY).pending_key("?"))
DAMAGED = Thing(SnapshotId(CHAIN, TODAY).manifest_key)
DAMAGED_YESTERDAY = Thing(SnapshotId(CHAIN, YESTERDAY).manifest_key)

OF_NO_EXPORT = 98
"""A row count that no export of an interleaving has, so that none has the ETag of an object whose manifest is damaged.

S3 cannot tell equal bytes apart. Elsewhere that is harmless, since equal bytes are equally good; but if such an object
is replaced by its own bytes, a run that judged against the old one completes over the new one.
"""

PASTS: tuple[Past, ...] = (
    (),
    (_yesterday(100),),
    (_yesterday(100),),
    (_yesterday(100, killed=True),),
    (_yesterday(OF_NO_EXPORT), DAMAGED_YESTERDAY),
    (DAY_BEFORE, _yesterday(OF_NO_EXPORT), DAMAGED_YESTERDAY, _today(96)),
    (DAY_BEFORE, _yesterday(90)),
    (DAY_BEFORE, _yesterday(90, killed=True), _today(100)),
    (_yesterday(0), _today(0)),
    (_today(0),),
    (_yesterday(100), _today(100)),
    (_yesterday(100), _today(OF_NO_EXPORT), DAMAGED),
    (_yesterday(100), _today(0)),
    (_yesterday(100), _today(90)),
    (_yesterday(100), _today(90), STRAY_DRAFT),
    (_yesterday(100), _today(90), _today(90), _today(90)),
    (_yesterday(100), STRAY),
    (_yesterday(100), _today(100, killed=True)),
    (_yesterday(100), _today(90, killed=True)),
    (_yesterday(100), _today(100), _today(96, FORCED, killed=True)),
)


@cache
def _made(past: Past) -> Bucket:
    random, bucket = Random(0), Bucket()
    network = Network(bucket, random)
    IDS.prefix, IDS.count = "past-", 0
    for earlier in past:
        if isinstance(earlier, Thing):
            arguments = {"Body": b"{}", "Metadata": {"run-id": "?"}}
            bucket.execute(ModelRequest("somebody", "PutObject", earlier.key, arguments))
            continue
        fate = Fate(killed_in="CompleteMultipartUpload", kill=Fault.KILLED_AFTER) if earlier.killed else Fate()
        meeting = Meeting(network, Schedule(network, random), Faults(random, Counter()), random)
        meeting.actor("past", earlier.kind, fate, rows=earlier.rows, day=earlier.day).go(network)
    return bucket


def bucket_with(past: Past) -> Bucket:
    """Return a new bucket with this past."""
    return _made(past).copy()
