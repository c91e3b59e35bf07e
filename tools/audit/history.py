"""Secrets in any line that any commit has ever added, by detect-secrets."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

NO_SECRETS: Final = (
    "d7d91a80b5dd2cf040adc68bc2cb7974f0107dea35816bb3e14207444bf9e21a",  # the sample of Spaaza's own public page
    "0123456789abcdef0123456789abcdef",
)
PIN_HASH: Final = "sha256:[0-9a-f]{64}"
NOISY: Final = "KeywordDetector"  # every invented password of a test is one to it, and would hide a real one in a list


@dataclass(frozen=True, slots=True)
class Leak:
    """Where something that looks like a secret was added; never what it is."""

    commit: str
    file: str
    kind: str


@dataclass(frozen=True, slots=True)
class _Added:
    commit: str
    file: str
    text: str


def leaks(commands: Path, repository: Path) -> list[Leak]:
    """Look through the history of what is checked out."""
    lines = list(_added(repository))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "added.txt"
        file.write_text("".join(f"{line.text}\n" for line in lines), encoding="utf-8")
        allowed = f"^({'|'.join(map(re.escape, NO_SECRETS))})$"
        command = [str(commands / "detect-secrets"), "scan", "--no-verify", "--all-files"]
        command += ["--disable-plugin", NOISY, "--exclude-lines", PIN_HASH, "--exclude-secrets", allowed, file.name]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    found = [found for of_file in json.loads(done.stdout)["results"].values() for found in of_file]
    at = [(lines[secret["line_number"] - 1], secret["type"]) for secret in found]
    return [Leak(line.commit, line.file, kind) for line, kind in at]


def commits(repository: Path) -> tuple[int, bool]:
    """Return how many commits there are to look through, and whether that is the whole history."""
    count = _git(repository, "rev-list", "--count", "HEAD")
    return int(count), _git(repository, "rev-parse", "--is-shallow-repository").strip() == "false"


def _added(repository: Path) -> Iterator[_Added]:
    commit, file = "", ""
    options = ("--patch", "--no-color", "--no-ext-diff", "--unified=0", "--format=commit %h")
    for line in _git(repository, "log", *options, "HEAD").split("\n"):
        if line.startswith("commit "):
            commit = line.removeprefix("commit ")
        elif line.startswith("+++ "):
            file = line.removeprefix("+++ ").removeprefix("b/")
        elif line.startswith("+"):
            yield _Added(commit, file, line[1:].replace("\r", " ").replace("\f", " "))


def _git(repository: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", repository, *words], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")
