"""Which snapshot: one chain's users as of one date, and every key that follows from the two."""

from dataclasses import dataclass
from datetime import date

from spaaza_snapshots.model import keys


@dataclass(frozen=True, slots=True, order=True)
class SnapshotId:
    """The name of one snapshot; as text "chain 1743, 2026-11-22"."""

    chain_id: int
    snapshot_date: date

    def __str__(self) -> str:
        """Return how errors and logs name it."""
        return f"chain {self.chain_id}, {self.snapshot_date}"

    @property
    def partition(self) -> str:
        """The partition path, with its closing slash."""
        return f"chain_id={self.chain_id}/dt={self.snapshot_date.isoformat()}/"

    @property
    def raw_key(self) -> str:
        """Where the vendor's bytes lie."""
        return f"{keys.RAW_ROOT}{self.partition}users.csv.gz"

    @property
    def manifest_key(self) -> str:
        """Where the commit record lies."""
        return f"{keys.MANIFESTS_ROOT}{self.partition}manifest.json"

    @property
    def pending_prefix(self) -> str:
        """What the keys of all drafts of this snapshot begin with."""
        return f"{keys.PENDING_ROOT}{self.partition}"

    def pending_key(self, run_id: str) -> str:
        """Return where an attempt writes its draft."""
        return f"{self.pending_prefix}{run_id}.json"

    @property
    def parquet_key(self) -> str:
        """Where the typed copy lies."""
        return f"{keys.PARQUET_ROOT}{self.partition}users.parquet"

    @property
    def quality_key(self) -> str:
        """Where the findings of the conversion to Parquet lie."""
        return f"{keys.QUALITY_ROOT}{self.partition}quality.json"
