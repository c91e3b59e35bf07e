"""Erase a person from a week of snapshots on this machine: the plan, a kill -9 half-way, a repetition, the proof.

All is real but AWS and Spaaza: the installed command, its exit codes, every version of every object.
"""

import io
import os
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from signal import SIGKILL
from typing import Final

from rich.console import Console
from rich.table import Table

from sandbox import person
from sandbox.aws.deployed import deploy
from sandbox.aws.stack import Stack, running_stack
from sandbox.wire import faults
from spaaza_snapshots.base.telemetry import logger

COMMAND: Final = Path(sys.prefix) / "bin" / "spaaza-snapshots"
NAME: Final = "members"
ARGUMENTS: Final = ("erase", "--chain", str(person.CHAIN), "--ids", "-", "--stack", NAME, "--region", "eu-west-1")

console = Console(highlight=False, width=160)


def main() -> int:
    """Print the transcript; 1 if a command did not end as it should, or printed who the person is."""
    logger.setLevel("ERROR")
    with running_stack() as stack:
        os.environ.update({name: text for name, text in stack.environment().items() if name.startswith("AWS_")})
        with redirect_stdout(io.StringIO()):  # the metrics of each run
            person.live_a_week(stack)
        deploy(stack.aws, NAME, {"BucketName": stack.bucket})
        print_objects("The bucket before", stack)
        said = [run(stack), run(stack, "--yes", kill=True)]
        print_objects("The bucket after the kill", stack)
        said += [run(stack, "--yes"), run(stack, "--yes")]
        print_objects("The bucket at the end", stack)
    codes, texts = zip(*said, strict=True)
    marks = [text for text in (str(person.PERSON), person.MARK) if text in "".join(texts)]
    console.print(f"The person's id and name in all that was printed: {len(marks)} times")
    return 0 if codes == (0, -SIGKILL, 0, 0) and "Proved" in texts[2] and not marks else 1


def run(stack: Stack, *options: str, kill: bool = False) -> tuple[int, str]:
    """Run the command with the id on its standard input; return its exit code and what it printed."""
    console.rule(f"spaaza-snapshots {' '.join((*ARGUMENTS, *options))}")
    running = subprocess.Popen(
        [COMMAND, *ARGUMENTS, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if kill:  # one day is erased, and the next has its new typed copy, but still both of its exports
        day = f"parquet/users/chain_id={person.CHAIN}/dt={person.TWICE}"
        stack.wire.fail("PutObject", faults.call(running.kill, when="after"), key_contains=day)
    said, _ = running.communicate(f"{person.PERSON}\n")
    console.print(said, markup=False, soft_wrap=True)
    console.print(f"exit code {running.returncode}" + (": killed" if running.returncode < 0 else ""))
    return running.returncode, said


def print_objects(title: str, stack: Stack) -> None:
    """Print how many versions each day has, by tree."""
    trees = ("raw", "pending", "parquet", "manifests")
    table = Table("day", *trees, title=title)
    pages = stack.s3.get_paginator("list_object_versions").paginate(Bucket=stack.bucket)
    items = [item for page in pages for item in page.get("Versions", ())]
    # A draft that was removed has old versions, which hold no user: they are the manifest once more.
    found = [item["Key"] for item in items if item["IsLatest"] or not item["Key"].startswith("pending/")]
    for day in (
        person.BEFORE,
        person.WITH,
        person.TWICE,
        person.HELD,
        person.UNREADABLE,
        person.REPLACED,
        person.AFTER,
    ):
        of_day = [key for key in found if f"chain_id={person.CHAIN}/dt={day}/" in key]
        table.add_row(str(day), *(str(sum(key.startswith(tree) for key in of_day)) for tree in trees))
    console.print(table)
    for key in found:
        if key.startswith(("erasures/", "athena-results/")):
            console.print(key)


if __name__ == "__main__":
    sys.exit(main())
