"""`make soak`: wear the export function out, print what it held, and write docs/ENDURANCE.md."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tools.bench.machine import described
from tools.bench.report import MISSED, Section, write
from tools.package import ROOT
from tools.soak.options import Options, options
from tools.soak.part_bombs import bombs
from tools.soak.part_large import large
from tools.soak.part_limit import limit
from tools.soak.part_load import load
from tools.soak.part_warm import warm

PAGE: Final = ROOT / "docs" / "ENDURANCE.md"
Part = Callable[[Options], Section]
MEASURE: Final[Mapping[str, Part]] = {
    "warm": warm,
    "large": large,
    "bombs": bombs,
    "load": load,
    "limit": limit,
}


def main(arguments: list[str], page: Path = PAGE) -> int:
    """Measure the parts in their order; the exit code is 1 if a bound is missed."""
    asked = options(arguments)
    missed = False
    for name in asked.parts:
        load = os.getloadavg()
        shown = MEASURE[name](asked).markdown()
        shown += f"\n\n{described(asked.command, load, os.getloadavg())}"
        print(f"\n## {name}\n\n{shown}", flush=True)
        missed = missed or f"| {MISSED} |" in shown
        if asked.fills_page(name):
            write({name: shown}, page)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
