"""Renews the inputs that are kept in tests/corpus."""

import re
import shutil
import tempfile
from pathlib import Path
from typing import Final

from sandbox.fuzz.corpus import KEPT
from sandbox.fuzz.search import WORK, Run, fuzzer, run

KEPT_INPUTS: Final = 150
"""The most inputs that are kept for one target: the shortest ones."""

FOUND: Final = "found-"
"""How the name of an input begins that stays, whatever others reach."""


LEFT_OUT: Final = re.compile(r"MERGE-INNER: '(.+)' caused a failure")


def renew(name: str) -> str:
    """Keep the fewest inputs that reach all that the kept and the new ones reach; return a sentence about them.

    What a kept input alone reached stays reached, since the kept folder is merged too. Only the limit of `KEPT_INPUTS`
    can lose some of it, and the sentence then says so. Raises `SystemExit` if the merge failed.
    """
    with tempfile.TemporaryDirectory() as merged:
        ended = run(fuzzer(name, ["-set_cover_merge=1", merged, str(WORK / name / "inputs"), str(KEPT / name)]))
        fault = merge_fault(ended)
        if fault:
            raise SystemExit(f"The inputs of {name} could not be merged, {KEPT / name} is as it was: {fault}")
        return f"{name}: {replace(KEPT / name, Path(merged))}"


def merge_fault(ended: Run) -> str | None:
    """Say why a merge must replace nothing, or None: it ends with code 0 even if it left out inputs that end it."""
    left_out = LEFT_OUT.findall(ended.printed)
    return ended.fault or (f"the fuzzer died on {', '.join(left_out)}" if left_out else None)


def replace(kept: Path, merged: Path) -> str:
    """Put the shortest merged inputs into a folder instead of all but the found ones; return how many they are."""
    inputs = sorted(merged.iterdir(), key=lambda path: path.stat().st_size)
    if not inputs:
        raise SystemExit(f"The merge left no input, {kept} is as it was.")
    for path in kept.iterdir():
        if not path.name.startswith(FOUND):  # somebody keeps it for what it once showed
            path.unlink()
    for path in inputs[:KEPT_INPUTS]:
        shutil.copyfile(path, kept / path.name[:12])
    left_out = len(inputs) - KEPT_INPUTS
    limit = f", and {left_out} longer ones left out: not all that was reached is kept" if left_out > 0 else ""
    return f"{len(inputs[:KEPT_INPUTS])} inputs kept{limit}"
