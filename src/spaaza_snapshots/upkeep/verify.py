"""Proves the stored days: the manifest against its export, the typed copy against the manifest. Changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.upkeep.days import State, StoredDay, day_of
from spaaza_snapshots.upkeep.findings import Difference, Findings, Verdict, Verified
from spaaza_snapshots.upkeep.prove_raw import Tell, prove_by_checksum, prove_by_reading
from spaaza_snapshots.upkeep.prove_typed import prove_typed
from spaaza_snapshots.upkeep.stored import ObjectReader
from spaaza_snapshots.upkeep.versions import NULL_VERSION

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

LOOKS: Final = 3
"""How often a day is looked at again because a run replaced it meanwhile."""

HAS_EXPORT: Final = frozenset({State.COMPLETE, State.HELD, State.UNFINISHED, State.DAMAGED})
"""In any other state a day's export may be gone for good without being damaged."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The first days whose objects cannot have expired yet."""

    raw: date
    parquet: date


class Verifier:
    """Proves days of one bucket; `quick`: by S3's own checksums, without reading an export."""

    def __init__(self, s3: "S3Client", bucket: str, limits: Limits, *, quick: bool) -> None:
        self._snapshots = SnapshotStore(s3, bucket)
        self._stored = ObjectReader(s3, bucket)
        self._limits = limits
        self._quick = quick

    def verify(self, snapshot_id: SnapshotId, tell: Tell) -> Verified:
        """Prove one day; a run that replaces it meanwhile is not damage. A day that S3 fails on is not proven."""
        try:
            day = self._day(snapshot_id)
            for _ in range(LOOKS):
                verified = self._verify(day, tell)
                before, day = day, self._day(snapshot_id) if verified.verdict is Verdict.DAMAGED else day
                if day == before:
                    break
        except StorageError as error:
            return _failed(snapshot_id, error)
        return verified

    def verify_replaced(self, snapshot_id: SnapshotId, tell: Tell) -> Iterator[Verified]:
        """Prove each manifest of a day that was replaced against the version of the export that it names."""
        try:
            for version_id in self._stored.replaced_versions(snapshot_id.manifest_key):
                yield self._verify_replaced(snapshot_id, version_id, tell)
        except StorageError as error:
            yield _failed(snapshot_id, error)

    def _day(self, snapshot_id: SnapshotId) -> StoredDay:
        return day_of(self._snapshots, snapshot_id, self._limits.raw)

    def _verify(self, day: StoredDay, tell: Tell) -> Verified:
        if day.manifest is None:
            findings = self._without_manifest(day)
            return Verified(day.snapshot_id, day.state, findings.verdict, findings)
        findings = self._in_place(day, day.manifest) + self._raw(day.state, day.manifest, tell)
        if day.state is State.COMPLETE:
            findings += self._typed(day.manifest)
        is_gone = day.state not in HAS_EXPORT and findings.verdict is Verdict.NOT_PROVEN
        verdict = Verdict.EXPIRED if is_gone else findings.verdict
        return Verified(day.snapshot_id, day.state, verdict, findings, day.manifest.run_id)

    def _without_manifest(self, day: StoredDay) -> Findings:
        if day.state is State.DAMAGED:
            return Findings((Difference("manifest.json", "a manifest", "cannot be read"),))
        raw = self._stored.facts(day.snapshot_id.raw_key)
        return Findings(not_proven=("nothing is stored" if raw is None else "an export without a manifest",))

    def _in_place(self, day: StoredDay, manifest: Manifest) -> Findings:
        """Compare the version that the manifest names with the current one, which is what people query."""
        if day.state not in (State.COMPLETE, State.DAMAGED):
            return Findings()
        current = self._stored.facts(day.snapshot_id.raw_key)
        # before its bucket had versions, the answer to a write named none; S3 calls that one null ever since
        found = "none" if current is None else current.version_id or NULL_VERSION
        if found != (manifest.raw.version_id or NULL_VERSION):
            return Findings((Difference("current version", manifest.raw.version_id, found),))
        return Findings()

    def _raw(self, state: State, manifest: Manifest, tell: Tell) -> Findings:
        findings = self._prove(manifest, tell)
        if findings is not None:
            return findings
        if state in HAS_EXPORT:
            return Findings((Difference("raw.version_id", manifest.raw.version_id, "no such version"),))
        return Findings(not_proven=(f"nothing is left of the export: {state}",))

    def _prove(self, manifest: Manifest, tell: Tell) -> Findings | None:
        if self._quick:
            return prove_by_checksum(self._stored, manifest)
        return prove_by_reading(self._stored, manifest, tell)

    def _typed(self, manifest: Manifest) -> Findings:
        may_have_expired = manifest.snapshot_id.snapshot_date < self._limits.parquet
        if may_have_expired and self._stored.facts(manifest.snapshot_id.parquet_key) is None:
            return Findings(notes=("its typed copy has expired",))
        return prove_typed(self._stored, manifest, quick=self._quick)

    def _verify_replaced(self, snapshot_id: SnapshotId, version_id: str, tell: Tell) -> Verified:
        key = snapshot_id.manifest_key
        try:
            manifest = Manifest.from_json(self._stored.read(key, version_id) or b"", key)
        except StorageError as error:
            return _failed(snapshot_id, error, version_id)
        findings = self._prove(manifest, tell)
        if findings is None:
            gone = Findings(notes=("its export has expired",))
            return Verified(snapshot_id, None, Verdict.EXPIRED, gone, manifest.run_id, version_id)
        return Verified(snapshot_id, None, findings.verdict, findings, manifest.run_id, version_id)


def _failed(snapshot_id: SnapshotId, error: StorageError, old_manifest: str | None = None) -> Verified:
    reason = Findings(not_proven=(f"{error.what}: {error.detail}",))
    return Verified(snapshot_id, None, Verdict.NOT_PROVEN, reason, old_manifest=old_manifest)
