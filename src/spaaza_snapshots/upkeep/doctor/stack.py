"""The stack: its state, or whether its names are free."""

from collections.abc import Mapping
from typing import Final

from spaaza_snapshots.base.aws_errors import answer_of
from spaaza_snapshots.upkeep.doctor.examination import Finding, SetupCheck, bad, good, unknown
from spaaza_snapshots.upkeep.doctor.surroundings import Surroundings

OURS: Final = frozenset({"BucketName", "SecretArn", "ExportFunctionName", "GlueDatabaseName"})
"""Outputs that only a stack of this template has together."""

ONLY_PLANNED: Final = "REVIEW_IN_PROGRESS"
"""The state of a stack for which there is a change set, and nothing else yet."""

_DELETE: Final = "aws cloudformation delete-stack --stack-name {stack} --region {region}"

BROKEN: Final[Mapping[str, str]] = {
    "ROLLBACK_COMPLETE": f"Its first creation failed, and it can only be deleted: {_DELETE}. Then make deploy.",
    "ROLLBACK_FAILED": f"Its first creation failed, and so did the clean-up: {_DELETE}. Then make deploy.",
    "CREATE_FAILED": f"Its first creation failed: {_DELETE}. Then make deploy.",
    "DELETE_FAILED": f"Part of it could not be deleted; its events say what. Delete it again: {_DELETE}.",
    "UPDATE_ROLLBACK_FAILED": "An update failed half-way back: aws cloudformation continue-update-rollback"
    " --stack-name {stack} --region {region}.",
    "UPDATE_FAILED": "An update failed, and was not rolled back; its events say why. Then make deploy.",
}
"""States in which CloudFormation accepts no update, and the way out of each."""


def _stack(here: Surroundings) -> Finding:
    if here.stack_name is None:
        fix = "Name its environment, as for make deploy: ENV=test01."
        return unknown("no stack is named, and none was deployed from here", fix)
    if here.stack is None:
        return good(f"{here.stack_name} is not deployed in {here.region} yet; the name is free")
    state = here.stack.state
    if state in BROKEN:
        return bad(f"{here.stack_name} is in {state}", BROKEN[state].format(stack=here.stack_name, region=here.region))
    if state == ONLY_PLANNED:
        text = f"{here.stack_name} is only a change set that nobody has executed"
        return unknown(text, "make deploy makes a new one.")
    if state.endswith("_IN_PROGRESS") and not state.endswith("_CLEANUP_IN_PROGRESS"):
        return bad(f"{here.stack_name} is in {state}", "Wait until that has ended, and look again.")
    if not here.stack.outputs.keys() >= OURS:
        fix = "Take another name, or give the right one: STACK=."
        return bad(f"{here.stack_name} is a stack of something else", fix)
    return good(f"{here.stack_name} is in {state}")


def _names(here: Surroundings) -> Finding:
    """Look for what a stack of this name would be refused for: CloudFormation creates these under the stack's name."""
    name = here.stack_name or ""
    database = name.replace("-", "_").lower()
    taken = []
    if answer_of(here.client("events").describe_event_bus, ("ResourceNotFoundException",), Name=name):
        taken.append(f"event bus {name}")
    if answer_of(here.client("glue").get_database, ("EntityNotFoundException",), Name=database):
        taken.append(f"Glue database {database}")
    group = answer_of(here.client("athena").get_work_group, ("InvalidRequestException",), WorkGroup=name)
    if group and group.get("WorkGroup"):
        taken.append(f"workgroup {name}")
    if taken:
        fix = "Take another name for the stack, or delete them if nothing uses them; with them the deployment fails."
        return bad(f"there already are: {', '.join(taken)}", fix)
    return good("event bus, database and workgroup of this name are free")


def _spaaza(_: Surroundings) -> Finding:
    return unknown(
        "only a session proves what Spaaza has given; after the deployment this command asks",
        "Have Spaaza name: the chain ids; an admin user for this stack alone, with the right to export each chain; for"
        " RenewSession, that this user is marked login_2fa_exempt. Then make deploy, make login.",
    )


STACK = SetupCheck("stack", _stack, ("credentials",))
NAMES = SetupCheck("names", _names, ("credentials",))
SPAAZA = SetupCheck("spaaza", _spaaza)
