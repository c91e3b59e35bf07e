"""Tampers with a stored snapshot in every way known, and prints what `spaaza-snapshots verify` says of each.

Run it with `.venv/bin/python -m tools.tampered`.
"""

import io
import os
import sys
from contextlib import redirect_stdout
from datetime import UTC, date, datetime
from typing import Final

from rich.console import Console

from sandbox.aws.deployed import deploy
from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.stack import Stack, running_stack
from sandbox.spaaza.answers import generated_users
from spaaza_snapshots.cli.main import main as command
from spaaza_snapshots.model.snapshot_id import SnapshotId
from tools.tampered.place import Place
from tools.tampered.ways import USERS, tampered

CHAIN: Final = 1743
STACK: Final = "members"


def main() -> int:
    """Print a line for the good snapshot and for each tampering; the exit code is 0 only if each was told rightly."""
    console = Console(highlight=False, soft_wrap=True)
    with running_stack() as stack:
        os.environ.update(stack.environment())
        deploy(stack.aws, STACK, {"BucketName": stack.bucket})
        good = _take(stack)
        places = tampered(good)
        read, quick = _verify(good.snapshot_id.chain_id), _verify(good.snapshot_id.chain_id, "--quick")
    right = [read.pop(good.snapshot_id.snapshot_date).startswith("proven")]
    console.print(f"[bold]untouched[/bold]: {'proven' if right[0] else 'NOT PROVEN'}")
    for tampering, place in places.items():
        day = place.snapshot_id.snapshot_date
        missed = "" if quick[day].startswith("damaged") else " (not seen by --quick)"
        console.print(f"[bold]{tampering.what}[/bold]: {read[day]}{missed}")
        right.append(read[day].startswith("damaged") and bool(missed) is not tampering.is_quick)
    return 0 if all(right) else 1


def _take(stack: Stack) -> Place:
    place = Place(stack.s3, stack.bucket, SnapshotId(CHAIN, datetime.now(UTC).date()))
    asked = {"chain_id": CHAIN, "date": place.snapshot_id.snapshot_date.isoformat()}
    stack.spaaza.serve(generated_users(USERS))
    for handler in ("export", "parquet"):
        with LambdaFunction(f"spaaza_snapshots.{handler}_handler.lambda_handler", stack.environment()) as function:
            ended = function.invoke(asked)
            assert ended.error_type is None, ended.error_message
    return place


def _verify(chain_id: int, *more: str) -> dict[date, str]:
    with redirect_stdout(io.StringIO()) as printed:
        command(["verify", "--stack", STACK, "--chain", str(chain_id), *more])
    lines = [line.split(maxsplit=2) for line in printed.getvalue().splitlines() if line.startswith(str(chain_id))]
    return {date.fromisoformat(day): " ".join(says.split()) for _, day, says in lines}


if __name__ == "__main__":
    sys.exit(main())
