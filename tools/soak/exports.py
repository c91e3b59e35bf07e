"""The export function in Lambda's runtime client, with an S3 that forgets, and what it is given to take."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sandbox.aws.lambda_runtime import Invocation, LambdaFunction
from sandbox.aws.stack import Stack
from sandbox.spaaza.server import CHAINS
from sandbox.spaaza.users import generated_csv
from tools.bench.places import server

HANDLER: Final = "spaaza_snapshots.export_handler.lambda_handler"
CHAIN: Final = CHAINS[0]
BLOCK_USERS: Final = 8_192
DAY_SECONDS: Final = 86_400.0
"""More than any export takes: how fast this machine is must not decide."""


@dataclass(frozen=True)
class Block:
    """The header of an export, and records that may be repeated behind it."""

    header: bytes
    records: bytes
    rows: int


def users_block() -> Block:
    """Return generated users: the same ones may come again, IDs and all, which no memory of ours could notice."""
    header, *blocks = generated_csv(BLOCK_USERS)
    records = b"".join(blocks)
    rows = sum(1 for record in csv.reader(io.StringIO(records.decode(), newline="")) if record)
    return Block(header, records, rows)


@contextmanager
def forgetting(stack: Stack) -> Iterator[dict[str, str]]:
    """Start an S3 that forgets; yield a function's environment that leads there instead of to the stack's own."""
    with server("tools.soak.checking_s3") as port:
        yield stack.environment() | {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}"}


def taken(function: LambdaFunction) -> Invocation:
    """Take today's snapshot, however long that takes."""
    return function.invoke({"chain_id": CHAIN}, deadline_seconds=DAY_SECONDS)
