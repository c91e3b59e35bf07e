"""Which snapshot: one chain's users as of one date, and every key derived from the two."""

from dataclasses import dataclass
from datetime import date

from spaaza_snapshots.model import keys


@dataclass(frozen=True, slots=True, order=True)
class SnapshotId:
    """Identifies one snapshot; as text "chain 1743, 2026-11-22"."""

    chain_id: int
    snapshot_date: date

    def __str__(self) -> str:
        """Return its name in errors and logs."""
        return f"chain {self.chain_id}, {self.snapshot_date}"

    @property
    def partition(self) -> str:
        """The partition path, with its closing slash."""
        return f"chain_id={self.chain_id}/dt={self.snapshot_date.isoformat()}/"

    @property
    def raw_key(self) -> str:
        """The key of the vendor's bytes."""
        return f"{keys.RAW_ROOT}{self.partition}users.csv.gz"

    @property
    def manifest_key(self) -> str:
        """The key of the committed manifest."""
        return f"{keys.MANIFESTS_ROOT}{self.partition}manifest.json"

    @property
    def pending_prefix(self) -> str:
        """The prefix of the keys of all drafts of this snapshot."""
        return f"{keys.PENDING_ROOT}{self.partition}"

    def pending_key(self, run_id: str) -> str:
        """Return the key of an attempt's draft."""
        return f"{self.pending_prefix}{run_id}.json"

    @property
    def parquet_key(self) -> str:
        """The key of the typed copy."""
        return f"{keys.PARQUET_ROOT}{self.partition}users.parquet"

    @property
    def quality_key(self) -> str:
        """The key of the findings of the conversion to Parquet."""
        return f"{keys.QUALITY_ROOT}{self.partition}quality.json"
