"""Every S3 key of a snapshot: pure functions, and the one place where the layout of the bucket is written down.

Sibling trees, because Athena reads every object below a table's location:

    raw/users/chain_id=1743/dt=2026-11-22/users.csv.gz            the vendor's bytes, unchanged
    manifests/users/chain_id=1743/dt=2026-11-22/manifest.json     the commit record
    pending/users/chain_id=1743/dt=2026-11-22/{run_id}.json       a manifest not yet committed
    parquet/users/chain_id=1743/dt=2026-11-22/users.parquet       derived, may be rebuilt at any time
    quality/users/chain_id=1743/dt=2026-11-22/quality.json        what the conversion to Parquet found
"""

import re
from datetime import date

DATASET = "users"
RAW_ROOT = f"raw/{DATASET}/"
MANIFESTS_ROOT = f"manifests/{DATASET}/"
PENDING_ROOT = f"pending/{DATASET}/"
PARQUET_ROOT = f"parquet/{DATASET}/"
QUALITY_ROOT = f"quality/{DATASET}/"

_MANIFEST_KEY = re.compile(rf"{MANIFESTS_ROOT}chain_id=\d+/dt=(\d{{4}}-\d{{2}}-\d{{2}})/manifest\.json")


def partition(chain_id: int, snapshot_date: date) -> str:
    """Return the partition path of one snapshot, with its closing slash."""
    return f"chain_id={chain_id}/dt={snapshot_date.isoformat()}/"


def raw_key(chain_id: int, snapshot_date: date) -> str:
    """Return where the vendor's bytes lie."""
    return f"{RAW_ROOT}{partition(chain_id, snapshot_date)}users.csv.gz"


def manifest_key(chain_id: int, snapshot_date: date) -> str:
    """Return where the commit record lies."""
    return f"{MANIFESTS_ROOT}{partition(chain_id, snapshot_date)}manifest.json"


def manifests_prefix(chain_id: int) -> str:
    """Return what the manifest keys of one chain, and of no other, begin with."""
    return f"{MANIFESTS_ROOT}chain_id={chain_id}/"


def pending_prefix(chain_id: int, snapshot_date: date) -> str:
    """Return what the keys of all uncommitted manifests of one snapshot begin with."""
    return f"{PENDING_ROOT}{partition(chain_id, snapshot_date)}"


def pending_key(chain_id: int, snapshot_date: date, run_id: str) -> str:
    """Return where a run writes its manifest ahead of the commit."""
    return f"{pending_prefix(chain_id, snapshot_date)}{run_id}.json"


def parquet_key(chain_id: int, snapshot_date: date) -> str:
    """Return where the typed copy lies."""
    return f"{PARQUET_ROOT}{partition(chain_id, snapshot_date)}users.parquet"


def quality_key(chain_id: int, snapshot_date: date) -> str:
    """Return where the findings of the conversion to Parquet lie."""
    return f"{QUALITY_ROOT}{partition(chain_id, snapshot_date)}quality.json"


def manifest_date(key: str) -> date | None:
    """Return the snapshot date of a manifest's key, or None where the key is of anything else."""
    match = _MANIFEST_KEY.fullmatch(key)
    try:
        return None if match is None else date.fromisoformat(match.group(1))
    except ValueError:  # dt=2026-02-30
        return None
