"""`make fuzz`: search every target in turn, or TARGET= alone, for MINUTES= in all, and print what it came to.

python -m sandbox.fuzz --minutes 60 --target inspector
python -m sandbox.fuzz --keep        also put the least inputs that reach all that was reached into tests/corpus

What a search found stays in `.fuzz/NAME`, and the next one goes on from there.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from sandbox.fuzz.corpus import KEPT, ROOT, TARGETS

WORK: Final = ROOT / ".fuzz"
PYTHON: Final = ROOT / ".tools" / "fuzz" / "bin" / "python"
INPUT_SECONDS: Final = 20
KEPT_INPUTS: Final = 150
FOUND: Final = "found-"
"""How the name of an input begins that stays, whatever others reach."""
"""The most inputs that are kept for one target: the shortest ones."""

FINDING: Final = re.compile(r"Test unit written to (\S+)")


@dataclass(frozen=True, slots=True)
class Search:
    """What one search came to; `edges` and `features` are libFuzzer's words for what of the product was reached."""

    executions: int
    edges: int
    features: int
    inputs: int
    findings: tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Search; the exit code is 0 only if nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.fuzz")
    parser.add_argument("--minutes", type=float, default=8, help="for all targets together")
    parser.add_argument("--target", choices=TARGETS)
    parser.add_argument("--keep", action="store_true", help="renew tests/corpus")
    given = parser.parse_args(arguments)
    subprocess.run([ROOT / "tools" / "tool-env", "fuzz"], check=True)
    names = [given.target] if given.target else list(TARGETS)
    console = Console(highlight=False, soft_wrap=True, markup=False, width=120)
    found: dict[str, Search] = {}
    for name in names:
        found[name] = _search(name, given.minutes * 60 / len(names), console)
        _show_findings(name, found[name], console)
        if given.keep:
            _keep(name)
    console.print(_table(found))
    total = sum(search.executions for search in found.values())
    findings = sum(len(search.findings) for search in found.values())
    console.print(f"{total:,} executions of {len(found)} targets, {findings} findings")
    return 1 if findings else 0


def _search(name: str, seconds: float, console: Console) -> Search:
    target, folder = TARGETS[name], WORK / name
    (folder / "inputs").mkdir(parents=True, exist_ok=True)
    _write_seeds(name, folder / "inputs")
    words = folder / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))
    options = [f"-max_total_time={max(1, int(seconds))}", f"-max_len={target.longest_bytes}"]
    options += [f"-artifact_prefix={folder}/", f"-timeout={INPUT_SECONDS}", "-print_final_stats=1"]
    options += [f"-dict={words}"] if target.words else []
    (KEPT / name).mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    with console.status(name) as status:
        for line in _lines_of(name, [*options, str(folder / "inputs"), str(KEPT / name)]):
            lines.append(line)
            if line.startswith("#"):
                status.update(f"{name}: {line[:100]}")
    return _read("\n".join(lines))


def _lines_of(name: str, options: Sequence[str]) -> Iterator[str]:
    """Run the fuzzer, and yield what it prints, line by line."""
    command = [str(PYTHON), "-m", "sandbox.fuzz.hunt", name, *options]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        if process.stderr is None:
            raise ValueError("nothing to read")
        try:
            yield from (line.rstrip("\n") for line in process.stderr)
        finally:
            process.terminate()


def _environment() -> Mapping[str, str]:
    path = os.pathsep.join((str(ROOT / "src"), str(ROOT)))
    return {**os.environ, "PYTHONPATH": path, "POWERTOOLS_LOG_LEVEL": "CRITICAL"}


def _read(printed: str) -> Search:
    """Read the figures from what libFuzzer prints; a search that ended at once has none."""
    reached = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)/", printed) or [(0, 0, 0)]
    edges, features, inputs = map(int, reached[-1])
    counted = re.findall(r"stat::number_of_executed_units: +(\d+)", printed) or re.findall(r"^#(\d+)", printed, re.M)
    findings = tuple(FINDING.findall(printed))
    if not counted:
        findings = (*findings, f"the search did not begin: {printed[-2_000:]}")
    return Search(int(counted[-1]) if counted else 0, edges, features, inputs, findings)


def _show_findings(name: str, search: Search, console: Console) -> None:
    for finding in search.findings:
        console.print(f"FINDING {name}: .venv/bin/python -m sandbox.fuzz.corpus {name} {finding}")


def _write_seeds(name: str, folder: Path) -> None:
    for number, seed in enumerate(TARGETS[name].seeds()):
        (folder / f"seed-{number}").write_bytes(seed)


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def _keep(name: str) -> None:
    """Renew the inputs that are kept: the shortest of the fewest that reach all that those and the new ones reach."""
    with tempfile.TemporaryDirectory() as merged:
        found = [str(WORK / name / "inputs"), str(KEPT / name)]
        options = ["-set_cover_merge=1", f"-artifact_prefix={WORK / name}/", f"-max_len={TARGETS[name].longest_bytes}"]
        if not any("MERGE-OUTER" in line and "added" in line for line in _lines_of(name, [*options, merged, *found])):
            raise SystemExit(f"The inputs of {name} could not be merged: {KEPT / name} is as it was.")
        inputs = sorted(Path(merged).iterdir(), key=lambda path: path.stat().st_size)[:KEPT_INPUTS]
        for path in (KEPT / name).iterdir():
            if not path.name.startswith(FOUND):  # somebody keeps it for what it once showed
                path.unlink()
        for path in inputs:
            shutil.copyfile(path, KEPT / name / path.name[:12])


def _table(found: Mapping[str, Search]) -> Table:
    table = Table("target", "executions", "edges", "features", "inputs", "kept", "kept bytes", "findings", box=None)
    for name, search in found.items():
        kept = [path.stat().st_size for path in (KEPT / name).iterdir()]
        figures = (search.executions, search.edges, search.features, search.inputs, len(kept), sum(kept))
        table.add_row(name, *(f"{figure:,}" for figure in figures), str(len(search.findings)))
    return table


if __name__ == "__main__":
    sys.exit(main())
