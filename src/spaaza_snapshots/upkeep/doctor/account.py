"""What the AWS account, and who asks in it, must bring: also before anything is deployed."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from spaaza_snapshots.base.aws_errors import answer_of, code_of
from spaaza_snapshots.upkeep.doctor.examination import DENIED, Finding, SetupCheck, bad, bad_credentials, good, unknown
from spaaza_snapshots.upkeep.doctor.running import RUNTIME
from spaaza_snapshots.upkeep.doctor.surroundings import Surroundings

SERVICES: Final = (
    "athena",
    "cloudformation",
    "events",
    "glue",
    "lambda",
    "s3",
    "scheduler",
    "secretsmanager",
    "sns",
    "sqs",
)
"""What a stack is made of; each has to be in its region."""

SMALL_LIMIT: Final = 10
"""What Lambda gives a new account; usual is 1,000 (Lambda quotas, "Concurrent executions")."""

NO_SUCH_TEMPLATE: Final = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})

READING: Final[Sequence[tuple[str, str, Mapping[str, Any], frozenset[str]]]] = (
    ("cloudformation", "validate_template", {"TemplateBody": NO_SUCH_TEMPLATE}, frozenset()),
    ("iam", "get_role", {"RoleName": "{name}"}, frozenset({"NoSuchEntity"})),
    ("lambda", "get_function", {"FunctionName": "{name}"}, frozenset({"ResourceNotFoundException"})),
    ("secretsmanager", "describe_secret", {"SecretId": "{name}"}, frozenset({"ResourceNotFoundException"})),
    ("scheduler", "get_schedule", {"Name": "{name}"}, frozenset({"ResourceNotFoundException"})),
    ("sqs", "get_queue_url", {"QueueName": "{name}"}, frozenset({"AWS.SimpleQueueService.NonExistentQueue"})),
    ("glue", "get_database", {"Name": "{name}"}, frozenset({"EntityNotFoundException"})),
    ("events", "describe_event_bus", {"Name": "{name}"}, frozenset({"ResourceNotFoundException"})),
    ("athena", "get_work_group", {"WorkGroup": "{name}"}, frozenset({"InvalidRequestException"})),
)
"""Calls that a deployment makes too, about things that are not there; with the codes that say so: they were allowed."""

CREATING: Final[Mapping[str, str]] = {
    "cloudformation:CreateChangeSet": "arn:aws:cloudformation:{region}:{account}:stack/{name}/1",
    "cloudformation:ExecuteChangeSet": "arn:aws:cloudformation:{region}:{account}:stack/{name}/1",
    "iam:CreateRole": "arn:aws:iam::{account}:role/{name}-ExportRole-1",
    "iam:PutRolePolicy": "arn:aws:iam::{account}:role/{name}-ExportRole-1",
    "iam:PassRole": "arn:aws:iam::{account}:role/{name}-ExportRole-1",
    "lambda:CreateFunction": "arn:aws:lambda:{region}:{account}:function:{name}-ExportFunction-1",
    "lambda:PublishLayerVersion": "arn:aws:lambda:{region}:{account}:layer:{name}-duckdb",
    "s3:CreateBucket": "arn:aws:s3:::{name}-bucket-1",
    "s3:PutLifecycleConfiguration": "arn:aws:s3:::{name}-bucket-1",
    "secretsmanager:CreateSecret": "arn:aws:secretsmanager:{region}:{account}:secret:SessionSecret-1",
    "events:CreateEventBus": "arn:aws:events:{region}:{account}:event-bus/{name}",
    "events:PutRule": "arn:aws:events:{region}:{account}:rule/{name}/{name}-1",
    "scheduler:CreateSchedule": "arn:aws:scheduler:{region}:{account}:schedule/default/{name}-Schedule-1",
    "sqs:CreateQueue": "arn:aws:sqs:{region}:{account}:{name}-FailedRuns-1",
    "sns:CreateTopic": "arn:aws:sns:{region}:{account}:{name}-AlarmTopic-1",
    "glue:CreateDatabase": "arn:aws:glue:{region}:{account}:catalog",
    "athena:CreateWorkGroup": "arn:aws:athena:{region}:{account}:workgroup/{name}",
    "logs:CreateLogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}-ExportLog-1",
    "cloudwatch:PutMetricAlarm": "arn:aws:cloudwatch:{region}:{account}:alarm:{name}-chain-missing",
    "cloudwatch:PutDashboard": "arn:aws:cloudwatch::{account}:dashboard/{name}",
}
"""One of the most telling actions for each kind of resource in the template, with what it would be asked for."""


def _region(here: Surroundings) -> Finding:
    name = "Name it: REGION=eu-west-1 for make, --region for the command, or AWS_DEFAULT_REGION."
    if here.region is None:
        return bad("no region is known", name)
    lacking = [service for service in SERVICES if here.region not in here.regions(service)]
    if len(lacking) == len(SERVICES):
        return bad(f"{here.region} is not an AWS region that a stack can be in", name)
    if lacking:
        fix = "A region newer than this SDK may have it all the same; AWS lists its services by region."
        return unknown(f"{here.region}: the SDK knows no {', '.join(lacking)} there", fix)
    return good(f"{here.region}, which has all {len(SERVICES)} services of a stack")


def _credentials(here: Surroundings) -> Finding:
    fix = "Set AWS_PROFILE, or log in: aws sso login."
    try:
        who = here.client("sts").get_caller_identity()
    except ClientError as error:
        return bad_credentials(f"AWS does not know who asks: {code_of(error)}", fix)
    except BotoCoreError as error:
        return bad_credentials(f"there are no credentials to ask AWS with: {type(error).__name__}", fix)
    return good(f"account {who['Account']}, as {who['Arn']}")


def _tools(here: Surroundings) -> Finding:
    if here.missing_tools:
        return bad(f"this machine lacks {', '.join(here.missing_tools)}", "Install it; make installs everything else.")
    return good("make and bash are here; make deploy installs SAM")


def _python(here: Surroundings) -> Finding:
    if here.can_build:
        return good(f"{RUNTIME} is here, to build the functions with")
    fix = "Install it, or name it: PYTHON=/path/to/it."
    return bad(f"{RUNTIME} is not here; make deploy builds the functions with it", fix)


def _may_read(here: Surroundings) -> Finding:
    denied = [denial for ask in READING if (denial := _denial(here, *ask))]
    if denied:
        fix = f"Ask whoever manages {_who(here)} for these rights; a deployment needs them."
        return bad(f"denied: {', '.join(denied)}", fix)
    return good(f"{len(READING)} harmless calls of a deployment are allowed, one for each of its services")


def _denial(
    here: Surroundings, service: str, method: str, arguments: Mapping[str, Any], missing: frozenset[str]
) -> str | None:
    """Return the operation if it is denied; it asks for a name that nothing has, below the stack's own."""
    name = f"{here.stack_name or 'spaaza-snapshots'}-doctor"
    asked = {key: value.replace("{name}", name) for key, value in arguments.items()}
    try:
        answer_of(getattr(here.client(service), method), missing, **asked)
    except ClientError as error:
        if code_of(error) not in DENIED:
            raise
        return f"{service}:{error.operation_name}"
    return None


