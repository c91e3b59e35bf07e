"""Look for known vulnerabilities in what is pinned, and for secrets in the history.

Exit code 0: none was found. 1: some were. 3: no database of vulnerabilities could be asked, so the pins were
not audited.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from tools.audit import history, pins
from tools.package import ROOT, commands_of

FOUND, NOT_AUDITED = 1, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was found, the history first: it needs no network."""
    parser = argparse.ArgumentParser(prog="make audit", description=__doc__)
    parser.add_argument("--service", help="address of an OSV server of your own, with its path /v1/query")
    parser.add_argument("--repository", type=Path, default=ROOT, help="whose history is looked through")
    options = parser.parse_args(arguments)
    commands = commands_of("audit")
    leaked = _history(commands, options.repository)
    try:
        vulnerable = _pins(commands, options.service)
    except pins.NotAudited as error:
        print(f"Pins: NOT AUDITED, so nothing is known of them. {error}")
        return FOUND if leaked else NOT_AUDITED
    return FOUND if leaked or vulnerable else 0


def _history(commands: Path, repository: Path) -> bool:
    count, whole = history.commits(repository)
    found = history.leaks(commands, repository)
    for leak in found:
        print(f"  {leak.commit} {leak.file}: {leak.kind}")
    part = "" if whole else ", all that this shallow clone has"
    print(f"History: {_counted(len(found), 'secret', 'secrets')} in {count:,} commits{part}.", flush=True)
    return bool(found)


def _pins(commands: Path, service: str | None) -> bool:
    found = pins.vulnerabilities(commands, service)
    for known in found:
        fix = f"fixed in {', '.join(known.fixed_in)}" if known.fixed_in else "no fix yet"
        print(f"  {known.file}: {known.package}, {known.name}, {fix}")
    counted = _counted(len(found), "known vulnerability", "known vulnerabilities")
    print(f"Pins: {counted} in {len(pins.FILES)} files of requirements.")
    return bool(found)


def _counted(count: int, one: str, several: str) -> str:
    return f"{count or 'no'} {one if count == 1 else several}"


if __name__ == "__main__":
    raise SystemExit(main())
