"""`make mutants`: change one thing in a function, and see which test notices; a table by module.

python -m tools.mutants                                       all of rooms.toml; takes hours
python -m tools.mutants snapshot/commit --sample 80           one module, 80 of its mutants, by seed

mutmut makes the mutants, lets mypy refuse those of wrong types, as `make check` would, and runs the tests on the rest.
It leaves decorated functions alone (properties, context managers), and constants. A mutation that only rewords a
sentence for people is not counted.
"""

import argparse
import random
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.mutants.workspace import CAUGHT_BY_TYPES, KILLED, Mutant, Room, exit_codes, mutants_of, rooms

EXPLAINED = Path(__file__).with_name("explained.toml")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the mutants of one module that were run."""

    module: str
    all_mutants: int
    run: int
    by_types: int
    explained: list[Mutant]
    survived: list[Mutant]

    @property
    def row(self) -> str:
        """A line of the table; the score is of the mutants that are not explained."""
        told = str(self.run) if self.run == self.all_mutants else f"{self.run} of {self.all_mutants}"
        killed = self.run - len(self.explained) - len(self.survived)
        score = 100 * killed / max(1, killed + len(self.survived))
        figures = (told, self.by_types, killed - self.by_types, len(self.explained), len(self.survived))
        return f"| `{self.module}` | {' | '.join(map(str, figures))} | {score:.1f} % |"


def explanations() -> dict[tuple[str, str, str, str], str]:
    """Return the reason of each kept survivor, by module, function and change."""
    entries: list[dict[str, Any]] = tomllib.loads(EXPLAINED.read_text(encoding="utf-8")).get("mutant", [])
    return {(each["module"], each["function"], each["was"], each["now"]): each["reason"] for each in entries}


def unsound(told: Mapping[tuple[str, str, str, str], str]) -> list[tuple[str, str, str, str]]:
    """Return the entries that are of no mutant, or give no reason."""
    there = {mutant.content for module in {entry[0] for entry in told} for mutant in mutants_of(module)}
    return [entry for entry, reason in told.items() if entry not in there or not reason]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; the exit code is 0 only if every survivor is explained, and every explanation has a mutant."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants")
    parser.add_argument("module", nargs="?", help="such as snapshot/commit, or a room of rooms.toml; all by default")
    parser.add_argument("--sample", type=int, help="as many mutants of each module, drawn by --seed")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    results = [result for room in rooms() for result in _results(room, given)]
    if not results:
        parser.error(f"{given.module} is neither a module nor a room of rooms.toml")
    print("| module | mutants | by types | by tests | explained | survived | score |\n|---|--:|--:|--:|--:|--:|--:|")
    print("\n".join(result.row for result in results))
    left = [mutant for result in results for mutant in result.survived]
    for mutant in left:
        print(f"\nsurvived: {mutant.module} {mutant.function}\n  - {mutant.was}\n  + {mutant.now}")
    tried = {result.module for result in results}
    wrong = unsound({told: reason for told, reason in explanations().items() if told[0] in tried})
    for told in wrong:
        print(f"\nexplained, but no longer a mutant, or without a reason: {' | '.join(told)}")
    return 1 if left or wrong else 0


def _results(room: Room, given: argparse.Namespace) -> list[Result]:
    modules = [module for module in room.modules if given.module in (None, room.name, module)]
    if not modules:
        return []
    there = {module: [each for each in mutants_of(module) if not each.is_wording] for module in modules}
    drawn = {module: _sample(mutants, given.sample, given.seed) for module, mutants in there.items()}
    codes = exit_codes(room, [mutant for mutants in drawn.values() for mutant in mutants])
    return [
        _result(module, len(there[module]), {mutant: codes[mutant] for mutant in drawn[module]}) for module in modules
    ]


def _result(module: str, all_mutants: int, codes: Mapping[Mutant, int | None]) -> Result:
    told = explanations()
    by_types = sum(code == CAUGHT_BY_TYPES for code in codes.values())
    left = [mutant for mutant, code in codes.items() if code not in KILLED | {CAUGHT_BY_TYPES}]
    explained = [mutant for mutant in left if mutant.content in told]
    survived = [mutant for mutant in left if mutant.content not in told]
    return Result(module, all_mutants, len(codes), by_types, explained, survived)


def _sample(mutants: list[Mutant], size: int | None, seed: int) -> list[Mutant]:
    if size is None or size >= len(mutants):
        return mutants
    return random.Random(seed).sample(mutants, size)


if __name__ == "__main__":
    sys.exit(main())
