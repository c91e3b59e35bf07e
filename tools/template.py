"""The stack as a deployment would create it: `template.yaml` after SAM's translator, with all references resolved."""

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"
REGION = "eu-west-1"
ACCOUNT = "123456789012"
STACK = "spaaza"
PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": STACK,
    "AWS::URLSuffix": "amazonaws.com",
}

_NOTHING = object()  # what AWS::NoValue resolves to; removed from lists and mappings

# What Ref returns if it is not the name: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference
_REFERRED_TO_BY_ARN = frozenset(
    {"AWS::IAM::ManagedPolicy", "AWS::SecretsManager::Secret", "AWS::SNS::Topic", "AWS::Lambda::LayerVersion"}
)
_ARNS = {
    "AWS::Events::EventBus": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{{}}",
    "AWS::Events::Rule": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{{}}",
    "AWS::IAM::ManagedPolicy": f"arn:aws:iam::{ACCOUNT}:policy/{{}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{}}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{}}",
    "AWS::Lambda::LayerVersion": f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:{{}}:1",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{}}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{{}}-AbCdEf",
    "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{{}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{}}",
}
_NAMED_BY = ("Name", "AlarmName", "DashboardName", "LayerName")


@cache
def source() -> dict[str, Any]:
    """Return `template.yaml` as written; it is cached, so do not change it."""
    parsed: dict[str, Any] = yaml_parse(TEMPLATE.read_text(encoding="utf-8"))
    return parsed


@dataclass(frozen=True)
class Deployment:
    """The resources by logical id, without those whose condition is false, and the outputs."""

    resources: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, str]

    def properties(self, logical_id: str) -> Mapping[str, Any]:
        """Return the properties of one resource."""
        properties: Mapping[str, Any] = self.resources[logical_id].get("Properties", {})
        return properties

    def of_type(self, type_: str) -> dict[str, Mapping[str, Any]]:
        """Return the properties of all resources of one type, by logical id."""
        return {name: self.properties(name) for name, found in self.resources.items() if found["Type"] == type_}

    def policy(self, role: str) -> Mapping[str, Any]:
        """Return the one policy of a role, or a managed policy itself."""
        properties = self.properties(role)
        (policy,) = properties.get("Policies", [properties])
        document: Mapping[str, Any] = policy["PolicyDocument"]
        return document

    def statements(self, role: str) -> dict[str, Mapping[str, Any]]:
        """Return the statements of the policy of a role, or of a managed policy, by their Sid."""
        return {statement["Sid"]: statement for statement in self.policy(role)["Statement"]}

    def variables(self, function: str) -> Mapping[str, str]:
        """Return the environment of a function."""
        variables: Mapping[str, str] = self.properties(function)["Environment"]["Variables"]
        return variables


def deploy(
    parameters: Mapping[str, str], names: Mapping[str, str] | None = None, stack_name: str = STACK
) -> Deployment:
    """Expand and resolve the template; `names` gives the names of resources by logical id, if a test chooses them.

    Raises KeyError for a parameter without value or default, and for a reference to something missing.
    """
    return resolved(_expanded(), parameters, names, stack_name)


def resolved(
    template: Mapping[str, Any],
    parameters: Mapping[str, str],
    names: Mapping[str, str] | None = None,
    stack_name: str = STACK,
) -> Deployment:
    """Resolve a template that is expanded already, as `deploy` does."""
    given = {**_parameters(template, parameters), "AWS::StackName": stack_name}
    resolver = _Resolver(template, given, names or {})
    resources = {
        logical_id: resolver.value({key: value for key, value in found.items() if key != "Condition"})
        for logical_id, found in template["Resources"].items()
        if resolver.holds(found.get("Condition"))
    }
    outputs = {
        name: resolver.value(output["Value"])
        for name, output in template["Outputs"].items()
        if resolver.holds(output.get("Condition"))
    }
    return Deployment(resources, outputs)


def refusals(parameters: Mapping[str, str], template: Mapping[str, Any] | None = None) -> list[str]:
    """Return the objections of the template's rules to a combination of parameters."""
    template = template or source()
    resolver = _Resolver(template, _parameters(template, parameters), {})
    applying = [rule for rule in template["Rules"].values() if resolver.value(rule["RuleCondition"])]
    assertions = [assertion for rule in applying for assertion in rule["Assertions"]]
    return [assertion["AssertDescription"] for assertion in assertions if not resolver.value(assertion["Assert"])]


