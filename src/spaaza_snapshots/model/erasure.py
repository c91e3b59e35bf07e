"""The record of an erasure: which days, how much, and when; once it is finished, nothing about who."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime

from spaaza_snapshots import __version__
from spaaza_snapshots.base.typed_json import read_as
from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.model import keys
from spaaza_snapshots.model.snapshot_id import SnapshotId

ERASURE_VERSION = "1"


@dataclass(frozen=True, slots=True)
class ErasedVersion:
    """One version of an object that had to go."""

    key: str
    version_id: str


@dataclass(frozen=True, slots=True)
class ErasedDay:
    """One day, with how many versions of its exports, typed copies and drafts had to go, and the bytes of all of them.

    `whole`: no export is left of that day, so its snapshot is gone. `typed_copy_stays`: without the person.
    """

    date: str
    whole: bool
    typed_copy_stays: bool
    export_versions: int
    typed_versions: int
    draft_versions: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """Written before anything is deleted, when that has gone, and when it is proven that nothing is left.

    `finished_at` is None until the last. `versions`: what had to go, so that anyone can see later whether it has gone.
    `deleted_at`: what its runs deleted went before then; None while one does. Instants are UTC. `people_hash`: a salted
    hash of whom it is to erase, so that no proof of other people finishes it; None once it is finished.
    """

    erasure_id: str
    chain_id: int
    started_at: str
    finished_at: str | None
    days: tuple[ErasedDay, ...]
    versions: tuple[ErasedVersion, ...]
    deleted_at: str | None = None
    people_salt: str | None = None
    people_hash: str | None = None
    erasure_version: str = ERASURE_VERSION
    producer: str = f"spaaza-snapshots {__version__}"

    @property
    def key(self) -> str:
        """Its place in the bucket."""
        return f"{keys.chain_prefix(keys.ERASURES_ROOT, self.chain_id)}{self.erasure_id}.json"

    def finished(self, at: str) -> "Erasure":
        """Return it as proven, without anything about who it was."""
        return replace(self, finished_at=at, people_salt=None, people_hash=None)

    @property
    def dates(self) -> frozenset[date]:
        """The days whose snapshot is gone."""
        return frozenset(date.fromisoformat(day.date) for day in self.days if day.whole)

    @property
    def gone_at(self) -> datetime | None:
        """The instant before which its runs deleted what they did; None while one does."""
        return None if self.deleted_at is None else datetime.fromisoformat(self.deleted_at).astimezone(UTC)

    @property
    def days_without_copy(self) -> tuple[SnapshotId, ...]:
        """The days whose export went, and that had no typed copy."""
        days = (day for day in self.days if day.export_versions and not day.typed_copy_stays and not day.typed_versions)
        return tuple(SnapshotId(self.chain_id, date.fromisoformat(day.date)) for day in days)

    def to_json(self) -> bytes:
        """Return one line, including its line end."""
        return json.dumps(asdict(self), separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_json(cls, body: bytes, key: str) -> "Erasure":
        """Read a record; raises `StorageError` if it is not the one of this key."""
        erasure = _read(body)  # what cannot be read raises out here: the parser's error quotes the body
        if erasure is None or erasure.key != key:
            hint = "Restore an earlier version of it. Only spaaza-snapshots erase writes it: find what else did."
            raise StorageError("A record of an erasure cannot be read", key, hint)
        return erasure


def _read(body: bytes) -> Erasure | None:
    try:
        erasure = read_as(Erasure, json.loads(body))
        _ = erasure.dates, erasure.gone_at
    except (ValueError, TypeError, RecursionError):
        return None
    return erasure


@dataclass(frozen=True, slots=True)
class ErasureRecords:
    """The records of what was erased from a chain, oldest first; `damaged`: the keys of those that cannot be read.

    `etags`: of each record, by its key, so that nobody writes over what another erasure has written since.
    """

    records: tuple[Erasure, ...]
    damaged: tuple[str, ...] = ()
    etags: Mapping[str, str] = field(default_factory=dict)

    @property
    def unfinished(self) -> tuple[Erasure, ...]:
        """Those of which it is not proven yet that nothing is left; a damaged record may be one more."""
        return tuple(erasure for erasure in self.records if erasure.finished_at is None)
