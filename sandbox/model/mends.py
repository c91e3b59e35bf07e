"""Run the model on a copy of the product without one mend: it must find the bug that the mend prevents.

    python -m sandbox.model.mends                  all of them, one after the other
    python -m sandbox.model.mends one-id-per-run   this one, with the schedule that breaks it

Each mend is named after what is true without it. The text to remove is quoted here; it is an error if the product no
longer has it.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

ROOT = Path(__file__).parents[2]
PACKAGE = "src/spaaza_snapshots"
LONGEST_MINUTES = 2


@dataclass(frozen=True, slots=True)
class Edit:
    """Text of a module of the product, and its replacement without the mend."""

    module: str
    text: str
    without: str


MENDS: Mapping[str, tuple[Edit, ...]] = {
    # All attempts of a run share one id, and a new attempt starts even if nobody knows how the last one ended.
    "one-id-per-run": (
        Edit(
            "snapshot/attempt.py",
            "    run_id = str(uuid.uuid4())\n",
            "    run_id = _IDS[id(run)] = str(uuid.uuid4()) if number == 1 else _IDS[id(run)]\n",
        ),
        Edit("snapshot/attempt.py", "\n\ndef export_once(", "\n\n_IDS: dict[int, str] = {}\n\n\ndef export_once("),
        Edit(
            "s3/multipart.py",
            "        if not fenced:\n",
            '        if not fenced:\n            raise ExportInterrupted("Unknown", code, AWS_NEXT_RUN) from error\n',
        ),
    ),
    # A forced run replaces whatever is there when its Complete takes effect.
    "forced-unconditional": (
        Edit(
            "snapshot/commit.py",
            "upload.complete(proven.raw.checksum, day.if_unchanged)",
            "upload.complete(proven.raw.checksum, {} if run.force else day.if_unchanged)",
        ),
    ),
    # Accepting writes the manifest and leaves the object unchanged.
    "accepted-unchanged": (
        Edit("snapshot/commit.py", "store.reupload_accepted(day.held, day.raw, clock)", "promote(store, day.held)"),
    ),
    # Nobody finishes what the last run of a day has left.
    "day-before-left": (Edit("snapshot/snapshot.py", "        _heal_day_before(run, services)\n", ""),),
}


def take_out(edits: tuple[Edit, ...], folder: Path) -> None:
    """Write a copy of the product without a mend to `folder`; raises ValueError unless its text is there just once."""
    package = copytree(ROOT / PACKAGE, folder / "spaaza_snapshots")
    for edit in edits:
        module = package / edit.module
        text = module.read_text(encoding="utf-8")
        if text.count(edit.text) != 1:
            raise ValueError(f"{edit.module} does not have this text exactly once: {edit.text!r}")
        module.write_text(text.replace(edit.text, edit.without), encoding="utf-8")


def search(mend: str, *, minutes: float = LONGEST_MINUTES) -> str:
    """Run the model without a mend until the first violation; return what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        take_out(MENDS[mend], Path(folder))
        command = [sys.executable, "-m", "sandbox.model", "--first", "--minutes", str(minutes)]
        # Otherwise the coverage of the copy would count as the product's.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        environment = kept | {"PYTHONPATH": os.pathsep.join((folder, str(ROOT)))}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout


def main() -> int:
    """Remove the named mends, or all, one by one; the exit code is 0 only if the model notices each."""
    chosen = sys.argv[1:] or list(MENDS)
    found = True
    for mend in chosen:
        printed = search(mend)
        found = found and "VIOLATION" in printed
        shown = ("After", "VIOLATION", "Seed") if len(chosen) > 1 else ("",)
        print(f"--- {mend}")
        print("\n".join(line for line in printed.splitlines() if line.startswith(shown)))
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
