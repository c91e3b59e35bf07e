"""The disk of the Parquet function: too small, full, or holding what a killed conversion left."""

import errno
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox.aws.stack import Stack
from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.parquet.build import LEFTOVER_SECONDS, disk_bytes
from tests.support.committed import commit
from tests.support.conversions import USERS, build


def test_a_disk_that_is_too_small_is_named_before_anything_is_read(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = commit(stack.s3, stack.bucket, USERS)
    free = shutil.disk_usage("/tmp")._replace(free=disk_bytes(manifest.raw) - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    stack.wire.clear()
    with pytest.raises(StorageError, match="disk of the function is too small"):
        build(stack)
    assert not [call for call in stack.wire.calls if call.detail == manifest.raw.key]


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (errno.ENOSPC, "disk of the function is too small"),
        (errno.EDQUOT, "disk of the function is too small"),
        (errno.EACCES, "could not write to the disk: PermissionError"),
    ],
)
def test_only_a_full_disk_is_told_as_one(stack: Stack, monkeypatch: pytest.MonkeyPatch, code: int, what: str) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(code, "refused")

    commit(stack.s3, stack.bucket, USERS)
    monkeypatch.setattr(tempfile, "mkdtemp", refused)
    with pytest.raises(StorageError, match=what):
        build(stack)


def test_folders_of_conversions_that_were_killed_are_removed_and_no_others(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(stack.s3, stack.bucket, USERS)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    now = datetime.now(UTC).timestamp()
    for name, age_seconds in (("parquet-old", 1), ("parquet-new", -60), ("other-old", 1)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "users.csv.gz").write_bytes(b"left")
        os.utime(tmp_path / name, times=(now - LEFTOVER_SECONDS - age_seconds,) * 2)
    build(stack)
    assert {found.name for found in tmp_path.iterdir()} == {"parquet-new", "other-old"}
