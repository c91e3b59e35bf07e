"""Runs the fuzzer, and reads what a run came to: the figures, the findings, and whether it ended as it should."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.fuzz.corpus import KEPT, ROOT, TARGETS

WORK: Final = ROOT / ".fuzz"
PYTHON: Final = ROOT / ".tools" / "fuzz" / "bin" / "python"
INPUT_SECONDS: Final = 20

FINDING: Final = re.compile(r"Test unit written to (\S+)")
SLOW: Final = "slow-unit-"
"""How libFuzzer names an input that took long: it goes on after one, while any other finding ends the search."""

LAST_CHARS: Final = 2_000
"""How much of what was printed explains an end that no input explains."""


@dataclass(frozen=True, slots=True)
class Run:
    """How the fuzzer ended, minus the signal if one killed it, and what it printed."""

    code: int
    printed: str

    @property
    def findings(self) -> tuple[str, ...]:
        """The files with inputs that broke a promise, ended the process or took long."""
        return tuple(FINDING.findall(self.printed))

    @property
    def fault(self) -> str | None:
        """Say how the fuzzer died if no input explains it, or None."""
        if self.code == 0 or any(SLOW not in Path(finding).name for finding in self.findings):
            return None
        how = f"was killed by {signal.Signals(-self.code).name}" if self.code < 0 else f"ended with code {self.code}"
        return f"the fuzzer {how} and wrote no input that explains it. It printed last:\n{self.printed[-LAST_CHARS:]}"


@dataclass(frozen=True, slots=True)
class Search:
    """What one search came to; `edges` and `features` are libFuzzer's words for what of the product was reached.

    `fault` says why a search does not count as one: it did not begin, or it ended early and no input explains it.
    """

    executions: int
    edges: int
    features: int
    inputs: int
    findings: tuple[str, ...]
    fault: str | None

    @property
    def is_clean(self) -> bool:
        """Whether it ran to its end and found nothing."""
        return not self.findings and self.fault is None


def search(name: str, seconds: float, show: Callable[[str], None]) -> Search:
    """Search one target for so many seconds, from its seeds, the inputs that are kept and those of earlier searches."""
    target, folder = TARGETS[name], WORK / name
    (folder / "inputs").mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (folder / "inputs" / f"seed-{number}").write_bytes(seed)
    words = folder / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))
    options = [f"-max_total_time={max(1, int(seconds))}", f"-timeout={INPUT_SECONDS}", "-print_final_stats=1"]
    options += [f"-dict={words}"] if target.words else []
    (KEPT / name).mkdir(parents=True, exist_ok=True)
    return read(run(fuzzer(name, [*options, str(folder / "inputs"), str(KEPT / name)]), show))


def fuzzer(name: str, options: Sequence[str]) -> Sequence[str]:
    """Return the command that runs the fuzzer on one target, with findings written to its folder in `.fuzz`."""
    always = (f"-artifact_prefix={WORK / name}/", f"-max_len={TARGETS[name].longest_bytes}")
    return (str(PYTHON), "-m", "sandbox.fuzz.hunt", name, *always, *options)


def run(command: Sequence[str], show: Callable[[str], None] = lambda _line: None) -> Run:
    """Run a command to its end, and show each line that it prints to stderr."""
    lines: list[str] = []
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
            for line in process.stderr:
                lines.append(line.rstrip("\n"))
                show(lines[-1])
            code = process.wait()  # stderr ends just before the process: to terminate it now would change its code
        finally:
            if process.poll() is None:  # somebody interrupted us
                process.terminate()
    return Run(code, "\n".join(lines))


def read(ended: Run) -> Search:
    """Read the figures from what libFuzzer prints; a search that ended at once has none."""
    reached = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)/", ended.printed) or [(0, 0, 0)]
    edges, features, inputs = map(int, reached[-1])
    stats = re.findall(r"stat::number_of_executed_units: +(\d+)", ended.printed)
    counted = stats or re.findall(r"^#(\d+)", ended.printed, re.M)
    executions = int(counted[-1]) if counted else 0
    fault = ended.fault
    if fault is None and not executions and not ended.findings:
        fault = f"the fuzzer ended with code 0, but ran no input. It printed last:\n{ended.printed[-LAST_CHARS:]}"
    return Search(executions, edges, features, inputs, ended.findings, fault)


def _environment() -> Mapping[str, str]:
    path = os.pathsep.join((str(ROOT / "src"), str(ROOT)))
    return {**os.environ, "PYTHONPATH": path, "POWERTOOLS_LOG_LEVEL": "CRITICAL"}


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)
