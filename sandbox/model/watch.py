"""What must hold at each instant when something in the bucket changes.

What *stands* for a date follows from its object, the draft under pending/ that its run-id names, and its manifest:

    nothing      no object
    stray        an object that no draft or manifest describes: not a snapshot
    damaged      such an object with a manifest that cannot be read: it may have been good
    held         an object whose draft is doubtful, and which is not marked as accepted
    committed    an object whose draft is good, or which is marked as accepted, or whose manifest was written

The rules, by the letter that a violation names:

    a  a manifest that names the object describes it: its SHA-256, CRC, size, ETag and version
    b  what is committed or accepted is replaced only by a forced run, and only by an export that has its draft and
       that passes its own guards and a comparison with what it replaces
    c  what is held is replaced only by a good export that has its draft, or, in an accept, by itself, and is committed
       only by an accept; what is damaged is never replaced by a doubtful export
    p  what stands never gets worse unless the object is replaced
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from functools import lru_cache
from hashlib import sha256

from sandbox.model.s3 import Bucket, ModelRequest, Version, crc32_text
from spaaza_snapshots.model.snapshot_id import SnapshotId

CHAIN = 1743
MOST_DROP_PERCENT = 5.0


class What(IntEnum):
    """What stands for a date; higher is better."""

    NOTHING = 0
    STRAY = 1
    DAMAGED = 2
    HELD = 3
    COMMITTED = 4


@dataclass(frozen=True, slots=True)
class Facts:
    """What the model reads from a manifest or a draft."""

    run_id: str
    rows: int
    held: bool
    raw: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands; `facts` are those of its draft or manifest, `accepted` says that it was held first."""

    what: What
    version: Version | None = None
    facts: Facts | None = None
    promoted: bool = False

    @property
    def run_id(self) -> str:
        """The run-id of the object, empty if there is none."""
        return "" if self.version is None else self.version.metadata.get("run-id", "")

    @property
    def accepted(self) -> bool:
        """Whether it is doubtful but committed."""
        return self.what is What.COMMITTED and self.facts is not None and self.facts.held


@lru_cache(4096)
def _read(body: bytes) -> Facts | None:
    try:
        document = json.loads(body)
        held = any(check["required"] and not check["passed"] for check in document["checks"])
        return Facts(document["run_id"], document["row_count"], held, document["raw"])
    except (ValueError, KeyError):
        return None


def facts_in(bucket: Bucket, key: str) -> Facts | None:
    """Read a manifest or a draft; None if it is missing or damaged."""
    there = bucket.objects.get(key)
    return None if there is None else _read(there.body)


def standing(bucket: Bucket, day: date) -> Standing:
    """Return what stands for a date."""
    raw = bucket.objects.get(SnapshotId(CHAIN, day).raw_key)
    if raw is None:
        return Standing(What.NOTHING)
    run_id = raw.metadata.get("run-id", "")
    manifest = facts_in(bucket, SnapshotId(CHAIN, day).manifest_key)
    if manifest is not None and manifest.run_id == run_id:
        return Standing(What.COMMITTED, raw, manifest, promoted=True)
    draft = facts_in(bucket, SnapshotId(CHAIN, day).pending_key(run_id))
    if draft is None:
        there = bucket.objects.get(SnapshotId(CHAIN, day).manifest_key)
        return Standing(What.DAMAGED if there is not None and _read(there.body) is None else What.STRAY, raw)
    held = draft.held and "accepted" not in raw.metadata
    return Standing(What.HELD if held else What.COMMITTED, raw, draft)


def is_doubtful(rows: int, before: int) -> bool:
    """Whether the rows are too few after the rows before: SPEC's guard, written independently."""
    return (rows == 0 < before) or 100 * (before - rows) > MOST_DROP_PERCENT * before


def _is_same_export(old: Standing, new: Standing) -> bool:
    assert old.version is not None
    assert new.version is not None
    return (old.run_id, old.version.body) == (new.run_id, new.version.body)


