"""What has to go so that nothing in the bucket holds certain people any more.

A day whose current export holds one of them goes as a whole: exports are the vendor's bytes and are never edited. Where
only replaced versions hold one, only those go. A typed copy is made again without them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from operator import attrgetter

from spaaza_snapshots.model import keys
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.objects import RUN_ID
from spaaza_snapshots.upkeep.person import People, Unreadable
from spaaza_snapshots.upkeep.typed_copies import rows_of
from spaaza_snapshots.upkeep.versions import Version, VersionedBucket

Advance = Callable[[int], None]
"""Told the bytes of each export that has been read."""


@dataclass(frozen=True, slots=True)
class DayToErase:
    """What has to go of one day.

    `whole`: every export goes. `report`: that of a typed copy that goes with none in its place. `typed_anew`: the
    current typed copy, one of `typed`, that is replaced by one without the people. `exports_last`: the current export,
    which goes after the other `exports`, and the delete markers that would otherwise uncover an older one.
    """

    snapshot_id: SnapshotId
    whole: bool
    drafts: tuple[Version, ...]
    report: tuple[Version, ...]
    typed_anew: Version | None
    typed: tuple[Version, ...]
    exports: tuple[Version, ...]
    exports_last: tuple[Version, ...]

    @property
    def versions(self) -> tuple[Version, ...]:
        """All that goes."""
        return (*self.drafts, *self.report, *self.typed, *self.exports, *self.exports_last)


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to go: the days, oldest first, and every query result, since any of them may hold the people.

    `export_versions`, `typed_versions`: how many were found, of which `clear` hold none of the people. `unclear`: keys
    that cannot be read to their end, or name no day. `today`: today's export holds one of them, and is left alone.
    `ids`: how many people are sought, of whom `ids_without_record` have a record in no export.
    """

    chain_id: int
    days: tuple[DayToErase, ...]
    query_results: tuple[Version, ...]
    export_versions: int
    typed_versions: int
    clear: frozenset[Version]
    unclear: tuple[str, ...]
    today: bool
    ids: int
    ids_without_record: int


@dataclass
class _Found:
    """The versions below one day's folder, those of one key newest first, and those of them that hold the people.

    `key`: that of the product's own object; something else that lies beside it is never current.
    """

    key: str = ""
    versions: list[Version] = field(default_factory=list)
    holding: list[Version] = field(default_factory=list)

    @property
    def current(self) -> Version | None:
        real = (version for version in self.versions if version.is_latest and not version.is_marker)
        return next((version for version in real if version.key == self.key), None)

    @property
    def current_holds(self) -> bool:
        return self.current in self.holding

    @property
    def last_to_go(self) -> list[Version]:
        """The current version with the markers; all of them where a marker is the newest."""
        if self.current is None:
            return self.versions
        return [version for version in self.versions if version.is_marker or version is self.current]

    @property
    def goes(self) -> bool:
        """Whether nothing of it can stay: its current version holds them, or each of its versions does."""
        all_hold = all(version in self.holding for version in self.versions if not version.is_marker)
        return self.current_holds or (bool(self.holding) and all_hold)


_Days = dict[date, _Found]


