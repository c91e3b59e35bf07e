"""Where everything is in the bucket.

Sibling trees, because Athena reads every object under a table's location:

    raw/users/chain_id=1743/dt=2026-11-22/users.csv.gz            the vendor's bytes, unchanged
    manifests/users/chain_id=1743/dt=2026-11-22/manifest.json     the commit record
    pending/users/chain_id=1743/dt=2026-11-22/{run_id}.json       a draft: a manifest not yet committed
    parquet/users/chain_id=1743/dt=2026-11-22/users.parquet       derived, may be rebuilt at any time
    quality/users/chain_id=1743/dt=2026-11-22/quality.json        what the conversion to Parquet found
    erasures/users/chain_id=1743/{erasure_id}.json                what was erased for a person, without the person
    athena-results/                                               what queries found: Athena writes it, we only erase it
"""

import re
from datetime import date

DATASET = "users"
RAW_ROOT = f"raw/{DATASET}/"
MANIFESTS_ROOT = f"manifests/{DATASET}/"
PENDING_ROOT = f"pending/{DATASET}/"
PARQUET_ROOT = f"parquet/{DATASET}/"
QUALITY_ROOT = f"quality/{DATASET}/"
ERASURES_ROOT = f"erasures/{DATASET}/"
QUERY_RESULTS_ROOT = "athena-results/"

_DATE = re.compile(r"/dt=(\d{4}-\d{2}-\d{2})/")
_MANIFEST_KEY = re.compile(rf"{MANIFESTS_ROOT}chain_id=\d+/dt=(\d{{4}}-\d{{2}}-\d{{2}})/manifest\.json")


def chain_prefix(root: str, chain_id: int) -> str:
    """Return the prefix of everything of one chain, and of nothing else, below a root."""
    return f"{root}chain_id={chain_id}/"


def manifest_date(key: str) -> date | None:
    """Return the snapshot date in a manifest's key, or None if it is not the key of a manifest."""
    return _date_in(_MANIFEST_KEY.fullmatch(key))


def date_of(key: str) -> date | None:
    """Return the snapshot date of any key, or None if it has none."""
    return _date_in(_DATE.search(key))


def _date_in(match: re.Match[str] | None) -> date | None:
    try:
        return None if match is None else date.fromisoformat(match.group(1))
    except ValueError:  # dt=2026-02-30
        return None
