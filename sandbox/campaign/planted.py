"""Run the campaign on a copy of the product whose Complete has no condition: it must find that.

python -m sandbox.campaign.planted            from seed 1 up to the first violation
python -m sandbox.campaign.planted SEED
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from sandbox.model.mends import ROOT, Edit, take_out

UNCONDITIONAL: Final = (
    Edit(
        "snapshot/commit.py",
        "upload.complete(proven.inspection.crc32, day.if_unchanged)",
        "upload.complete(proven.inspection.crc32, {})",
    ),
)
LONGEST_MINUTES: Final = 10


def search(seed: int, *options: str) -> str:
    """Run the campaign on the copy up to the first violation; return what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        take_out(UNCONDITIONAL, Path(folder))
        command = [sys.executable, "-m", "sandbox.campaign", "--first", "--minutes", str(LONGEST_MINUTES)]
        # Otherwise the coverage of the copy would count as the product's.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        environment = kept | {"PYTHONPATH": os.pathsep.join((folder, str(ROOT)))}
        ended = subprocess.run(
            [*command, "--seed", str(seed), *options], env=environment, capture_output=True, text=True, check=False
        )
        return ended.stdout + ended.stderr


def main() -> int:
    """Print the search; the exit code is 0 only if it has found a violation."""
    printed = search(int(sys.argv[1]) if sys.argv[1:] else 1)
    print(printed)
    return 0 if "VIOLATION" in printed else 1


if __name__ == "__main__":
    sys.exit(main())
