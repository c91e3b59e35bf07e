"""The order of the checks: each stands behind what it needs, and the first bad one is where to begin."""

from collections.abc import Iterator, Sequence
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from spaaza_snapshots.upkeep.doctor import account, bucket, running, stack, tables, vendor
from spaaza_snapshots.upkeep.doctor.findings import Check, Examination, Finding
from spaaza_snapshots.upkeep.doctor.surroundings import Surroundings

FIRST: Final = (account.REGION, account.CREDENTIALS, account.TOOLS, stack.STACK)
TO_DEPLOY: Final = (
    stack.NAMES,
    account.MAY_READ,
    account.MAY_CREATE,
    account.CONCURRENCY,
    tables.LAKE_FORMATION,
    tables.ENCRYPTED_CATALOG,
    stack.SPAAZA,
)
DEPLOYED: Final = (vendor.SECRET, vendor.SESSION, vendor.ALIVE)


def examine(here: Surroundings) -> Iterator[tuple[str, Finding]]:
    """Yield the name and the finding of every check that fits: before the first deployment, or after it."""
    examination = Examination(here)
    yield from examination.make(FIRST)
    if here.stack_name is None or not (examination.is_out("stack") or _is_there(here)):
        unnamed = [check for check in TO_DEPLOY if here.stack_name or check is not stack.NAMES]
        yield from examination.make(unnamed)
    else:
        yield from examination.make(after(here, is_known=not examination.is_out("stack")))


def _is_there(here: Surroundings) -> bool:
    try:
        return here.stack is not None
    except (ClientError, BotoCoreError):
        return False


def after(here: Surroundings, *, is_known: bool) -> Sequence[Check]:
    """Return the checks of a stack; what depends on its parameters is left out while nobody knows them."""
    renews = is_known and here.renews
    return (
        *DEPLOYED,
        *(vendor.RENEWAL if renews else ()),
        *(vendor.probes(here) if is_known else ()),
        *bucket.BUCKET,
        *running.RUNNING,
        *(running.RENEWAL if renews else ()),
        *tables.TABLES_AND_QUERIES,
        account.CONCURRENCY,
        account.MAY_CREATE,
    )
