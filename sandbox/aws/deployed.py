"""A stack as CloudFormation describes it to a command: its outputs, and what it was deployed with."""

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import boto3

from sandbox.aws.moto import MotoAws

DEFAULTS = {"TimeZone": "UTC"}
"""Parameters that a deployed stack always has, and that commands read."""


def deploy(
    aws: MotoAws,
    name: str,
    outputs: Mapping[str, str],
    parameters: Mapping[str, str] = DEFAULTS,
    resources: Mapping[str, str] | None = None,
) -> None:
    """Make a stack of nothing but its description; `resources`: the types of those that it really makes."""
    make_client: Callable[..., Any] = boto3.client
    body = {
        "Parameters": {parameter: {"Type": "String"} for parameter in parameters},
        "Resources": {
            logical_id: {"Type": type_} for logical_id, type_ in (resources or {"Topic": "AWS::SNS::Topic"}).items()
        },
        "Outputs": {output: {"Value": value} for output, value in outputs.items()},
    }
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": aws.region}
    with closing(make_client("cloudformation", endpoint_url=aws.endpoint_url, **keys)) as cloudformation:
        cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(body), Parameters=given)
