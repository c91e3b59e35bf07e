"""Where everything is in the bucket.

Sibling trees, because Athena reads every object under a table's location:

    raw/users/chain_id=1743/dt=2026-11-22/users.csv.gz            the vendor's bytes, unchanged
    manifests/users/chain_id=1743/dt=2026-11-22/manifest.json     the commit record
    pending/users/chain_id=1743/dt=2026-11-22/{run_id}.json       a draft: a manifest not yet committed
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


def manifests_prefix(chain_id: int) -> str:
    """Return the prefix that the manifest keys of one chain, and only those, share."""
    return f"{MANIFESTS_ROOT}chain_id={chain_id}/"


def manifest_date(key: str) -> date | None:
    """Return the snapshot date in a manifest's key, or None if it is not the key of a manifest."""
    match = _MANIFEST_KEY.fullmatch(key)
    try:
        return None if match is None else date.fromisoformat(match.group(1))
    except ValueError:  # dt=2026-02-30
        return None
