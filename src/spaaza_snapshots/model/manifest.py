"""The manifest: the commit record of one snapshot, one line of JSON that Athena reads as a row.

Consumers ignore unknown fields; so does `from_json`, which lets an older release read a newer manifest.
"""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime

from spaaza_snapshots import __version__
from spaaza_snapshots.base.typed_json import read_as
from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.model.columns import Column
from spaaza_snapshots.model.snapshot_id import SnapshotId

MANIFEST_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Producer:
    """Who wrote the manifest."""

    name: str = "spaaza-snapshots"
    version: str = __version__


@dataclass(frozen=True, slots=True)
class Raw:
    """The object with the vendor's bytes; `sha256` is hex, of the compressed bytes; `checksum` is as S3 encodes it."""

    bucket: str
    key: str
    version_id: str | None
    etag: str | None
    gzip_bytes: int
    csv_bytes: int
    sha256: str
    checksum_algorithm: str
    checksum: str
    parts: int
    gzip_members: int


@dataclass(frozen=True, slots=True)
class HeaderChanges:
    """How the header differs from the previous snapshot's; `reordered` is also true if a new name is not at the end."""

    previous_date: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    reordered: bool

    @property
    def is_change(self) -> bool:
        """Whether there is any difference."""
        return bool(self.added or self.removed or self.reordered)


@dataclass(frozen=True, slots=True)
class Check:
    """One check with its figures; a required check that failed keeps the snapshot from becoming visible."""

    name: str
    required: bool
    passed: bool
    notes: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where the bytes came from, without anything secret."""

    url: str
    content_type: str | None
    content_disposition: str | None
    attempts: int


def parts_of(etag: str) -> int:
    """Return the number of parts of an object, which is at the end of S3's ETag."""
    return int(etag.strip('"').partition("-")[2] or 1)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything known about one snapshot; instants are UTC, ISO 8601 with Z.

    `completed_at`: when the export was proven, before its commit.
    """

    manifest_version: str
    producer: Producer
    run_id: str
    dataset: str
    environment: str
    chain_id: int
    snapshot_date: str
    header: tuple[str, ...]
    columns: tuple[Column, ...]
    row_count: int
    rows_with_line_breaks: int
    raw: Raw
    header_changes: HeaderChanges | None
    checks: tuple[Check, ...]
    source: Source
    requested_at: str
    started_at: str
    first_byte_at: str
    completed_at: str

    @property
    def snapshot_id(self) -> SnapshotId:
        """Which snapshot this describes."""
        return SnapshotId(self.chain_id, date.fromisoformat(self.snapshot_date))

    @property
    def key(self) -> str:
        """The key of this manifest once it is committed."""
        return self.snapshot_id.manifest_key

    @property
    def pending_key(self) -> str:
        """The key of this manifest before that, as a draft."""
        return self.snapshot_id.pending_key(self.run_id)

    @property
    def failed_checks(self) -> tuple[Check, ...]:
        """The required checks that failed: a single one holds the draft."""
        return tuple(check for check in self.checks if check.required and not check.passed)

    @property
    def is_doubtful(self) -> bool:
        """Whether only `accept` may commit this draft."""
        return bool(self.failed_checks)

    @property
    def run_seconds(self) -> float:
        """Seconds from the start of the run until its export was proven."""
        start, end = datetime.fromisoformat(self.started_at), datetime.fromisoformat(self.completed_at)
        return (end - start).total_seconds()

    def of_object(self, etag: str, version_id: str | None) -> "Manifest":
        """Return this manifest with what only S3 knows about the object; an acceptance may have changed the parts."""
        return replace(self, raw=replace(self.raw, etag=etag, version_id=version_id, parts=parts_of(etag)))

    def to_json(self) -> bytes:
        """Return one line, including its line end: Athena's JSON SerDe reads each line as a row."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_json(cls, body: bytes, key: str) -> "Manifest":
        """Read what `to_json` wrote; raises `StorageError` naming `key` if it is not the manifest of that key."""
        try:
            manifest = read_as(cls, json.loads(body))
            is_of_key = key in (manifest.key, manifest.pending_key) and math.isfinite(manifest.run_seconds)
            has_usual_date = manifest.snapshot_date == manifest.snapshot_id.snapshot_date.isoformat()
            manifest.to_json()  # a promotion writes it again: half a character, "\\ud800", cannot be written
        except (ValueError, TypeError, RecursionError) as error:
            fault = type(error).__name__
        else:
            if is_of_key and has_usual_date:
                return manifest
            fault = "its date is written in another way" if is_of_key else "it is of another snapshot"
        # not while that error is handled: its text quotes the body
        hint = "Restore an earlier version of it."
        raise StorageError("This object is not a valid manifest", f"{key}, {fault}", hint)


def utc_text(instant: datetime) -> str:
    """Return an aware instant as ISO 8601 in UTC with Z and milliseconds."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def header_changes(header: Sequence[str], previous: Manifest | None) -> HeaderChanges | None:
    """Compare with the previous snapshot; None without one."""
    if previous is None:
        return None
    kept, added = _split(header, previous.header)
    kept_before, removed = _split(previous.header, header)
    return HeaderChanges(
        previous_date=previous.snapshot_date,
        added=added,
        removed=removed,
        reordered=kept != kept_before or tuple(header[: len(kept)]) != kept,
    )


def _split(names: Sequence[str], others: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split names into those that also occur in `others`, counting repeats, and the rest."""
    left = Counter(others)
    common: list[str] = []
    rest: list[str] = []
    for name in names:
        if left[name]:
            left[name] -= 1
            common.append(name)
        else:
            rest.append(name)
    return tuple(common), tuple(rest)
