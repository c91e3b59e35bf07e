"""Run the model on a copy of the product from which a mend was taken out: it must find what the mend is for.

    python -m sandbox.model.mends                  all of them, one after the other
    python -m sandbox.model.mends one-id-per-run   this one, with the schedule that breaks it

Each mend is named after what is true without it. What is taken out stands here as text; text that is not in the
product any more is an error.
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
    """Text of a module of the product, and what stands there instead without the mend."""

    module: str
    text: str
    without: str


MENDS: Mapping[str, tuple[Edit, ...]] = {
    # All attempts of a run share one id, and another one follows where nobody knows what became of the last.
    "one-id-per-run": (
        Edit(
            "snapshot/attempt.py",
            "    attempt = Attempt(str(uuid.uuid4()), number)\n",
            "    run_id = _IDS[id(run)] = str(uuid.uuid4()) if number == 1 else _IDS[id(run)]\n"
            "    attempt = Attempt(run_id, number)\n",
        ),
        Edit("snapshot/attempt.py", "\n\ndef export_once(", "\n\n_IDS: dict[int, str] = {}\n\n\ndef export_once("),
        Edit(
            "s3/multipart.py",
            "            raise _unfenced(self._key, code) from error\n",
            '            raise ExportInterrupted("Nobody knows", code, NEXT_RUN) from error\n',
        ),
    ),
    # A forced run replaces whatever is there when its Complete takes effect.
    "forced-unconditional": (
        Edit(
            "snapshot/commit.py",
            "upload.complete(proven.inspection.crc32, day.unchanged)",
            "upload.complete(proven.inspection.crc32, {} if run.force else day.unchanged)",
        ),
    ),
    # Accepting puts the manifest, and leaves the object as it is.
    "accepted-unchanged": (
        Edit("snapshot/held.py", "import Day, outrun, settle", "import Day, outrun, promote, settle"),
        Edit("snapshot/held.py", "store.reupload_accepted(day.held, day.raw, clock)", "promote(store, day.held)"),
    ),
    # Nobody looks at what the last run of a day has left.
    "day-before-left": (Edit("snapshot/snapshot.py", "        _heal_day_before(run, services)\n", ""),),
}


def take_out(edits: tuple[Edit, ...], folder: Path) -> None:
    """Write a copy of the product without a mend to `folder`; raises ValueError where its text is not there once."""
    package = copytree(ROOT / PACKAGE, folder / "spaaza_snapshots")
    for edit in edits:
        module = package / edit.module
        text = module.read_text(encoding="utf-8")
        if text.count(edit.text) != 1:
            raise ValueError(f"{edit.module} has not this text once: {edit.text!r}")
        module.write_text(text.replace(edit.text, edit.without), encoding="utf-8")


def search(mend: str, *, minutes: float = LONGEST_MINUTES) -> str:
    """Run the model without a mend until the first violation; return what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        take_out(MENDS[mend], Path(folder))
        command = [sys.executable, "-m", "sandbox.model", "--first", "--minutes", str(minutes)]
        # What is measured of the copy would be counted to the product.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        environment = kept | {"PYTHONPATH": os.pathsep.join((folder, str(ROOT)))}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout


def main() -> int:
    """Take out the mends that are named, or all; the exit code is 0 only if the model finds each."""
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
