"""How the tests of an erasure run the command, and look at all versions of all objects."""

import gzip
import io
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import pytest

from sandbox import person
from sandbox.aws.stack import Stack
from sandbox.wire import faults
from spaaza_snapshots.cli.main import main
from spaaza_snapshots.model.erasure import Erasure
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.upkeep.days import State, day_of

COMMAND = Path(sys.prefix) / "bin" / "spaaza-snapshots"
PLACE = ("--stack", "members", "--region", "eu-west-1")


@dataclass
class Eraser:
    """Runs the command with ids on its standard input, and keeps all that it printed."""

    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    printed: list[str] = field(default_factory=list)

    def __call__(self, *options: str, ids: object = person.PERSON, chain: int = person.CHAIN) -> tuple[int, str]:
        """Return the exit code and what was printed."""
        self.monkeypatch.setattr("sys.stdin", io.StringIO(f"{ids}\n"))
        code = main(["erase", "--chain", str(chain), "--ids", "-", *PLACE, *options])
        captured = self.capsys.readouterr()
        self.printed.append(captured.out + captured.err)
        return code, captured.out if "--json" in options else self.printed[-1]


def killed(stack: Stack, folder: Path, operation: str, key_contains: str = "") -> None:
    """Run the installed command, and kill -9 it when it makes this call, which is carried out."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {name: value for name, value in stack.environment().items() if name.startswith("AWS_")}
    started: list[subprocess.Popen[str]] = []
    kill = faults.call(lambda: started[0].kill(), when="after")  # noqa: PLW0108 # it is not started yet
    stack.wire.fail(operation, kill, key_contains=key_contains)
    arguments = ["erase", "--chain", str(person.CHAIN), "--yes", *PLACE]
    started.append(
        subprocess.Popen(
            [COMMAND, *arguments], stdin=subprocess.PIPE, env=environment | {"TMPDIR": str(folder)}, text=True
        )
    )
    started[0].communicate(f"{person.PERSON}\n", timeout=60)
    assert started[0].returncode == -signal.SIGKILL
    stack.wire.clear()


Versions = list[tuple[str, str]]


def versions(stack: Stack, prefix: str = "", *, markers: bool = True) -> Versions:
    """Return key and version id of every version, and delete marker, below a prefix."""
    pages = stack.s3.get_paginator("list_object_versions").paginate(Bucket=stack.bucket, Prefix=prefix)
    kinds: Sequence[str] = ("Versions", "DeleteMarkers") if markers else ("Versions",)
    found = [item for page in pages for kind in kinds for item in page.get(kind, ())]  # type: ignore[attr-defined] # by name
    return [(item["Key"], item["VersionId"]) for item in found]


def state(stack: Stack, day: date) -> State:
    return day_of(SnapshotStore(stack.s3, stack.bucket), SnapshotId(person.CHAIN, day), date(2020, 1, 1)).state


def records(stack: Stack) -> Sequence[Erasure]:
    return SnapshotStore(stack.s3, stack.bucket).erasures(person.CHAIN).records


def of_day(stack: Stack, root: str, day: date) -> Versions:
    return versions(stack, f"{root}/users/{SnapshotId(person.CHAIN, day).partition}")


def typed_ids(stack: Stack, day: date) -> list[int]:
    """Return the ids in a day's typed copy."""
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        file.write(stack.read(SnapshotId(person.CHAIN, day).parquet_key))
        file.flush()
        return [number for (number,) in duckdb.execute(f"SELECT id FROM '{file.name}' ORDER BY id").fetchall()]


def exports_with(stack: Stack, text: bytes) -> Versions:
    """Return the versions of the chain's exports that have a text in them."""
    found = versions(stack, f"raw/users/chain_id={person.CHAIN}/", markers=False)
    return [
        (key, version_id)
        for key, version_id in found
        if text
        in gzip.decompress(stack.s3.get_object(Bucket=stack.bucket, Key=key, VersionId=version_id)["Body"].read())
    ]


def everything(stack: Stack, where: Callable[[str], bool]) -> str:
    """Return every version of every object whose key is chosen, as one text."""
    found = [version for version in versions(stack, markers=False) if where(version[0])]
    bodies = [
        stack.s3.get_object(Bucket=stack.bucket, Key=key, VersionId=version_id)["Body"].read()
        for key, version_id in found
    ]
    return "\n".join(body.decode(errors="replace") for body in bodies)
