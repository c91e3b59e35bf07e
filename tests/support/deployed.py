"""A deployed stack as the commands see it: CloudFormation's outputs and parameters, and what they name."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sandbox.aws.deployed import deploy as describe
from sandbox.aws.stack import BUS, DATABASE, SECRET, Stack
from tests.support.roles import any_client
from tools import template

NAME = "members"
PARAMETERS = {
    "ChainIds": "1743,1783",
    "SpaazaEnvironment": "test01",
    "TimeZone": "UTC",
    "RawDays": "365",
    "SessionWarningDays": "5",
}
SCHEDULE = f"{NAME}-Schedule-1A2B3C4D5E6F"
FUNCTION = f"{NAME}-export"


@dataclass(frozen=True)
class Deployed:
    """A stack named `members` in moto's CloudFormation, over the servers of `stack`."""

    stack: Stack
    outputs: Mapping[str, str]

    def client(self, service: str) -> Any:
        """Return a client of any service; the caller closes it."""
        return any_client(service, self.stack.aws.endpoint_url)


def deploy(stack: Stack, parameters: Mapping[str, str] = PARAMETERS) -> Deployed:
    """Make what the outputs name, and the stack that has them; each is an output of the template."""
    outputs = _outputs(stack)
    unknown = outputs.keys() - template.source()["Outputs"].keys()
    assert not unknown, unknown
    logs = dict.fromkeys(("ExportLog", "ParquetLog"), "AWS::Logs::LogGroup")
    describe(stack.aws, NAME, outputs, parameters, logs)
    with closing(any_client("scheduler", stack.aws.endpoint_url)) as scheduler:
        scheduler.create_schedule(**schedule(parameters["ChainIds"]))
    return Deployed(stack, outputs)


def schedule(chain_ids: str, state: str = "ENABLED") -> dict[str, Any]:
    """Return what is asked of EventBridge Scheduler for the schedule of the exports."""
    return {
        "Name": SCHEDULE,
        "State": state,
        "ScheduleExpression": "cron(0 3-23 * * ? *)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": f"arn:aws:lambda:eu-west-1:123456789012:function:{FUNCTION}",
            "RoleArn": "arn:aws:iam::123456789012:role/members",
            "Input": f'{{"chain_ids": [{chain_ids}]}}',
        },
    }


def _outputs(stack: Stack) -> dict[str, str]:
    aws = stack.aws
    results = {"ResultConfiguration": {"OutputLocation": f"s3://{stack.bucket}/athena-results/"}}
    with closing(any_client("athena", aws.endpoint_url)) as athena, closing(any_client("sns", aws.endpoint_url)) as sns:
        athena.create_work_group(Name=NAME, Configuration=results)
        topic = sns.create_topic(Name=f"{NAME}-alarms")["TopicArn"]
    queues = {
        name: aws.client("sqs").create_queue(QueueName=f"{NAME}-{name}")["QueueUrl"] for name in ("dead", "failed")
    }
    return {
        "BucketName": stack.bucket,
        "SecretArn": aws.client("secretsmanager").describe_secret(SecretId=SECRET)["ARN"],
        "ExportFunctionName": FUNCTION,
        "ParquetFunctionName": f"{NAME}-parquet",
        "EventBusName": BUS,
        "GlueDatabaseName": DATABASE,
        "WorkGroupName": NAME,
        "AlarmTopicArn": topic,
        "UndeliveredEventsUrl": queues["dead"],
        "FailedRunsUrl": queues["failed"],
    }
