"""`make fuzz`: search every target in turn, or TARGET= alone, for MINUTES= in all, and print what it came to.

python -m sandbox.fuzz --minutes 60 --target inspector
python -m sandbox.fuzz --keep        also put the fewest inputs that reach all that was reached into tests/corpus

What a search found stays in `.fuzz/NAME`, and the next one goes on from there.
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from sandbox.fuzz.corpus import KEPT, ROOT, TARGETS
from sandbox.fuzz.keep import renew
from sandbox.fuzz.search import PYTHON, Search, search

REPLAY: Final = f"PYTHONPATH=src {PYTHON.relative_to(ROOT)} -m sandbox.fuzz.corpus"
"""In the environment of the fuzzer, which alone has the other reader of CSV that some rows are held against."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Search; the exit code is 0 only if every search ran to its end and found nothing."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.fuzz")
    parser.add_argument("--minutes", type=float, default=8, help="for all targets together")
    parser.add_argument("--target", choices=TARGETS)
    parser.add_argument("--keep", action="store_true", help="renew tests/corpus")
    given = parser.parse_args(arguments)
    subprocess.run([ROOT / "tools" / "tool-env", "fuzz"], check=True)
    names = [given.target] if given.target else list(TARGETS)
    console = Console(highlight=False, soft_wrap=True, markup=False, width=120)
    ended: dict[str, Search] = {}
    for name in names:
        ended[name] = _search(name, given.minutes * 60 / len(names), console)
        for line in told(name, ended[name]):
            console.print(line)
        if given.keep:
            console.print(renew(name) if ended[name].is_clean else f"{name}: its kept inputs stay as they are")
    console.print(_table(ended))
    console.print(summary(ended))
    return 0 if all(one.is_clean for one in ended.values()) else 1


def _search(name: str, seconds: float, console: Console) -> Search:
    with console.status(name) as status:
        return search(name, seconds, lambda line: status.update(f"{name}: {line[:100]}") if line[:1] == "#" else None)


def told(name: str, ended: Search) -> Sequence[str]:
    """Return the lines about what is wrong: how to repeat each finding, and how the search failed if it did."""
    lines = [f"FINDING {name}: {REPLAY} {name} {finding}" for finding in ended.findings]
    return [*lines, f"FAILED SEARCH {name}: {ended.fault}"] if ended.fault else lines


def summary(ended: Mapping[str, Search]) -> str:
    """Return the last line: what all searches came to."""
    executions = sum(one.executions for one in ended.values())
    findings = sum(len(one.findings) for one in ended.values())
    failed = sum(one.fault is not None for one in ended.values())
    return f"{executions:,} executions of {len(ended)} targets, {findings} findings, {failed} failed searches"


def _table(ended: Mapping[str, Search]) -> Table:
    table = Table("target", "executions", "edges", "features", "inputs", "kept", "kept bytes", "findings", box=None)
    for name, one in ended.items():
        kept = [path.stat().st_size for path in (KEPT / name).iterdir()]
        figures = (one.executions, one.edges, one.features, one.inputs, len(kept), sum(kept), len(one.findings))
        table.add_row(name, *(f"{figure:,}" for figure in figures))
    return table


if __name__ == "__main__":
    sys.exit(main())
