"""`make bench`: measure, print, and write docs/PERFORMANCE.md if every part was measured at full length."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Final

from tools.bench.machine import described
from tools.bench.options import Options, options
from tools.bench.part_cold import cold
from tools.bench.part_growth import growth
from tools.bench.part_https import https
from tools.bench.part_inspector import inspector
from tools.bench.part_quota import quota
from tools.bench.part_run import run
from tools.bench.part_sizing import sizing
from tools.bench.part_typed import typed
from tools.bench.report import Results, Section, write
from tools.bench.rounds import PEERS
from tools.package import ROOT
from tools.pictures import PICTURES

Part = Callable[[Options, Results], Section]
MEASURE: Final[Mapping[str, Part]] = {
    "run": run,
    "https": https,
    "quota": quota,
    "inspector": inspector,
    "typed": typed,
    "growth": growth,
    "cold": cold,
    "sizing": sizing,
}


def main() -> int:
    """Measure the parts in their order; a goal that is missed is a finding, not a failure."""
    asked = options(sys.argv[1:])
    subprocess.run([ROOT / "tools" / "tool-env", "peers", "awscli"], check=True)
    results, load = Results(), os.getloadavg()
    sections: dict[str, str] = {}
    for name in asked.parts:
        section = MEASURE[name](asked, results)
        sections[name] = section.markdown()
        print(f"\n## {name}\n\n{sections[name]}", flush=True)
    sections["machine"] = described(asked.command, load, os.getloadavg())
    print(f"\n{sections['machine']}")
    if asked.whole:
        write(sections)
        draw(results)
    return 0


def draw(results: Results) -> None:
    """Draw the picture of the page."""
    command = [str(PEERS), "-m", "tools.bench.picture", str(PICTURES / "bench.svg")]
    subprocess.run(command, cwd=ROOT, input=json.dumps(results.bars), text=True, check=True)


if __name__ == "__main__":
    sys.exit(main())