class Search:
    """Looks for people in one chain, once; `today` is the date in the time zone of the snapshots."""

    def __init__(
        self, bucket: VersionedBucket, chain_id: int, people: People, today: date, advance: Advance = lambda _: None
    ) -> None:
        self._bucket = bucket
        self._chain_id = chain_id
        self.people = people
        self._today = today
        self._advance = advance
        self._clear: set[Version] = set()
        self._unclear: list[str] = []
        self._beyond_repair: set[Version] = set()  # typed copies without a column ID
        self._found: set[int] = set()  # who has a record in an export
        self._runs: dict[str, bool] = {}  # whether a run's export holds the people

    def bytes_to_read(self) -> int:
        """Return the bytes of all exports."""
        return sum(version.bytes for version in self._bucket.versions(self._prefix(keys.RAW_ROOT)))

    def plan(self) -> Plan:
        """Read every version of every export, and each typed copy that no export clears; raises `StorageError`."""
        exports = self._look(keys.RAW_ROOT, attrgetter("raw_key"), self._export_holds)
        typed = self._look(keys.PARQUET_ROOT, attrgetter("parquet_key"), self._typed_holds)
        today = self._today in exports and exports[self._today].current_holds
        dates = sorted(day for day in {*exports, *typed} if not (today and day == self._today))
        days = (self._day(day, exports.get(day, _Found()), typed.get(day, _Found())) for day in dates)
        return Plan(
            self._chain_id,
            tuple(day for day in days if day.versions),
            tuple(self._bucket.versions(keys.QUERY_RESULTS_ROOT)),
            _real(exports),
            _real(typed),
            frozenset(self._clear),
            tuple(self._unclear),
            today,
            len(self.people.ids),
            len(set(self.people.ids) - self._found),
        )

    def holds(self, version: Version) -> bool:
        """Read one version, of whatever tree, and say whether it holds the people or cannot be read."""
        try:
            if version.key.startswith(keys.RAW_ROOT):
                return self._export_holds(version)
            return rows_of(self._bucket, version, self.people) != 0
        except Unreadable:
            return True

    def _look(self, root: str, key_of: Callable[[SnapshotId], str], holds: Callable[[Version], bool]) -> _Days:
        days: _Days = {}
        for version in list(self._bucket.versions(self._prefix(root))):
            day = keys.date_of(version.key)
            key = "" if day is None else key_of(SnapshotId(self._chain_id, day))
            found = _Found() if day is None else days.setdefault(day, _Found(key))
            found.versions.append(version)
            if not version.is_marker:
                try:
                    if holds(version):
                        found.holding.append(version)
                    else:
                        self._clear.add(version)
                except Unreadable:
                    self._unclear.append(version.key)
                if day is None and found.holding:
                    self._unclear.append(version.key)
        return days

    def _typed_holds(self, version: Version) -> bool:
        """Read a typed copy, unless it says that it was made from an export that holds none of the people."""
        run_id = self._bucket.metadata(version).get(RUN_ID)
        if run_id is not None and not self._runs.get(run_id, True):
            return False
        rows = rows_of(self._bucket, version, self.people)
        if rows is None:
            self._beyond_repair.add(version)
        return rows != 0

    def _export_holds(self, version: Version) -> bool:
        with self._bucket.opened(version) as opened:
            run_id = opened.metadata.get(RUN_ID, "")
            there = self.people.anywhere_in(opened.body)
        if there:
            with self._bucket.opened(version) as opened:
                there = self.people.with_a_record_in(opened.body, there - self._found)
        self._found |= there
        self._advance(version.bytes)
        self._runs[run_id] = bool(there) or self._runs.get(run_id, False)
        return bool(there)

    def _day(self, day: date, exports: _Found, typed: _Found) -> DayToErase:
        snapshot_id = SnapshotId(self._chain_id, day)
        last = exports.last_to_go if exports.goes else []
        first = [found for found in (exports.versions if exports.goes else exports.holding) if found not in last]
        to_rewrite = typed.current if typed.current_holds and typed.current not in self._beyond_repair else None
        gone = typed.goes and to_rewrite is None
        return DayToErase(
            snapshot_id,
            exports.goes,
            tuple(self._drafts(snapshot_id)) if exports.goes else (),
            tuple(self._bucket.versions(snapshot_id.quality_key)) if gone else (),
            to_rewrite,
            tuple(typed.versions if gone else typed.holding),
            tuple(reversed(first)),  # the oldest first: what is current stays until the last call
            tuple(last),
        )

    def _drafts(self, snapshot_id: SnapshotId) -> list[Version]:
        """Return the drafts that are there, with their versions; those of runs that ended well were removed then."""
        found = list(self._bucket.versions(snapshot_id.pending_prefix))
        there = {version.key for version in found if version.is_latest and not version.is_marker}
        return [version for version in found if version.key in there]

    def _prefix(self, root: str) -> str:
        return keys.chain_prefix(root, self._chain_id)


def _real(days: _Days) -> int:
    return sum(not version.is_marker for found in days.values() for version in found.versions)
