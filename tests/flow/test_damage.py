"""A manifest that cannot be read, or a stranger's object, stops no day and vouches for none."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import generated_users
from spaaza_snapshots.errors import SnapshotHeld
from tests.support.flow import CHAIN, SNAPSHOT, aftermath, invoke, manifest_describes_object

ACCEPT = {"chain_id": CHAIN, "date": "2026-11-22", "accept": True}
ON_YESTERDAY = {"chain_id": CHAIN, "date": "2026-11-21"}


def damage(stack: Stack, date: str, change: Mapping[str, Any] | None = None) -> None:
    """Put something that is not a manifest in a manifest's place, or one with these fields changed."""
    key = f"manifests/users/chain_id={CHAIN}/dt={date}/manifest.json"
    body = b"[]" if change is None else json.dumps({**json.loads(stack.read(key)), **change}).encode()
    stack.s3.put_object(Bucket=stack.bucket, Key=key, Body=body)


@pytest.mark.parametrize("change", [None, {"row_count": "100"}, {"snapshot_date": "2026-02-30"}, {"header": "ID"}])
def test_a_damaged_manifest_of_an_earlier_day_leaves_the_next_older_one_to_compare_with(
    stack: Stack, change: Mapping[str, Any] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.spaaza.serve(generated_users(100))
    invoke(stack, {"chain_id": CHAIN, "date": "2026-11-20"})
    invoke(stack, ON_YESTERDAY)
    damage(stack, "2026-11-21", change)
    result = invoke(stack)
    checks = {check["name"]: check for check in result["checks"]}
    assert checks["rows_kept_since_previous"]["notes"].startswith("100 rows, 100 on 2026-11-20")
    readable = checks["previous_manifest_readable"]
    assert (readable["passed"], readable["required"]) == (False, False)
    assert "2026-11-21" in readable["notes"]
    assert '"DamagedManifests":[1.0]' in capsys.readouterr().out


def test_without_any_manifest_to_compare_with_a_damaged_one_holds_the_snapshot(stack: Stack) -> None:
    invoke(stack, ON_YESTERDAY)
    damage(stack, "2026-11-21")
    with pytest.raises(SnapshotHeld, match="previous_manifest_readable"):
        invoke(stack)
    assert invoke(stack, ACCEPT)["status"] == "complete"
    assert aftermath(stack).is_committed


def test_a_damaged_manifest_of_the_day_is_replaced(stack: Stack) -> None:
    first = invoke(stack)
    damage(stack, "2026-11-22")
    second = invoke(stack)
    assert (second["status"], second["run_id"] != first["run_id"]) == ("complete", True)
    assert manifest_describes_object(stack)


def test_a_strangers_object_under_pending_does_not_stop_a_held_day(stack: Stack) -> None:
    stack.spaaza.serve(generated_users(100))
    invoke(stack, ON_YESTERDAY)
    stack.spaaza.script(generated_users(50), generated_users(99))
    with pytest.raises(SnapshotHeld):
        invoke(stack)
    stack.s3.put_object(Bucket=stack.bucket, Key=SNAPSHOT.pending_key("notes"), Body=b"?")
    assert invoke(stack)["row_count"] == 99
