"""`spaaza-snapshots doctor`: what is wrong with a set-up, in order, each with its fix. It changes nothing.

It works before the first deployment, when it tells what is missing for one, and after it.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import boto3
from rich.markup import escape

from spaaza_snapshots.base.environment import ENVIRONMENTS
from spaaza_snapshots.base.sdk import SDK_CONFIG
from spaaza_snapshots.cli import deployed
from spaaza_snapshots.cli.command import Answer, Command, ExitCode, aside
from spaaza_snapshots.cli.marks import writable
from spaaza_snapshots.cli.samconfig import Section, sections
from spaaza_snapshots.spaaza.connections import http_pool
from spaaza_snapshots.upkeep.doctor.course import examine
from spaaza_snapshots.upkeep.doctor.examination import CheckStatus, Finding
from spaaza_snapshots.upkeep.doctor.running import RUNTIME
from spaaza_snapshots.upkeep.doctor.surroundings import Surroundings

TOOLS: Final = ("make", "bash")
OVERRIDES: Final = ("SPAAZA_API_URL", "SPAAZA_SERVICES_URL")
MARKS: Final = dict(zip(CheckStatus, "✓✗?-", strict=True))
PLAIN_MARKS: Final = dict(zip(CheckStatus, "+x?-", strict=True))
"""Where the encoding of the output has none of the others."""

STYLES: Final = dict(zip(CheckStatus, ("green", "red", "yellow", "dim"), strict=True))
NAME_CHARACTERS: Final = 18


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    deployed.add_arguments(parser)
    parser.add_argument(
        "--probe",
        action="store_true",
        help="also ask Spaaza for each chain's export, and close it after its first line; nothing is kept",
    )
    parser.add_argument(
        "--chain",
        type=int,
        action="append",
        default=[],
        help="probe this chain only; may be repeated, and needs no --probe",
    )


def _run(options: argparse.Namespace) -> Answer:
    """Look at everything; a failed check is part of the answer, and no error."""
    with ExitStack() as closing, aside().status("looking") as shown:
        here = _surroundings(options, closing)
        results = []
        for name, finding in examine(here):
            results.append((name, finding))
            shown.update(f"looking; {name}: {finding.status}")
    marks = writable(MARKS, PLAIN_MARKS)
    summary, exit_code = _end(results)
    lines = [line for name, finding in results for line in _lines(name, finding, marks)]
    data = [{"name": name, "status": of.status, "finding": of.text, "fix": of.fix} for name, of in results]
    return Answer(data, [*lines, summary], exit_code)


def _surroundings(options: argparse.Namespace, closing: ExitStack) -> Surroundings:
    section = _section(options)
    to_be = f"spaaza-snapshots-{options.env}" if options.env else None  # the name that make deploy will give it
    stack, region = (section.stack, section.region) if section else (to_be, None)
    session = boto3.Session(region_name=options.region or region)

    @cache
    def client(service: str) -> Any:
        make_client: Any = session.client  # one of several services: their types have nothing in common
        made = make_client(service, config=SDK_CONFIG)
        closing.callback(made.close)
        return made

    return Surroundings(
        stack_name=options.stack or stack,
        was_deployed=section is not None,
        region=session.region_name,
        client=client,
        regions=session.get_available_regions,
        missing_tools=[tool for tool in TOOLS if shutil.which(tool) is None],
        can_build=any(map(_builds, (os.environ.get("PYTHON", ""), sys.executable, RUNTIME))),
        http=closing.enter_context(http_pool()),
        overrides={name: os.environ[name] for name in OVERRIDES if os.environ.get(name)},
        now=datetime.now(UTC),
        probe=options.probe or bool(options.chain),
        chains=options.chain,
    )


def _section(options: argparse.Namespace) -> Section | None:
    """Return the environment's section; None before its first deployment, which writes it.

    Raises `InvalidRequest` for an environment that is in no section and that Spaaza does not have either.
    """
    if options.env in ENVIRONMENTS and options.env not in {section.environment for section in sections()}:
        return None
    return deployed.section_for(options)


def _builds(python: str) -> bool:
    """Whether it is a Python of the functions' version that really runs: a version manager's shim may not."""
    with suppress(OSError):
        asked = [python, "-c", "import sys; print('python%d.%d' % sys.version_info[:2])"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603  what make would run too
        return done.stdout.strip() == RUNTIME
    return False


def _lines(name: str, finding: Finding, marks: Mapping[CheckStatus, str]) -> list[str]:
    mark = f"[{STYLES[finding.status]}]{marks[finding.status]}[/]"
    line = f"{mark} {escape(name):{NAME_CHARACTERS}} {escape(finding.text)}"
    return [line, f"{'':{NAME_CHARACTERS + 3}}[bold]{escape(finding.fix)}[/bold]"] if finding.fix else [line]


def _end(results: Sequence[tuple[str, Finding]]) -> tuple[str, ExitCode]:
    """Sum up; the first bad one is where to begin, and decides the exit code."""
    counts = Counter(finding.status for _, finding in results)
    good, bad, unknown, skipped = (counts[status] for status in CheckStatus)
    summary = f"{good} good, {bad} bad, {unknown} unknown, {skipped} not checked."
    for name, finding in results:
        if finding.status is CheckStatus.BAD:
            code = ExitCode.CREDENTIALS if finding.of_credentials else ExitCode.FAILED
            return f"{summary} Begin with: {escape(name)}.", code
    return summary, ExitCode.GOOD


COMMAND = Command("doctor", "tell what is wrong with a set-up, in order, each with its fix", _add_arguments, _run)