def _parameters(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    defaults = {name: str(found["Default"]) for name, found in template["Parameters"].items() if "Default" in found}
    return {**defaults, **given, **PSEUDO_PARAMETERS}


@cache
def _expanded() -> dict[str, Any]:
    template = deepcopy(source())
    # as `sam package` does: the translator does not accept a folder
    template["Globals"]["Function"]["CodeUri"] = "s3://packages/functions.zip"
    template["Resources"]["DuckDbLayer"]["Properties"]["ContentUri"] = "s3://packages/layer.zip"
    return expanded(template)


def expanded(template: dict[str, Any]) -> dict[str, Any]:
    """Return a packaged template after SAM's translator, which may change the one given."""
    # no managed policies, since the template names none; only the session's region is used
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    translated: dict[str, Any] = translator.translate(template, {})
    return translated


@dataclass(frozen=True)
class _Resolver:
    template: Mapping[str, Any]
    parameters: Mapping[str, str]
    names: Mapping[str, str]

    def holds(self, condition: str | None) -> bool:
        """Tell whether a condition of the template is true; None always is."""
        return condition is None or bool(self.value(self.template["Conditions"][condition]))

    def value(self, node: Any) -> Any:
        """Resolve any node of a template."""
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value is not _NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (function, argument), *_ = node.items()
            if function == "Ref" or function.startswith("Fn::"):
                return self._call(function, argument)
        resolved = {key: self.value(value) for key, value in node.items()}
        return {key: value for key, value in resolved.items() if value is not _NOTHING}

    def _call(self, function: str, argument: Any) -> Any:
        match function:
            case "Ref":
                return self._ref(argument)
            case "Fn::GetAtt":
                return self._attribute(*argument)
            case "Fn::Sub":
                return self._substituted(*([argument, {}] if isinstance(argument, str) else argument))
            case "Fn::FindInMap":
                mapping, *keys = map(self.value, argument)
                return self.template["Mappings"][mapping][keys[0]][keys[1]]
            case "Fn::If":
                condition, yes, no = argument
                return self.value(yes if self.holds(condition) else no)
            case "Fn::Equals":
                first, second = map(self.value, argument)
                return str(first) == str(second)
            case "Fn::Not":
                return not self.value(argument[0])
        return self._text(function, *argument)

    def _substituted(self, text: str, own: Mapping[str, Any]) -> str:
        def value(found: re.Match[str]) -> str:
            return str(self.value(own[found[1]]) if found[1] in own else self._named(found[1]))

        return re.sub(r"\$\{([^}]+)\}", value, text)

    def _text(self, function: str, separator: str, argument: Any) -> Any:
        match function:
            case "Fn::Join":
                return separator.join(self.value(argument))
            case "Fn::Split":
                return self.value(argument).split(separator)
        raise KeyError(function)

    def _named(self, name: str) -> Any:
        logical_id, dot, attribute = name.partition(".")
        return self._attribute(logical_id, attribute) if dot else self._ref(name)

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NOTHING
        if name in self.parameters:
            return self.parameters[name]
        type_ = self.template["Resources"][name]["Type"]
        if type_ == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{self._name(name)}"
        return self._attribute(name, "Arn") if type_ in _REFERRED_TO_BY_ARN else self._name(name)

    def _attribute(self, logical_id: str, attribute: str) -> str:
        if attribute == "QueueName":
            return self._name(logical_id)
        if attribute != "Arn":
            raise KeyError(f"{logical_id}.{attribute}")
        name = self._name(logical_id)
        return name if name.startswith("arn:") else _ARNS[self.template["Resources"][logical_id]["Type"]].format(name)

    def _name(self, logical_id: str) -> str:
        properties = self.template["Resources"][logical_id].get("Properties", {})
        given = [properties[key] for key in _NAMED_BY if key in properties]
        database = properties.get("DatabaseInput", {}).get("Name")
        chosen = self.names.get(logical_id) or self.value(given[0] if given else database)
        return str(chosen or f"{self.parameters['AWS::StackName']}-{logical_id}".lower())
