"""One search, in the environment of the fuzzer: `.tools/fuzz/bin/python -m sandbox.fuzz.hunt NAME OPTIONS…`.

The options are those of libFuzzer; `-help=1` lists them. An input that breaks a promise ends the search, and is written
to a file.
"""

import shlex
import sys
from random import Random

import atheris

with atheris.instrument_imports(include=["spaaza_snapshots"]):
    from sandbox.fuzz.corpus import TARGETS


def main() -> None:
    """Search until libFuzzer's own limits end it; it ends the process."""
    name, *options = sys.argv[1:]
    program = f"{shlex.quote(sys.executable)} -m sandbox.fuzz.hunt {name}"  # what libFuzzer starts to merge inputs
    target = TARGETS[name]

    def mutated(data: bytes, longest_bytes: int, seed: int) -> bytes:
        changed = target.mutate(data, lambda part: atheris.Mutate(part, longest_bytes), Random(seed))
        return changed[:longest_bytes]

    atheris.Setup([program, *options], target.run, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
