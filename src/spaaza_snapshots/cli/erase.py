"""`spaaza-snapshots erase`: remove certain people from every snapshot of a chain, and prove that they are gone."""

import argparse
import sys
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from rich.progress import DownloadColumn

from spaaza_snapshots.cli import deployed
from spaaza_snapshots.cli.command import Answer, Command, ExitCode, Stopped, aside, progress
from spaaza_snapshots.cli.erasure_view import erasure_view
from spaaza_snapshots.upkeep.erasure import erase, prove, refuse_unknown_chain
from spaaza_snapshots.upkeep.erasure_plan import Search
from spaaza_snapshots.upkeep.person import People
from spaaza_snapshots.upkeep.versions import VersionedBucket

ID_DIGITS_LIMIT: Final = 18
"""What the typed copy takes for a user id."""

STDIN: Final = "-"
BYTE_ORDER_MARK: Final = "\ufeff"
"""What Windows begins a text with."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--chain", type=int, required=True, metavar="CHAIN_ID", help="the chain to erase from")
    ids = parser.add_mutually_exclusive_group()
    ids.add_argument(
        "--ids",
        metavar="FILE",
        help="file with Spaaza's user ids (column ID), one a line, or - for standard input; default: asks for them",
    )
    ids.add_argument(
        "--id",
        action="append",
        metavar="USER_ID",
        help="one user id, repeatable; the shell's history and the list of processes show it, so prefer --ids",
    )
    parser.add_argument("--yes", action="store_true", help="erase; without it the plan is printed and nothing changes")
    deployed.add_arguments(parser)


def _run(options: argparse.Namespace) -> Answer:
    people = People(_ids(_texts(options)))
    deployment = deployed.deployment_of(options)
    today = deployment.today()
    with closing(deployment.session.client("s3")) as s3:
        bucket = VersionedBucket(s3, deployment.output("BucketName"))
        refuse_unknown_chain(bucket, options.chain)
        with progress(DownloadColumn()) as shown:
            task = shown.add_task("Reading every export")
            search = Search(bucket, options.chain, people, today, partial(shown.advance, task))
            shown.update(task, total=search.bytes_to_read())
            plan = search.plan()
        if not options.yes:
            return erasure_view(plan, None, None, today)
        now = partial(datetime.now, UTC)
        record = erase(bucket, plan, people, now, lambda day: aside().print(f"{day.snapshot_id}: erased"))
        return erasure_view(plan, record, prove(bucket, plan, search, now), today)


def _texts(options: argparse.Namespace) -> list[str]:
    """Return what was given as ids, one in each; an id goes into no argument list unless somebody puts it there."""
    if options.id is not None:
        return list(options.id)
    if options.ids is None and sys.stdin.isatty():
        aside().print("Spaaza's user ids (column ID, not Spaaza User ID), one a line; an empty line ends:")
        return list(iter(lambda: sys.stdin.readline().strip(), ""))
    if options.ids is None or options.ids == STDIN:
        return sys.stdin.read().removeprefix(BYTE_ORDER_MARK).split()
    try:
        return Path(options.ids).read_text(encoding="utf-8-sig").split()
    except UnicodeDecodeError:
        raise Stopped(f"{options.ids} is not a text file.", ExitCode.USAGE) from None


def _ids(texts: list[str]) -> tuple[int, ...]:
    """Read the ids; what is wrong is told by its place, never by its text."""
    for number, text in enumerate(texts, start=1):
        if not (text.isascii() and text.isdigit() and len(text) <= ID_DIGITS_LIMIT and int(text) > 0):
            sentence = f"Number {number} of the ids is not a user id: give Spaaza's column ID, digits only."
            raise Stopped(sentence, ExitCode.USAGE)
    if not texts:
        raise Stopped("No user id was given.", ExitCode.USAGE)
    return tuple(dict.fromkeys(map(int, texts)))


COMMAND = Command("erase", "erase people from every snapshot of a chain, and prove it", _add_arguments, _run)
