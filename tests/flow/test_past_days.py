"""A past day whose snapshot is gone: it is never filled with the users of now."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import generated_users
from spaaza_snapshots.errors import InvalidRequest
from spaaza_snapshots.model.snapshot_id import SnapshotId
from tests.support.flow import CHAIN, TODAY, invoke

YESTERDAY = SnapshotId(CHAIN, TODAY - timedelta(days=1))
ON_YESTERDAY = {"chain_id": CHAIN, "date": "2026-11-21"}


def remove_export(stack: Stack) -> None:
    for version in stack.s3.list_object_versions(Bucket=stack.bucket, Prefix=YESTERDAY.raw_key)["Versions"]:
        stack.s3.delete_object(Bucket=stack.bucket, Key=YESTERDAY.raw_key, VersionId=version["VersionId"])


def damage_manifest(stack: Stack) -> None:
    stack.s3.put_object(Bucket=stack.bucket, Key=YESTERDAY.manifest_key, Body=b"[]")


def replace_export(stack: Stack) -> None:
    stack.s3.put_object(Bucket=stack.bucket, Key=YESTERDAY.raw_key, Body=b"")


@pytest.mark.parametrize("lose", [remove_export, damage_manifest, replace_export], ids=lambda lose: lose.__name__)
def test_a_past_day_that_had_its_snapshot_is_not_exported_again(stack: Stack, lose: Callable[[Stack], None]) -> None:
    stack.spaaza.serve(generated_users(100))
    invoke(stack, ON_YESTERDAY)
    lose(stack)
    before, asked = stack.object_keys(), len(stack.spaaza.requests)
    manifest = stack.read(YESTERDAY.manifest_key)
    with pytest.raises(InvalidRequest, match="This day had its snapshot, and an export is always of now"):
        invoke(stack, ON_YESTERDAY)
    assert (len(stack.spaaza.requests), stack.object_keys(), stack.read(YESTERDAY.manifest_key)) == (
        asked,
        before,
        manifest,
    )
    assert stack.open_uploads() == []
