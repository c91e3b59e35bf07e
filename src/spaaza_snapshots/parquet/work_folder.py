"""The folder that a conversion works in: large enough, its own, and gone when it ends, or when the next one starts."""

import errno
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.model.manifest import Raw

TEXT_PER_CSV: Final = 1.5
"""Bytes of the text of rows for each byte of the CSV: 1.02 measured. A row with a quote or a line break has two more
for each of its cells: 1.4 with the documented columns if every row had one. The theoretical limit is three."""

PARQUET_PER_GZIP: Final = 1
"""Bytes of the Parquet file for each byte of the raw object, at most: 0.53 measured on users with few repeats."""

FOLDER_PREFIX: Final = "parquet-"
NEW_SECONDS: Final = 30
"""A younger folder may be one that is about to be locked. Lambda's first retry comes a minute after a kill."""


def disk_bytes(raw: Raw) -> int:
    """Return the disk space that a conversion may need: the raw object, its text, and the Parquet file."""
    return int((1 + PARQUET_PER_GZIP) * raw.gzip_bytes + TEXT_PER_CSV * raw.csv_bytes)


@contextmanager
def work_folder(needed_bytes: int) -> Iterator[Path]:
    """Make a locked folder with enough space, and remove it afterwards; raises `StorageError` for errors of the disk.

    Folders of conversions that were killed in this environment go first: nothing else removes them, and what they hold
    is personal and may leave too little space for the retry.
    """
    _remove_leftovers()
    try:
        with tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX) as name, _locked(Path(name)):
            free_bytes = shutil.disk_usage(name).free
            if free_bytes < needed_bytes:
                raise _disk_is_full(f"{needed_bytes:,} bytes are needed, {free_bytes:,} are free")
            yield Path(name)
    except OSError as error:
        found = type(error).__name__
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_is_full(found) from error
        hint = "Send the event again; nothing was made visible."
        raise StorageError("The conversion could not write to the disk", found, hint) from error


def _remove_leftovers() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        with suppress(OSError):  # a conversion works in it, or another one is removing it too
            if time.time() - folder.stat().st_mtime > NEW_SECONDS:
                with _locked(folder):
                    shutil.rmtree(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which ends with its process at the latest; raises `OSError` if somebody has it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _disk_is_full(detail: str) -> StorageError:
    return StorageError(
        "The disk of the function is too small", detail, "Raise the size of its /tmp, and send the event again."
    )
