"""boto3 through a wire, and what it raises."""

from contextlib import ExitStack
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.aws.seaweed import SeaweedS3
from sandbox.wire.wire import Wire

PART = bytes(range(256)) * (8 * (1 << 20) // 256)


class WireClients:
    """boto3 through the wire; one attempt unless said."""

    def __init__(self, wire: Wire, seaweed: SeaweedS3, stack: ExitStack) -> None:
        self.wire, self.stack = wire, stack
        self.keys = {"aws_access_key_id": seaweed.access_key, "aws_secret_access_key": seaweed.secret_key}

    def make(self, service: str, attempts: int = 1, **changes: Any) -> Any:
        make_client: Any = boto3.client
        client = make_client(
            service,
            endpoint_url=self.wire.url("s3" if service == "s3" else "aws"),
            region_name="eu-west-1",
            config=Config(read_timeout=changes.pop("read_timeout", 60), retries={"total_max_attempts": attempts}),
            **{**self.keys, **changes},
        )
        self.stack.callback(client.close)
        return client


def code(caught: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]
