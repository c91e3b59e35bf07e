"""A deployed stack as CloudFormation describes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError


@dataclass(frozen=True, slots=True)
class StackFacts:
    """The state of a stack, its outputs, and what it was deployed with."""

    state: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]


def stack_facts(cloudformation: Any, name: str) -> StackFacts | None:
    """Return the facts of a stack, or None if there is none of that name; raises `ClientError`."""
    try:
        found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        return None
    return StackFacts(
        found["StackStatus"],
        {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())},
        {given["ParameterKey"]: given.get("ParameterValue", "") for given in found.get("Parameters", ())},
    )
