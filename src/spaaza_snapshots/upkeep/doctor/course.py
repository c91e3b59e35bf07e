"""The order of the checks: each comes after what it needs, and the first bad one is where to begin."""

from collections.abc import Iterator, Sequence
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from spaaza_snapshots.upkeep.doctor import account, bucket, running, stack, tables, vendor
from spaaza_snapshots.upkeep.doctor.examination import CheckStatus, Examination, Finding, SetupCheck
from spaaza_snapshots.upkeep.doctor.surroundings import Surroundings

FIRST: Final = (account.REGION, account.CREDENTIALS, account.TOOLS, stack.STACK)
TO_DEPLOY: Final = (
    account.PYTHON,
    stack.NAMES,
    account.MAY_READ,
    account.MAY_CREATE,
    account.CONCURRENCY,
    tables.LAKE_FORMATION,
    tables.ENCRYPTED_CATALOG,
    stack.SPAAZA,
)
DEPLOYED: Final = (vendor.SECRET, vendor.SESSION, vendor.ALIVE)


ACCOUNT: Final = tuple(check for check in TO_DEPLOY if check not in (account.PYTHON, stack.NAMES, stack.SPAAZA))


def examine(here: Surroundings) -> Iterator[tuple[str, Finding]]:
    """Yield the name and the finding of every check that fits: before the first deployment, or after it."""
    examination = Examination(here)
    yield from examination.make(FIRST)
    yield from examination.make(_rest(here, examination.results["stack"].status))


def _rest(here: Surroundings, of_stack: CheckStatus) -> Sequence[SetupCheck]:
    """Return what follows: of a stack that nobody can see, neither its parts nor the need for them is known."""
    if here.stack_name is None:
        return [check for check in TO_DEPLOY if check is not stack.NAMES]
    if of_stack in (CheckStatus.BAD, CheckStatus.SKIPPED):
        return after(here, is_known=False) if of_stack is CheckStatus.BAD or here.was_deployed else TO_DEPLOY
    try:
        is_deployed = here.stack is not None and here.stack.state != stack.ONLY_PLANNED
    except (ClientError, BotoCoreError):
        return ACCOUNT
    return after(here, is_known=True) if is_deployed else TO_DEPLOY


def after(here: Surroundings, *, is_known: bool) -> Sequence[SetupCheck]:
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
