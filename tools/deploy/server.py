"""The stand-in's wire: CloudFormation's query protocol on one loopback port, with moto's S3 and STS behind it."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from tools.deploy.cloudformation import EMPTY, ChangeSet, CloudFormation, Refused, Stack, now

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
_SIGNED_FOR = re.compile(r"Credential=[^/]+/[0-9]+/([^/]+)/cloudformation/")


class Server:
    """Answers what is signed for CloudFormation, and hands everything else on."""

    def __init__(self, cloudformation: CloudFormation, others: Wsgi) -> None:
        """`others` is the application of the other services."""
        self._cloudformation = cloudformation
        self._others = others

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        signed = _SIGNED_FOR.search(environ.get("HTTP_AUTHORIZATION", ""))
        if not signed:
            return self._others(environ, start_response)
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()
        request = _nested(dict(parse_qsl(body, keep_blank_values=True)))
        action = request["Action"]
        try:
            result, status = self._result(signed[1], request), "200 OK"
            answer = f'<{action}Response xmlns="{_NAMESPACE}">{_xml({f"{action}Result": result})}</{action}Response>'
        except Refused as refused:
            error = {"Error": {"Type": "Sender", "Code": refused.code, "Message": str(refused)}}
            answer, status = f'<ErrorResponse xmlns="{_NAMESPACE}">{_xml(error)}</ErrorResponse>', "400 Bad Request"
        start_response(status, [("Content-Type", "text/xml")])
        return [answer.encode()]

    def _result(self, region: str, request: Mapping[str, Any]) -> dict[str, Any]:
        account = self._cloudformation
        match request["Action"]:
            case "DescribeStacks":
                return {"Stacks": [_described(account.stack(request["StackName"]))]}
            case "GetTemplateSummary":
                names = account.stack(request["StackName"]).parameters
                return {"Parameters": [{"ParameterKey": name} for name in names]}
            case "CreateChangeSet":
                made = account.create_change_set(region, request)
                return {"Id": made.arn, "StackId": made.stack.arn}
            case "DescribeChangeSet":
                return _described_change_set(account.change_set(request["ChangeSetName"]))
            case "ExecuteChangeSet":
                account.execute(account.change_set(request["ChangeSetName"]))
                return {}
            case "DeleteStack":
                account.delete(request["StackName"])
                return {}
            case "DescribeStackEvents":
                return {"StackEvents": [_event(account.stack(request["StackName"]))]}
        raise Refused(f"{request['Action']} is not played here")


def _event(stack: Stack) -> dict[str, Any]:
    """Return the one event of a stack that SAM waits for: that of its end."""
    ids = {"StackId": stack.arn, "StackName": stack.name, "LogicalResourceId": stack.name}
    kind = {"PhysicalResourceId": stack.arn, "ResourceType": "AWS::CloudFormation::Stack"}
    return {**ids, **kind, "EventId": f"{stack.status}-{now()}", "Timestamp": now(), "ResourceStatus": stack.status}


def _described(stack: Stack) -> dict[str, Any]:
    parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in stack.parameters.items()]
    outputs = [{"OutputKey": name, "OutputValue": value} for name, value in stack.outputs.items()]
    named = {"StackId": stack.arn, "StackName": stack.name, "CreationTime": now(), "StackStatus": stack.status}
    return {**named, "Parameters": parameters, "Outputs": outputs, "Tags": _tags(stack.tags)}


def _described_change_set(change_set: ChangeSet) -> dict[str, Any]:
    changes = change_set.changes()
    named = {"ChangeSetId": change_set.arn, "StackId": change_set.stack.arn, "StackName": change_set.stack.name}
    status: dict[str, Any] = {"Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE"}
    if not changes and change_set.tags == change_set.stack.tags:
        status = {"Status": "FAILED", "StatusReason": EMPTY, "ExecutionStatus": "UNAVAILABLE"}
    return {**named, **status, "Changes": [{"Type": "Resource", "ResourceChange": change} for change in changes]}


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{name}>{_xml(found)}</{name}>" for name, found in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{_xml(found)}</member>" for found in value)
    return escape(str(value))


def _nested(form: Mapping[str, str]) -> dict[str, Any]:
    """Return the form with its lists: `Tags.member.1.Key=team` becomes `{"Tags": [{"Key": "team"}]}`."""
    nested: dict[str, Any] = {}
    for name, value in form.items():
        parts = name.split(".")
        if len(parts) == 1:
            nested[name] = value
        elif parts[1] == "member":
            items = nested.setdefault(parts[0], {})
            if len(parts) == 3:
                items[int(parts[2])] = value
            else:
                items.setdefault(int(parts[2]), {})[parts[3]] = value
    return {
        name: [found[n] for n in sorted(found)] if isinstance(found, dict) else found for name, found in nested.items()
    }
