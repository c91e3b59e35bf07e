"""Renews the inputs that are kept in tests/corpus."""

import shutil
import tempfile
from pathlib import Path
from typing import Final

from sandbox.fuzz.corpus import KEPT
from sandbox.fuzz.search import WORK, fuzzer, run

KEPT_INPUTS: Final = 150
"""The most inputs that are kept for one target: the shortest ones."""

FOUND: Final = "found-"
"""How the name of an input begins that stays, whatever others reach."""


def renew(name: str) -> str:
    """Keep the fewest inputs that reach all that the kept and the new ones reach; return a sentence about them.

    What a kept input alone reached stays reached: the kept folder is merged too, so such an input is among the merged.
    Only the limit of `KEPT_INPUTS` can leave one out, and the sentence says so. An input that breaks a promise is never
    among the merged, so after a finding nothing is replaced. Raises `SystemExit` if the merge failed.
    """
    with tempfile.TemporaryDirectory() as merged:
        ended = run(fuzzer(name, ["-set_cover_merge=1", merged, str(WORK / name / "inputs"), str(KEPT / name)]))
        if ended.fault or ended.findings:
            why = ended.fault or f"it broke a promise on {', '.join(ended.findings)}"
            raise SystemExit(f"The inputs of {name} could not be merged, {KEPT / name} is as it was: {why}")
        return f"{name}: {replace(KEPT / name, Path(merged))}"


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
