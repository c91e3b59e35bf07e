"""Run the campaign on copies of the product with one defect each: it must find every one.

    python -m sandbox.campaign.planted                 all of them, each up to the first violation
    python -m sandbox.campaign.planted unconditional   this one

Each is named after what is wrong, and has the rule of `watch.py` that it breaks.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.model.mends import ROOT, Edit, take_out


@dataclass(frozen=True, slots=True)
class Defect:
    """An edit of the product, and the rule that it breaks."""

    rule: str
    edit: Edit


DEFECTS: Final[Mapping[str, Defect]] = {
    "unconditional": Defect(
        "replaced",
        Edit(
            "snapshot/commit.py",
            "upload.complete(proven.raw.checksum, day.if_unchanged)",
            "upload.complete(proven.raw.checksum, {})",
        ),
    ),
    "unproven": Defect("object", Edit("snapshot/attempt.py", "    proof.refuse_if_broken()\n", "")),
    "never-held": Defect(
        "held",
        Edit("snapshot/commit.py", "                    raise held_error(draft)\n", "                    pass\n"),
    ),
    "never-aborted": Defect(
        "upload",
        Edit("s3/multipart.py", "        if self._upload_id is not None:\n            self._abort()\n", ""),
    ),
    "key-logged": Defect(
        "marks",
        Edit(
            "snapshot/snapshot.py",
            "    days_left = session.days_left(",
            '    logger.info("Session", extra={"session": session.key})\n    days_left = session.days_left(',
        ),
    ),
}
LONGEST_MINUTES: Final = 5


def search(name: str, seed: int, *options: str) -> str:
    """Run the campaign on a copy with a defect up to the first violation; return what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        take_out((DEFECTS[name].edit,), Path(folder))
        command = [sys.executable, "-m", "sandbox.campaign", "--first", "--minutes", str(LONGEST_MINUTES)]
        # Otherwise the coverage of the copy would count as the product's.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        environment = kept | {"PYTHONPATH": os.pathsep.join((folder, str(ROOT)))}
        ended = subprocess.run(
            [*command, "--seed", str(seed), *options], env=environment, capture_output=True, text=True, check=False
        )
        return ended.stdout + ended.stderr


def main() -> int:
    """Plant the named defects, or all; the exit code is 0 only if the campaign finds each by its rule."""
    found = True
    for name in sys.argv[1:] or DEFECTS:
        printed = search(name, 1)
        found = found and f"VIOLATION {DEFECTS[name].rule}: " in printed
        print(f"--- {name}")
        print("\n".join(line for line in printed.splitlines() if line.startswith(("VIOLATION", "Seed"))))
        print(printed.splitlines()[-1], flush=True)
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
