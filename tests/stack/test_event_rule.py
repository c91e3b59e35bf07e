"""The sample rule of events/rules beside the stack: a job of somebody else starts once for each snapshot."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.moto import Listener
from sandbox.aws.stack import BUS, Stack
from sandbox.spaaza.answers import generated_users
from spaaza_snapshots.events.messages import PARQUET_COMPLETED, SNAPSHOT_COMPLETED
from tests.support.flow import CHAIN, TODAY, events, invoke
from tests.support.forked import forked

RULE = Path(__file__).resolve().parents[2] / "events" / "rules" / "parquet-completed.yaml"
PARQUET = "spaaza_snapshots.parquet_handler.lambda_handler"


@pytest.fixture
def job(stack: Stack) -> Listener:
    """What the job of somebody else reads: the queue, and the rule's own pattern on the bus of the stack."""
    (rule,) = [found["Properties"] for found in resources().values() if found["Type"] == "AWS::Events::Rule"]
    sqs, bus = stack.aws.client("sqs"), stack.aws.client("events")
    queue_url = sqs.create_queue(QueueName="job")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus.put_rule(Name="job", EventBusName=BUS, EventPattern=json.dumps(rule["EventPattern"]))
    bus.put_targets(Rule="job", EventBusName=BUS, Targets=[{"Id": rule["Targets"][0]["Id"], "Arn": queue}])
    return Listener(sqs, queue_url)


def resources() -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml_parse(RULE.read_text(encoding="utf-8"))["Resources"]
    return found


def test_a_job_is_started_once_although_snapshot_completed_repeats(stack: Stack, job: Listener) -> None:
    stack.spaaza.serve(generated_users(5))
    first = invoke(stack)
    again = invoke(stack)  # the next hour, which finds no typed copy
    assert (first["run_id"], first["status"], again["status"]) == (again["run_id"], "complete", "already_complete")
    assert [told["run_id"] for told in events(stack, SNAPSHOT_COMPLETED)] == [first["run_id"]] * 2
    assert job.events() == []
    with LambdaFunction(PARQUET, stack.environment(), memory_mb=1024, launch=forked) as parquet:
        parquet.invoke({"chain_id": CHAIN, "date": TODAY.isoformat()})
    (started,) = job.events()
    assert started["detail-type"] == PARQUET_COMPLETED
    assert started["detail"]["run_id"] == first["run_id"]
    assert json.loads(stack.read(started["detail"]["quality_key"]))["run_id"] == first["run_id"]
