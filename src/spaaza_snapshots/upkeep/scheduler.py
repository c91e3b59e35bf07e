"""The schedules of a stack as EventBridge Scheduler has them: what its template says may have been changed by hand."""

from collections.abc import Mapping
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


def schedule_to(scheduler: Any, stack: str, target: str) -> Mapping[str, Any] | None:
    """Return the first schedule of the stack's name whose target's ARN ends like this, None if there is none.

    CloudFormation begins the names of a stack's schedules with that of the stack. Raises the SDK's errors.
    """
    for found in scheduler.get_paginator("list_schedules").paginate(NamePrefix=stack[:24]).search("Schedules[]"):
        if found.get("Target", {}).get("Arn", "").endswith(target):
            group = found.get("GroupName", "default")
            answer: Mapping[str, Any] = scheduler.get_schedule(Name=found["Name"], GroupName=group)
            return answer
    return None


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