def _may_create(here: Surroundings) -> Finding:
    principal = _principal(here)
    if principal.endswith(":root"):
        return good("the account's root user may do everything; better deploy as somebody else")
    denied, doubtful = _simulated(here, principal)
    if denied:
        needed = "make deploy needs them" if here.stack else "a deployment needs them"
        text, fix = f"denied: {', '.join(denied)}", f"Ask whoever manages {principal} for these rights; {needed}."
        return unknown(f"{text}; only needed to deploy", fix) if here.stack else bad(text, fix)
    if doubtful:
        return unknown(f"it depends on conditions that cannot be simulated: {', '.join(doubtful)}")
    return good(f"IAM's simulation allows {len(CREATING)} telling actions of a deployment to {principal}")


def _simulated(here: Surroundings, principal: str) -> tuple[list[str], list[str]]:
    """Return the denied actions, and those whose denial hangs on a condition that only the real call fills in."""
    account, name = principal.split(":")[4], here.stack_name or "spaaza-snapshots"
    told = {"aws:RequestedRegion": here.region, "iam:PassedToService": "lambda.amazonaws.com"}
    context = [
        {"ContextKeyName": key, "ContextKeyType": "string", "ContextKeyValues": [value]} for key, value in told.items()
    ]
    denied: list[str] = []
    doubtful: list[str] = []
    for action, pattern in CREATING.items():
        (result,) = here.client("iam").simulate_principal_policy(
            PolicySourceArn=principal,
            ActionNames=[action],
            ResourceArns=[pattern.format(region=here.region, account=account, name=name)],
            ContextEntries=context,
        )["EvaluationResults"]
        if result["EvalDecision"] != "allowed":
            (doubtful if result.get("MissingContextValues") else denied).append(action)
    return denied, doubtful


def _principal(here: Surroundings) -> str:
    """Return the ARN that IAM simulates: of a session, its role's, whose path only IAM knows."""
    arn = _who(here)
    if ":assumed-role/" not in arn:
        return arn
    role: str = here.client("iam").get_role(RoleName=arn.split("/")[1])["Role"]["Arn"]
    return role


def _who(here: Surroundings) -> str:
    arn: str = here.client("sts").get_caller_identity()["Arn"]
    return arn


def _concurrency(here: Surroundings) -> Finding:
    limits = here.client("lambda").get_account_settings()["AccountLimit"]
    total, free = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    chains = here.parameter("ChainIds").count(",") + 1
    named = "1 chain" if chains == 1 else f"{chains} chains"
    needed = 2 * chains + 1  # each chain's export and typed copy, and the run that asks for them
    found = f"{total} at once in the account, {free} of them not reserved"
    fix = 'Raise it: Service Quotas, AWS Lambda, "Concurrent executions".'
    if free < needed:
        return bad(f"Lambda runs {found}; {named} may take {needed}", fix)
    if total <= SMALL_LIMIT:
        return good(f"Lambda runs {found}: enough for {named} if little else runs in this account")
    return good(f"Lambda runs {found}")


REGION = SetupCheck("region", _region)
CREDENTIALS = SetupCheck("credentials", _credentials, ("region",))
TOOLS = SetupCheck("tools", _tools)
PYTHON = SetupCheck("python", _python)
MAY_READ = SetupCheck("rights to look", _may_read, ("credentials",))
MAY_CREATE = SetupCheck("rights to create", _may_create, ("credentials",))
CONCURRENCY = SetupCheck("concurrent runs", _concurrency, ("credentials",))