class Watch:
    """Watches one date of a bucket; `kinds` says whether each run is plain, forced or an accept."""

    def __init__(self, bucket: Bucket, day: date, kinds: Mapping[str, str]) -> None:
        self.day = day
        self.violations: list[str] = []
        self.stood: list[tuple[int, Standing]] = [(0, standing(bucket, day))]  # from which step on
        self._bucket = bucket
        self._kinds = kinds
        self._raw_key = SnapshotId(CHAIN, day).raw_key
        self._partition = SnapshotId(CHAIN, day).partition

    @property
    def now(self) -> Standing:
        """What stands now."""
        return self.stood[-1][1]

    def stood_within(self, first_step: int, last_step: int) -> list[Standing]:
        """Return everything that stood at some instant from the first step to the last, inclusive."""
        ends = [step for step, _ in self.stood[1:]] + [last_step + 1]
        return [
            what for (step, what), end in zip(self.stood, ends, strict=True) if step <= last_step and end >= first_step
        ]

    def after(self, request: ModelRequest, step: int) -> None:
        """Check what a request has changed."""
        if self._partition not in request.key:
            return
        old, new = self.now, standing(self._bucket, self.day)
        if new == old:
            return
        self.stood.append((step, new))
        if new.promoted:
            self._describes(new)
        if request.key == self._raw_key:
            self._replaced(old, new, self._kinds[request.owner])
        else:
            self._progressed(old, new, self._kinds[request.owner])

    def _violate(self, rule: str, text: str) -> None:
        self.violations.append(f"{rule}: {text}")

    def _describes(self, new: Standing) -> None:
        assert new.version is not None
        assert new.facts is not None
        version, raw = new.version, new.facts.raw
        seen = (sha256(version.body).hexdigest(), crc32_text(version.body), len(version.body))
        if (raw["sha256"], raw["checksum"], raw["gzip_bytes"]) != seen:
            self._violate("a", f"the manifest names object {new.run_id} but does not describe its bytes")
        if (raw["etag"], raw["version_id"]) != (version.etag, version.version_id):
            self._violate("a", f"the manifest of object {new.run_id} names another version of it")

    def _replaced(self, old: Standing, new: Standing, kind: str) -> None:
        if kind == "accept":
            if old.what is not What.HELD or not new.accepted or not _is_same_export(old, new):
                self._violate("c", f"an accept replaced what was {old.what.name.lower()} by another object")
        elif old.what is What.COMMITTED:
            self._replaced_committed(old, new, kind)
        elif old.what is What.HELD and (new.what is not What.COMMITTED or new.accepted):
            self._violate("c", f"a held export was replaced by one that is {new.what.name.lower()}")
        elif old.what is What.DAMAGED and new.what is What.HELD:
            self._violate("c", "an object whose manifest is damaged was replaced by a doubtful export")

    def _looked_the_same(self, old: Standing) -> bool:
        """Whether another object of this day had the same bytes: a condition of S3 cannot tell the two apart."""
        etags = [what.version.etag for _, what in self.stood if what.version not in (None, old.version)]
        return old.version is not None and old.version.etag in etags

    def _replaced_committed(self, old: Standing, new: Standing, kind: str) -> None:
        assert old.facts is not None
        if kind != "forced" and not self._looked_the_same(old):
            self._violate("b", f"a {kind} run replaced a snapshot {'accepted' if old.accepted else 'committed'} before")
        if new.facts is None:
            self._violate("b", "a committed snapshot was replaced by an object without a draft")
        elif new.facts.held or is_doubtful(new.facts.rows, old.facts.rows):
            rows = f"{old.facts.rows} rows by {new.facts.rows}"
            self._violate("b", f"a committed snapshot was replaced by a doubtful one, {rows}")

    def _progressed(self, old: Standing, new: Standing, kind: str) -> None:
        if new.what < old.what or (old.accepted and not new.accepted):
            names = f"{old.what.name.lower()} became {new.what.name.lower()}"
            self._violate("c" if old.what is What.HELD else "p", f"{names} although its object is still there")
        if old.what is What.HELD and new.what is What.COMMITTED and kind != "accept":
            self._violate("c", f"a {kind} run committed a held export")
