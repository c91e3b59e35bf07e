"""The last days of one chain, for a person to see at a glance."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from spaaza_snapshots.model import keys
from spaaza_snapshots.model.erasure import ErasureRecords
from spaaza_snapshots.model.quality import Quality
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.upkeep.days import State, StoredDay, dates_of, days_of, oldest_kept
from spaaza_snapshots.upkeep.unknown import Unknown, known

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class Standing(StrEnum):
    """How a day stands for who looks at it: its `State`, and what only the calendar knows."""

    COMPLETE = "complete"
    UNTYPED = "complete, without its typed copy"
    HELD = "held"
    UNFINISHED = "unfinished"
    DAMAGED = "damaged"
    EXPIRED = "expired"
    ERASED = "erased"
    MISSING = "missing"
    NOT_YET = "not yet"
    BEFORE = "before the first snapshot"


class Typed(StrEnum):
    """How the typed copy of a complete day stands."""

    THERE = "there"
    BEHIND = "behind"
    UNFIT = "unfit"
    """Too many records could not be read, so `users_latest` leaves the day out."""
    UNREADABLE = "unreadable"
    """Nobody can tell: its findings are there, and something else was written over them."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where the days are: the client, the bucket, and the days after which exports and drafts expire."""

    s3: "S3Client"
    name: str
    raw_days: int
    pending_days: int

    def days(self, chain_id: int, dates: Sequence[date], there: Collection[date], today: date) -> list[StoredDay]:
        """Look at dates of a chain, in their order; those that are not `there` cost no call. Raises `StorageError`."""
        asked = [SnapshotId(chain_id, found) for found in dates]
        worth_a_look = [snapshot_id for snapshot_id in asked if snapshot_id.snapshot_date in there]
        oldest_raw = oldest_kept(today, self.raw_days)
        found = {day.snapshot_id: day for day in days_of(SnapshotStore(self.s3, self.name), worth_a_look, oldest_raw)}
        return [found.get(snapshot_id, StoredDay(snapshot_id, State.MISSING)) for snapshot_id in asked]


@dataclass(frozen=True, slots=True)
class ChainDays:
    """The last days of a chain, oldest first, the last of them today; `held`: older days that are held.

    `first`: the first date with anything in the bucket, None for a chain without any. `findings`: those of today's
    typed copy, None if there are none, or they cannot be read. `is_due`: today's first run has started.
    """

    chain_id: int
    days: tuple[StoredDay, ...]
    held: tuple[StoredDay, ...]
    first: date | None
    findings: Quality | Unknown | None
    is_due: bool
    erasures: ErasureRecords | Unknown

    @property
    def today(self) -> StoredDay:
        """The day that the next run is for."""
        return self.days[-1]

    @property
    def previous(self) -> StoredDay | None:
        """The last day before today that has a snapshot."""
        return next((day for day in reversed(self.days[:-1]) if day.state is State.COMPLETE), None)

    @property
    def typed(self) -> Typed | Unknown | None:
        """How today's typed copy stands, None if there is no snapshot of today."""
        if isinstance(self.findings, Unknown):
            return self.findings
        if self.today.state is not State.COMPLETE:
            return None
        if self.findings is None:
            return Typed.UNREADABLE if self.today.is_typed else Typed.BEHIND
        return Typed.UNFIT if self.findings.is_unfit else Typed.THERE

    @property
    def unfit_columns(self) -> tuple[str, ...]:
        """The columns of today's typed copy that are NULL in too many rows in place of what was sent."""
        return self.findings.unfit_columns if isinstance(self.findings, Quality) else ()

    def standing(self, day: StoredDay) -> Standing:
        """Return how one of these days stands."""
        if day.state is State.MISSING and day is self.today and not self.is_due:
            return Standing.NOT_YET
        if day.state is State.MISSING and day is not self.today:
            is_before = self.first is None or day.snapshot_id.snapshot_date < self.first
            return Standing.BEFORE if is_before else Standing.MISSING
        return Standing.UNTYPED if day.state is State.COMPLETE and not day.is_typed else Standing(day.state.value)


def chain_days(bucket: Bucket, chain_id: int, today: date, count: int, *, is_due: bool) -> ChainDays:
    """Look at the last `count` days of a chain, and at what is held before them; raises `StorageError`."""
    dates = [today - timedelta(days=ago) for ago in reversed(range(count))]
    there = dates_of(bucket.s3, bucket.name, chain_id)
    days = bucket.days(chain_id, dates, there, today)
    kept_since = today - timedelta(days=bucket.pending_days)
    pending = dates_of(bucket.s3, bucket.name, chain_id, (keys.PENDING_ROOT,))
    drafts = [found for found in pending if kept_since <= found < dates[0]]
    held = [day for day in bucket.days(chain_id, drafts, drafts, today) if day.state is State.HELD]
    store = SnapshotStore(bucket.s3, bucket.name)
    findings = known(lambda: store.quality(days[-1].snapshot_id)) if days[-1].is_typed else None
    erasures = known(lambda: store.erasures(chain_id))
    return ChainDays(chain_id, tuple(days), tuple(held), min(there, default=None), findings, is_due, erasures)
