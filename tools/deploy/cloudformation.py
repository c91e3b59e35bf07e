"""A stand-in for CloudFormation: takes change sets as strictly as the template asks, and creates next to nothing.

moto takes any parameter, and cannot read a template from its own S3. The error texts are CloudFormation's, as far as
SAM or a person reads them.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from samtranslator.yaml_helper import yaml_parse

from tools.deploy.parameters import missing, problems
from tools.template import ACCOUNT, expanded, refusals, resolved

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

OF_SAM = "aws-sam-cli-managed-default"  # SAM's own stack in an account: the bucket for code and templates
EMPTY = "The submitted information didn't contain changes. Submit different information to create a change set."


class Refused(Exception):
    """CloudFormation's answer to a request that it does not take: HTTP 400, with this text."""

    code = "ValidationError"


@dataclass
class Stack:
    """A stack as it would be deployed; `resources` by logical id, resolved, empty before the first execution."""

    name: str
    region: str
    status: str = "REVIEW_IN_PROGRESS"
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """The stack's id."""
        return f"arn:aws:cloudformation:{self.region}:{ACCOUNT}:stack/{self.name}/1"


@dataclass(frozen=True)
class ChangeSet:
    """What a stack would become."""

    arn: str
    stack: Stack
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    resources: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, str]

    def changes(self) -> list[dict[str, str]]:
        """Return what differs, resource by resource."""
        before, after = map(_without_metadata, (self.stack.resources, self.resources))
        actions = {name: "Modify" if name in before else "Add" for name in after if before.get(name) != after[name]}
        actions |= {name: "Remove" for name in before if name not in after}
        types = {name: found["Type"] for name, found in {**before, **after}.items()}
        return [{"Action": actions[name], "LogicalResourceId": name, "ResourceType": types[name]} for name in actions]


class CloudFormation:
    """One account's stacks in memory, whatever the region."""

    def __init__(self, s3: Callable[[], "S3Client"]) -> None:
        """Begin with none; in `s3` are the templates, and SAM's own bucket, the one thing that an execution creates."""
        self._s3 = s3
        self.fails = False  # whether what is executed next fails, and is rolled back
        self.stacks: dict[str, Stack] = {}
        self._change_sets: dict[str, ChangeSet] = {}
        self._numbers = itertools.count(1)

    def stack(self, name: str) -> Stack:
        """Return the stack of a name or an id; raises `Refused`."""
        for stack in self.stacks.values():
            if name in (stack.name, stack.arn):
                return stack
        raise Refused(f"Stack with id {name} does not exist")

    def change_set(self, name: str) -> ChangeSet:
        """Return the change set of a name or an id; raises `Refused`."""
        for change_set in reversed(self._change_sets.values()):
            if name in (change_set.arn, change_set.arn.split("/")[-2]):
                return change_set
        raise Refused(f"ChangeSet [{name}] does not exist")

    def create_change_set(self, region: str, request: Mapping[str, Any]) -> ChangeSet:
        """Check everything that a template says of its parameters; raises `Refused`."""
        stack = self._target(region, request)
        template = self._template(request)
        given = request.get("Parameters", ())
        values = _values(given, template["Parameters"], stack)
        _check(template, values)
        if "AWS::IAM::Role" in str(template) and "CAPABILITY_IAM" not in request.get("Capabilities", ()):
            raise Refused("Requires capabilities : [CAPABILITY_IAM]")
        tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", ())}
        deployed = resolved(expanded(template), values, stack_name=stack.name)
        arn = f"arn:aws:cloudformation:{region}:{ACCOUNT}:changeSet/{request['ChangeSetName']}/{next(self._numbers)}"
        self.stacks[stack.name] = stack
        self._change_sets[arn] = ChangeSet(arn, stack, values, tags, deployed.resources, deployed.outputs)
        return self._change_sets[arn]

    def execute(self, change_set: ChangeSet) -> None:
        """Note the stack as it would be now."""
        stack = change_set.stack
        creates = stack.status == "REVIEW_IN_PROGRESS"
        if self.fails and stack.name != OF_SAM:
            stack.status = "ROLLBACK_COMPLETE" if creates else "UPDATE_ROLLBACK_COMPLETE"
            return
        stack.status = "CREATE_COMPLETE" if creates else "UPDATE_COMPLETE"
        stack.parameters, stack.tags, stack.resources = change_set.parameters, change_set.tags, change_set.resources
        if stack.name == OF_SAM:  # the outputs of others would name what is not there
            stack.outputs = change_set.outputs
            self._s3().create_bucket(Bucket=stack.outputs["SourceBucket"])

    def delete(self, name: str) -> None:
        """Forget a stack."""
        del self.stacks[self.stack(name).name]

    def _target(self, region: str, request: Mapping[str, Any]) -> Stack:
        name, kind = request["StackName"], request.get("ChangeSetType", "UPDATE")
        known = self.stacks.get(name)
        exists = known is not None and known.status != "REVIEW_IN_PROGRESS"
        if exists != (kind == "UPDATE"):
            raise Refused(f"Stack [{name}] {'already exists' if exists else 'does not exist'} and cannot be {kind}D")
        return known or Stack(name, region)

    def _template(self, request: Mapping[str, Any]) -> dict[str, Any]:
        text = request.get("TemplateBody")
        if text is None:
            _, bucket, key = urlsplit(request["TemplateURL"]).path.split("/", maxsplit=2)
            text = self._s3().get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        return {"Parameters": {}, "Rules": {}, "Conditions": {}, "Outputs": {}, **yaml_parse(text)}


def _without_metadata(resources: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return resources without what SAM notes on them, which changes nothing that is deployed."""
    return {name: {key: found[key] for key in found if key != "Metadata"} for name, found in resources.items()}


def now() -> str:
    """Return the time as CloudFormation writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _values(
    given: Sequence[Mapping[str, Any]], parameters: Mapping[str, Mapping[str, Any]], stack: Stack
) -> dict[str, str]:
    names = [parameter["ParameterKey"] for parameter in given]
    unknown = [name for name in names if name not in parameters]
    if unknown:
        raise Refused(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    values = {name: str(found["Default"]) for name, found in parameters.items() if "Default" in found}
    for parameter in given:
        name = parameter["ParameterKey"]
        if parameter.get("UsePreviousValue") == "true":
            if name not in stack.parameters:
                raise Refused(f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true")
            values[name] = stack.parameters[name]
        else:
            values[name] = parameter["ParameterValue"]
    return values


def _check(template: Mapping[str, Any], values: Mapping[str, str]) -> None:
    parameters = template["Parameters"]
    lacking = missing(parameters, values)
    if lacking:
        raise Refused(f"Parameters: [{', '.join(lacking)}] must have values")
    for name, problem in problems(parameters, values).items():
        raise Refused(f"Parameter {name} failed to satisfy constraint: {problem}")
    for refusal in refusals(values, template):
        raise Refused(f"Template format error: Rules assertion failed: {refusal}")
