"""Where mutmut works: a copy of the project for each room, with the room's modules mutated."""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

import tomlkit
from mutmut.mutation.file_mutation import MutatedFile, mutate_file_contents
from mutmut.utils.format_utils import get_mutant_name

from sandbox.aws.seaweed import SEAWEED_PORT, SeaweedS3
from tools.documents import ROOT

PLACE = ROOT / ".mutants"
SHARED = (
    "README.md", "CHANGELOG.md", "Makefile", "athena", "docs", "events", "layers", "requirements", "sandbox", "src",
    "template.yaml", "tests", "tools",
)  # fmt: skip
TIMEOUT_MULTIPLIER, TIMEOUT_SECONDS = 1.5, 15.0
"""A mutant may take this often as long as its tests, and as much more."""

PROCESSES = 2
"""How many mutants are tried at once."""

KILLED = {1, 3, 36, -24, 24, 152, 255}
"""mutmut's exit codes of a mutant that a test noticed, or that never ended; not that of a process that crashed."""

CAUGHT_BY_TYPES = 37
"""mutmut's exit code of a mutant that mypy refuses, as `make check` would."""

NOT_OF_MUTANTS = ("no-redef", "has-type", "no-any-return", "unused-ignore")
"""mypy's complaints about how mutmut lays out its mutants: many functions side by side, all but one by another name."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one function, by its content."""

    name: str
    module: str
    function: str
    was: str
    now: str

    @property
    def content(self) -> tuple[str, str, str, str]:
        """What it is whatever its number: module, function, and the lines before and after."""
        return self.module, self.function, self.was, self.now

    @property
    def is_wording(self) -> bool:
        """Whether it only rewords a sentence for people: the case of its letters, or an XX around it."""
        if self.now.replace("XX", "").casefold() != self.was.casefold():
            return False
        said, other = (re.findall(r'"[^"]*"', line) for line in (self.was, self.now))
        return all(" " in one for one, two in zip(said, other, strict=True) if one != two)


@dataclass(frozen=True, slots=True)
class Room:
    """Modules that are mutated together, and the tests that may kill them."""

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]


def rooms() -> list[Room]:
    """Return the rooms of rooms.toml."""
    found = tomllib.loads(Path(__file__).with_name("rooms.toml").read_text(encoding="utf-8"))
    return [Room(name, tuple(room["modules"]), tuple(room["tests"])) for name, room in found.items()]


def source(module: str) -> Path:
    """Return the file of a module, below the root of the project."""
    return Path("src/spaaza_snapshots") / f"{module}.py"


def mutants_of(module: str) -> list[Mutant]:
    """Return every mutant of a module, in the order of its lines."""
    path = source(module)
    mutated = mutate_file_contents(str(path), (ROOT / path).read_text(encoding="utf-8"))
    return [_mutant(module, name, mutated) for name in mutated.mutant_names]


def _mutant(module: str, name: str, mutated: MutatedFile) -> Mutant:
    function = name.partition("__mutmut_")[0]
    original, changed = _lines(mutated, f"{function}__mutmut_orig"), _lines(mutated, name)
    lines = list(unified_diff(original, changed, n=0))[2:]
    was, now = (" ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
    told = function.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    return Mutant(get_mutant_name(source(module), name), module, told, was, now)


def _lines(mutated: MutatedFile, name: str) -> list[str]:
    """Return the lines of a function that mutmut generated, without its name."""
    span = mutated.line_span_by_function_name[name]
    return [line.replace(name, "") for line in mutated.code.splitlines()[span.start - 1 : span.end]]


def exit_codes(room: Room, chosen: Sequence[Mutant]) -> dict[Mutant, int | None]:
    """Check the types of a room's mutants, run its tests against those that pass, and return mutmut's exit codes."""
    place = _prepared(room)
    paths = os.pathsep.join(str(place / "mutants" / folder) for folder in ("src", "."))
    mutmut = Path(sys.executable).with_name("mutmut")
    with SeaweedS3() as server:
        subprocess.run(
            [str(mutmut), "run", "--max-children", str(PROCESSES), *(mutant.name for mutant in chosen)],
            cwd=place,
            env=os.environ | {"PYTHONPATH": paths, SEAWEED_PORT: server.endpoint_url.rpartition(":")[2]},
            check=True,
            stdout=sys.stderr,
        )
    return {mutant: _exit_code(place, mutant) for mutant in chosen}


def _exit_code(place: Path, mutant: Mutant) -> int | None:
    meta = json.loads((place / "mutants" / f"{source(mutant.module)}.meta").read_text(encoding="utf-8"))
    code: int | None = meta["exit_code_by_key"][mutant.name]
    return code


def _type_check(room: Room) -> list[str]:
    quiet = [f"--disable-error-code={code}" for code in NOT_OF_MUTANTS]
    return [sys.executable, "-m", "mypy", "--output=json", *quiet, *(str(source(module)) for module in room.modules)]


def _prepared(room: Room) -> Path:
    """Lay out the place of a room: the project by links, and mutmut's settings."""
    place = PLACE / room.name
    (place / "mutants" / "src").mkdir(
        parents=True, exist_ok=True
    )  # Python never looks again at a path that was not there
    for name in SHARED:
        if not (place / name).exists():
            (place / name).symlink_to(ROOT / name)
    project = tomlkit.parse((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project["tool"]["mutmut"] = {
        "source_paths": ["src"],
        "only_mutate": [str(source(module)) for module in room.modules],
        "also_copy": [name for name in SHARED if name != "src"],
        "pytest_add_cli_args": ["-p", "tools.mutants.fastest_first", "-p", "no:cacheprovider"],
        "pytest_add_cli_args_test_selection": list(room.tests),
        "type_check_command": _type_check(room),
        "timeout_multiplier": TIMEOUT_MULTIPLIER,
        "timeout_constant": TIMEOUT_SECONDS,
        "track_dependencies": False,
        "use_git_change_detection": False,
        "process_isolation": "forkserver",  # a fork of a process that ran DuckDB's tests crashed
    }
    (place / "pyproject.toml").write_text(tomlkit.dumps(project), encoding="utf-8")
    return place
