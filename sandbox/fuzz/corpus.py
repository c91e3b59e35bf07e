"""The targets by name, and the inputs of each that are kept: `tests/corpus/NAME/`, small enough to run in every test.

python -m sandbox.fuzz.corpus NAME FILE…     run these inputs, and show what is wrong with them
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from sandbox.fuzz import answers, cells, documents, mutators, seeds, streams
from sandbox.fuzz.target import MARK, Target

ROOT: Final = Path(__file__).parents[2]
KEPT: Final = ROOT / "tests" / "corpus"

_HTTP: Final = (
    b"HTTP/1.1 ",
    b"Content-Length: ",
    b"Transfer-Encoding: chunked",
    b"Retry-After: ",
    b"\r\n\r\n",
    b"0\r\n\r\n",
)
_MARK: Final = MARK.encode()

TARGETS: Final[Mapping[str, Target]] = {
    "inspector": Target(streams.inspector, seeds.inspector, mutators.of_gzip, longest_bytes=1_536),
    "records": Target(streams.records, seeds.records, mutators.of_csv, mutators.CSV_WORDS, longest_bytes=512),
    "rows": Target(streams.rows, seeds.rows, mutators.of_csv, mutators.CSV_WORDS, longest_bytes=640),
    "cell": Target(cells.cell, cells.seeds, cells.from_a_seed, longest_bytes=64),
    "export": Target(answers.export, seeds.answers, mutators.of_http, (_MARK, *_HTTP)),
    "login": Target(answers.login, seeds.logins, mutators.of_http, (_MARK, *_HTTP)),
    "secret": Target(documents.secret, seeds.secrets, mutators.of_json, (_MARK,)),
    "event": Target(documents.event, seeds.events, mutators.of_json, (_MARK,)),
    "manifest": Target(documents.manifest, seeds.manifests, mutators.of_json, (_MARK,), longest_bytes=8_192),
}


def kept(name: str) -> Iterator[tuple[str, bytes]]:
    """Yield the inputs that are kept for a target, and its seeds, each with what it is called."""
    for path in sorted((KEPT / name).glob("*")):
        yield str(path.relative_to(ROOT)), path.read_bytes()
    for number, seed in enumerate(TARGETS[name].seeds()):
        yield f"seed {number} of {name}", seed


def main() -> None:
    """Run the given inputs; the first that breaks a promise ends it with its traceback."""
    name, *paths = sys.argv[1:]
    for path in paths:
        TARGETS[name].run(Path(path).read_bytes())
        print(f"{path}: nothing wrong")


if __name__ == "__main__":
    main()
