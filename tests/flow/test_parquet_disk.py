"""The disk of the Parquet function: too small, full, or holding what a killed conversion left."""

import errno
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox.aws.stack import Stack
from sandbox.wire import faults
from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.parquet.work_folder import NEW_SECONDS, disk_bytes, work_folder
from tests.support import builders
from tests.support.committed import commit
from tests.support.conversions import USERS, build

TOO_SMALL = "The disk of the function is too small"
RAISE_IT = "Raise the size of its /tmp, and send the event again."


def test_a_disk_that_is_too_small_is_named_before_anything_is_read(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = commit(stack.s3, stack.bucket, USERS)
    free = shutil.disk_usage("/tmp")._replace(free=disk_bytes(manifest.raw) - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    stack.wire.clear()
    with pytest.raises(StorageError) as caught:
        build(stack)
    needed = disk_bytes(manifest.raw)
    detail = f"{needed:,} bytes are needed, {needed - 1:,} are free"
    assert caught.value.args == (TOO_SMALL, detail, RAISE_IT)
    assert not [call for call in stack.wire.calls if call.detail == manifest.raw.key]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (errno.ENOSPC, (TOO_SMALL, "OSError", RAISE_IT)),
        (errno.EDQUOT, (TOO_SMALL, "OSError", RAISE_IT)),
        (
            errno.EACCES,
            (
                "The conversion could not write to the disk",
                "PermissionError",
                "Send the event again; nothing was made visible.",
            ),
        ),
    ],
)
def test_only_a_full_disk_is_told_as_one(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, code: int, told: tuple[str, str, str]
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(code, "refused")

    commit(stack.s3, stack.bucket, USERS)
    monkeypatch.setattr(tempfile, "mkdtemp", refused)
    with pytest.raises(StorageError) as caught:
        build(stack)
    assert caught.value.args == told


def test_a_folder_of_a_conversion_that_was_killed_a_minute_ago_is_removed_and_no_other(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(stack.s3, stack.bucket, USERS)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    long_ago, lately = (datetime.now(UTC).timestamp() - NEW_SECONDS + seconds for seconds in (-1, 20))
    for name, when in (("parquet-old", long_ago), ("parquet-new", lately), ("other-old", long_ago)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "users.csv.gz").write_bytes(b"left")
        os.utime(tmp_path / name, times=(when, when))
    with work_folder(0) as of_another:
        os.utime(of_another, times=(long_ago, long_ago))
        build(stack)
        assert {found.name for found in tmp_path.iterdir()} == {"parquet-new", "other-old", of_another.name}


def test_the_disk_holds_the_raw_object_its_text_and_the_parquet_file() -> None:
    assert disk_bytes(builders.raw()) == 2 * 45 + 40


def test_nothing_is_left_on_the_disk_whatever_the_end(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    commit(stack.s3, stack.bucket, USERS)
    stack.wire.fail("PutObject", faults.error(403, "AccessDenied"), times=10, key_contains="parquet/")
    with pytest.raises(StorageError):
        build(stack)
    assert not list(tmp_path.iterdir())
