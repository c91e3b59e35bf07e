"""The schedules of a stack as EventBridge Scheduler has them: what its template says may have been changed by hand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

PUT_BACK: Final = (
    'Somebody has changed it by hand, which make deploy does not see: "Put back what was changed by hand" in'
    " docs/OPERATIONS.md."
)
"""CloudFormation compares templates, not what is there, unless it is asked to."""

RENEWAL_TARGET: Final = ":aws-sdk:secretsmanager:rotateSecret"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a schedule does not do what it is for, and the fix."""

    text: str
    fix: str


GONE: Final = Fault("it does not exist: nothing takes a snapshot", PUT_BACK)


def export_schedule(scheduler: Any, stack: str, function: str) -> Mapping[str, Any] | None:
    """Return the schedule that starts the export function, None if there is none; raises the SDK's errors."""
    return _first(scheduler, stack, lambda arn: arn.endswith(f":function:{function}"))


def renewal_schedule(scheduler: Any, stack: str) -> Mapping[str, Any] | None:
    """Return the schedule that renews the session, None if there is none; raises the SDK's errors."""
    return _first(scheduler, stack, lambda arn: arn.endswith(RENEWAL_TARGET))


def fault_of_export(found: Mapping[str, Any] | None, chain_ids: str) -> Fault | None:
    """Return what is wrong with the schedule of the exports; `chain_ids` as the parameter has them."""
    if found is None:
        return GONE
    if f"[{chain_ids}]" not in found["Target"].get("Input", ""):
        return switched_off(found) or Fault(f"it does not ask for the chains [{chain_ids}]", PUT_BACK)
    return switched_off(found)


def switched_off(found: Mapping[str, Any]) -> Fault | None:
    """Return the fault of a schedule that is not enabled."""
    if found.get("State") == "ENABLED":
        return None
    fix = f"Enable schedule {found['Name']} in the console of EventBridge Scheduler."
    return Fault(f"{found['Name']} is {str(found.get('State')).lower()}", fix)


def _first(scheduler: Any, stack: str, is_ours: Callable[[str], bool]) -> Mapping[str, Any] | None:
    """Return the first schedule of the stack's name with such a target; CloudFormation begins names like that."""
    for found in scheduler.get_paginator("list_schedules").paginate(NamePrefix=stack[:24]).search("Schedules[]"):
        if is_ours(found.get("Target", {}).get("Arn", "")):
            group = found.get("GroupName", "default")
            answer: Mapping[str, Any] = scheduler.get_schedule(Name=found["Name"], GroupName=group)
            return answer
    return None
