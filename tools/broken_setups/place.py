"""A whole deployment in the sandbox: all that the template makes and a command looks at, as far as moto plays it."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import boto3

from sandbox.aws import deployed
from sandbox.aws.stack import BUS, DATABASE, SECRET, Stack
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME
from tools import template

NAME: Final = "members"
EMAIL: Final = "ops@example.com"
ACCOUNT: Final = "123456789012"
LOGIN_SECRET: Final = "members-login"
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/members"
FUNCTIONS: Final = ("Export", "Parquet", "Rotation")
PARAMETERS: Final = {
    "ChainIds": "1743,1783",
    "SpaazaEnvironment": "test01",
    "TimeZone": "Europe/Amsterdam",
    "FirstHour": "3",
    "AlarmEmail": EMAIL,
    "SessionWarningDays": "5",
    "RenewSession": "true",
    "RawDays": "365",
    "PendingDays": "30",
}
_OPEN_BUCKET: Final = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"]


@dataclass
class Place:
    """A deployed stack named `members`; what moto lacks is answered from here, and may be changed at any time.

    `concurrency`: Lambda's limit of the account. `decision`: what IAM's simulation says. `blocks`: how the bucket is
    closed to the public.
    """

    stack: Stack
    concurrency: int = 1000
    decision: str = "allowed"
    blocks: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(_OPEN_BUCKET, True))
    parameters: dict[str, str] = field(default_factory=lambda: dict(PARAMETERS))

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session("test", "test", region_name=self.stack.aws.region)

    def client(self, service: str) -> Any:
        """Return a client past the wire, which writes none of its calls down."""
        if service == "s3":
            return self.stack.s3
        make_client: Any = self._session.client
        return make_client(service, endpoint_url=self.stack.aws.endpoint_url)

    def environment(self) -> dict[str, str]:
        """Return what leads a command to the sandbox."""
        of_sdk = {name: value for name, value in self.stack.environment().items() if name.startswith("AWS_")}
        spaaza = self.stack.spaaza.base_url
        return {**of_sdk, "SPAAZA_API_URL": spaaza, "SPAAZA_SERVICES_URL": spaaza, "AWS_EC2_METADATA_DISABLED": "true"}

    def deploy(self) -> None:
        """Make all of it."""
        self.furnish()
        self.create_stack()

    def furnish(self) -> None:
        """Make what the outputs of the stack name, and what leads from one to the other."""
        self._bucket()
        self._queues()
        self._functions()
        self._topic()
        self._rules()
        self._schedules()
        self._renewal()
        results = {"ResultConfiguration": {"OutputLocation": f"s3://{self.stack.bucket}/athena-results/"}}
        self.client("athena").create_work_group(Name=NAME, Configuration=results)

    def create_stack(self, name: str = NAME, **others: str) -> None:
        """Make the stack; `others`: outputs that it has instead."""
        outputs = {**self.outputs(), **others}
        unknown = outputs.keys() - template.source()["Outputs"].keys()
        assert not unknown, unknown
        deployed.deploy(self.stack.aws, name, outputs, self.parameters)

    def outputs(self) -> dict[str, str]:
        """Return the outputs of the stack."""
        secrets, sqs = self.stack.aws.client("secretsmanager"), self.stack.aws.client("sqs")
        return {
            "BucketName": self.stack.bucket,
            "SecretArn": secrets.describe_secret(SecretId=SECRET)["ARN"],
            "LoginSecretArn": secrets.describe_secret(SecretId=LOGIN_SECRET)["ARN"],
            **{f"{kind}FunctionName": function(kind) for kind in FUNCTIONS},
            "EventBusName": BUS,
            "GlueDatabaseName": DATABASE,
            "WorkGroupName": NAME,
            "AlarmTopicArn": topic_arn(),
            "UndeliveredEventsUrl": sqs.get_queue_url(QueueName=f"{NAME}-UndeliveredEvents")["QueueUrl"],
            "FailedRunsUrl": sqs.get_queue_url(QueueName=f"{NAME}-FailedRuns")["QueueUrl"],
        }

    def answer_what_moto_lacks(self) -> None:
        """Answer for the services that do not know a call; whatever a test breaks first comes before it."""
        wire, xml, rest = self.stack.wire, "text/xml", "application/json"
        wire.fail("GetAccountSettings", faults.answered(rest, self._account_settings), times=EVERY_TIME)
        wire.fail("SimulatePrincipalPolicy", faults.answered(xml, self._simulation), times=EVERY_TIME)
        wire.fail("GetPublicAccessBlock", faults.answered(xml, self._public_access), times=EVERY_TIME)
        # moto has cfn-lint look at it, which takes seconds
        wire.fail(
            "ValidateTemplate", faults.answered(xml, lambda: "<A><ValidateTemplateResult/></A>"), times=EVERY_TIME
        )

    def _account_settings(self) -> str:
        limits = {"ConcurrentExecutions": self.concurrency, "UnreservedConcurrentExecutions": self.concurrency}
        return json.dumps({"AccountLimit": limits})

    def _simulation(self) -> str:
        member = f"<member><EvalActionName>a</EvalActionName><EvalDecision>{self.decision}</EvalDecision></member>"
        results = f"<EvaluationResults>{member}</EvaluationResults>"
        return f"<A><SimulatePrincipalPolicyResult>{results}</SimulatePrincipalPolicyResult></A>"

    def _public_access(self) -> str:
        blocks = "".join(f"<{name}>{str(value).lower()}</{name}>" for name, value in self.blocks.items())
        return f"<PublicAccessBlockConfiguration>{blocks}</PublicAccessBlockConfiguration>"

    def _bucket(self) -> None:
        s3, bucket = self.stack.s3, self.stack.bucket
        s3.put_bucket_encryption(
            Bucket=bucket,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
        )
        lifecycle = template.source()["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]
        s3.put_bucket_lifecycle_configuration(
            Bucket=bucket,
            LifecycleConfiguration={"Rules": [_rule(rule) for rule in lifecycle["Rules"] if _is_played(rule)]},
        )

    def _queues(self) -> None:
        for name in ("UndeliveredEvents", "FailedRuns"):
            self.stack.aws.client("sqs").create_queue(QueueName=f"{NAME}-{name}")

    def _functions(self) -> None:
        trusted = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
        self.client("iam").create_role(RoleName=NAME, AssumeRolePolicyDocument=policy)
        functions = self.client("lambda")
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("handler.py", "")
        for kind in FUNCTIONS:
            functions.create_function(
                FunctionName=function(kind),
                Runtime="python3.13",
                Role=ROLE,
                Handler="h.h",
                Code={"ZipFile": code.getvalue()},
            )
        for kind in ("Export", "Parquet"):
            self.keep_failures(kind)

    def keep_failures(self, kind: str) -> None:
        """Have what a function fails at sent to the queue of failed runs."""
        self.client("lambda").put_function_event_invoke_config(
            FunctionName=function(kind),
            MaximumRetryAttempts=0,
            DestinationConfig={"OnFailure": {"Destination": arn("sqs", f"{NAME}-FailedRuns")}},
        )

    def _topic(self) -> None:
        sns = self.client("sns")
        sns.create_topic(Name=f"{NAME}-alarms")
        sns.subscribe(TopicArn=topic_arn(), Protocol="email", Endpoint=EMAIL)

    def _rules(self) -> None:
        targets = {"requested": function_arn("Export"), "completed": function_arn("Parquet"), "held": topic_arn()}
        events = self.stack.aws.client("events")
        for rule, target in targets.items():
            events.put_rule(Name=rule, EventBusName=BUS, EventPattern='{"source": ["spaaza.snapshots"]}')
            events.put_targets(Rule=rule, EventBusName=BUS, Targets=[{"Id": rule, "Arn": target}])

    def _schedules(self) -> None:
        input_ = '{"chain_ids": [1743,1783], "scheduled_time": "<aws.scheduler.scheduled-time>"}'
        self.schedule("Schedule", function_arn("Export"), "cron(0 3-23 * * ? *)", input_)
        renewal = "arn:aws:scheduler:::aws-sdk:secretsmanager:rotateSecret"
        self.schedule("RenewalSchedule", renewal, "cron(30 2 1/3 * ? *)", "{}")

    def schedule(self, name: str, target: str, expression: str, input_: str, state: str = "ENABLED") -> None:
        """Delete the schedule, and create another."""
        scheduler, full_name = self.client("scheduler"), f"{NAME}-{name}-1A2B3C4D5E6F"
        asked: Mapping[str, Any] = {
            "Name": full_name,
            "State": state,
            "ScheduleExpression": expression,
            "ScheduleExpressionTimezone": self.parameters["TimeZone"],
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": target, "RoleArn": ROLE, "Input": input_},
        }
        known = {found["Name"] for found in scheduler.list_schedules()["Schedules"]}
        (scheduler.update_schedule if full_name in known else scheduler.create_schedule)(**asked)

    def _renewal(self) -> None:
        secrets = self.stack.aws.client("secretsmanager")
        secrets.create_secret(Name=LOGIN_SECRET, SecretString='{"username": "u", "password": "p"}')
        secrets.rotate_secret(SecretId=SECRET, RotationLambdaARN=function_arn("Rotation"), RotateImmediately=False)


def function(kind: str) -> str:
    """Return the name of a function."""
    return f"{NAME}-{kind}Function"


def function_arn(kind: str) -> str:
    """Return the ARN of a function."""
    return f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:{function(kind)}"


def topic_arn() -> str:
    """Return the ARN of the alarm topic."""
    return arn("sns", f"{NAME}-alarms")


def arn(service: str, name: str) -> str:
    """Return the ARN of a queue or a topic."""
    return f"arn:aws:{service}:eu-west-1:{ACCOUNT}:{name}"


def _is_played(rule: Mapping[str, Any]) -> bool:
    return "ExpirationInDays" in rule or "NoncurrentVersionExpiration" in rule


def _rule(rule: Mapping[str, Any]) -> Any:
    """Return a rule of the template as the API takes it; after how many days it ends things is of no account here."""
    filtered = {"ID": rule["Id"], "Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "ExpirationInDays" in rule:
        return {**filtered, "Expiration": {"Days": 365}}
    return {**filtered, "NoncurrentVersionExpiration": {"NoncurrentDays": 7}}
