"""Where everything of a snapshot lies in the bucket."""

from datetime import date

import pytest

from spaaza_snapshots.model import keys
from spaaza_snapshots.model.snapshot_id import SnapshotId

DAY = date(2026, 11, 22)
SNAPSHOT = SnapshotId(1743, DAY)
RUN_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def test_the_keys_of_a_snapshot_are_those_that_others_rely_on() -> None:
    assert SNAPSHOT.raw_key == "raw/users/chain_id=1743/dt=2026-11-22/users.csv.gz"
    assert SNAPSHOT.manifest_key == "manifests/users/chain_id=1743/dt=2026-11-22/manifest.json"
    assert SNAPSHOT.pending_key(RUN_ID) == f"pending/users/chain_id=1743/dt=2026-11-22/{RUN_ID}.json"
    assert SNAPSHOT.parquet_key == "parquet/users/chain_id=1743/dt=2026-11-22/users.parquet"


def test_a_snapshot_is_named_by_chain_and_date() -> None:
    assert str(SNAPSHOT) == "chain 1743, 2026-11-22"


def test_the_trees_are_siblings_for_athena_reads_all_that_lies_below_a_table() -> None:
    tables = [keys.RAW_ROOT, keys.MANIFESTS_ROOT, keys.PENDING_ROOT, keys.PARQUET_ROOT, keys.QUALITY_ROOT]
    roots = [*tables, keys.ERASURES_ROOT, keys.QUERY_RESULTS_ROOT]
    assert [(a, b) for a in roots for b in roots if a is not b and a.startswith(b)] == []


def test_a_prefix_finds_one_chain_and_no_other_that_begins_alike() -> None:
    assert SNAPSHOT.manifest_key.startswith(keys.chain_prefix(keys.MANIFESTS_ROOT, 1743))
    assert not SnapshotId(17430, DAY).manifest_key.startswith(keys.chain_prefix(keys.MANIFESTS_ROOT, 1743))
    assert SNAPSHOT.pending_key(RUN_ID).startswith(SNAPSHOT.pending_prefix)
    assert not SnapshotId(17430, DAY).pending_key(RUN_ID).startswith(SNAPSHOT.pending_prefix)
    assert not SnapshotId(1743, date(2026, 11, 21)).pending_key(RUN_ID).startswith(SNAPSHOT.pending_prefix)


def test_keys_of_later_dates_sort_behind_those_of_earlier_ones() -> None:
    days = [date(2025, 12, 31), date(2026, 1, 9), date(2026, 1, 10), date(2026, 11, 2)]
    in_order = [SnapshotId(1743, day).manifest_key for day in days]
    assert sorted(set(in_order)) == in_order


def test_a_manifests_key_tells_its_date_and_no_other_key_does() -> None:
    assert keys.manifest_date(SNAPSHOT.manifest_key) == DAY
    for key in (SNAPSHOT.raw_key, SNAPSHOT.parquet_key, SNAPSHOT.quality_key, SNAPSHOT.pending_key(RUN_ID)):
        assert keys.manifest_date(key) is None


@pytest.mark.parametrize("middle", ["", "dt=2026-11/", "dt=2026-02-30/", "dt=2026-11-22/old/", "old/dt=2026-11-22/"])
def test_a_key_that_no_run_writes_has_no_date(middle: str) -> None:
    assert keys.manifest_date(f"manifests/users/chain_id=1743/{middle}manifest.json") is None
