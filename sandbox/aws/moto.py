"""The other AWS services on loopback: Secrets Manager, EventBridge, Glue and SQS, played by moto."""

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, overload
from urllib.request import Request, urlopen

import boto3
import jsonpath_ng.ext as jsonpath
from moto.core import responses
from moto.core.utils import method_names_from_class
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from sandbox.aws.event_contract import SOURCE, WatchedBus
from sandbox.aws.secrets import StrictSecrets, install, strict_secrets

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_glue import GlueClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sqs import SQSClient

_MOST_MESSAGES = 10  # per ReceiveMessage, an SQS limit


@dataclass(frozen=True)
class Listener:
    """An SQS queue that receives everything the product puts on a bus."""

    sqs: "SQSClient"
    queue_url: str

    def events(self) -> list[dict[str, Any]]:
        """Return the EventBridge envelopes delivered since the last call, parsed, in order of arrival."""
        envelopes: list[dict[str, Any]] = []
        while True:
            answer = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=_MOST_MESSAGES)
            messages = answer.get("Messages", [])
            if not messages:
                return envelopes
            for message in messages:
                envelopes.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])


_methods_of = cache(method_names_from_class)  # moto lists them at each request, which took an eighth of its time
_path_of = cache(vars(jsonpath)["parse"])  # and has a parser built for each path in each event


class _Dispatcher(DomainDispatcherApplication):
    """moto's own, which walks through the folders of all its services at each request; here once for each host."""

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self._backend_of = cache(super().get_backend_for_host)

    def get_backend_for_host(self, host: str | None) -> Any:
        return self._backend_of(host)


class MotoAws:
    """A moto server in a thread of this process, on a free port of 127.0.0.1; use it in a `with`.

    It accepts any credentials, so it cannot test permissions. It ends with `BrokenContract`, as `reset` does, if an
    event of the product was put that its schema in `events/schemas` does not allow.
    """

    region = "eu-west-1"

    def __init__(self, front: Callable[[Any], Any] = lambda application: application) -> None:
        """Start nothing yet; `front` may put a WSGI application before moto's, to answer in its place."""
        self._front = front
        self._stack = ExitStack()
        self._clients: dict[str, Any] = {}
        self._bus = WatchedBus(_Dispatcher())
        self.endpoint_url = ""

    def __enter__(self) -> Self:
        """Start the server."""
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # otherwise one line per request
        install()
        vars(responses)["method_names_from_class"] = _methods_of
        vars(jsonpath)["parse"] = _path_of
        app = self._front(self._bus)
        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="moto")
        thread.start()
        for end in (server.server_close, thread.join, server.shutdown):  # called in reverse
            self._stack.callback(end)
        self.endpoint_url = f"http://127.0.0.1:{server.server_port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Forget everything and stop the server."""
        with self._stack:
            self.reset()

    def reset(self) -> None:
        """Forget everything that was created."""
        with urlopen(Request(f"{self.endpoint_url}/moto-api/reset", method="POST")) as answer:
            answer.read()
        self._bus.settle()

    @overload
    def client(self, service: Literal["events"]) -> "EventBridgeClient": ...
    @overload
    def client(self, service: Literal["glue"]) -> "GlueClient": ...
    @overload
    def client(self, service: Literal["secretsmanager"]) -> "SecretsManagerClient": ...
    @overload
    def client(self, service: Literal["sqs"]) -> "SQSClient": ...
    def client(self, service: Literal["events", "glue", "secretsmanager", "sqs"]) -> Any:
        """Return a client that talks directly to this server and is closed with it."""
        if service not in self._clients:
            make_client: Callable[..., Any] = boto3.client
            self._clients[service] = make_client(
                service,
                endpoint_url=self.endpoint_url,
                region_name=self.region,
                aws_access_key_id="moto",
                aws_secret_access_key="moto",
            )
            self._stack.callback(self._clients[service].close)
        return self._clients[service]

    @property
    def secrets(self) -> StrictSecrets:
        """The Secrets Manager behind the server, which plays the rotations that it was asked for."""
        return strict_secrets(self.region)

    def create_secret(self, name: str, session: Mapping[str, str]) -> str:
        """Create the secret that holds the admin session as JSON; return its ARN."""
        return self.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(dict(session)))["ARN"]

    def create_database(self, name: str) -> None:
        """Create a Glue database without tables."""
        self.client("glue").create_database(DatabaseInput={"Name": name})

    def create_bus(self, name: str) -> Listener:
        """Create an event bus, and a queue that receives every event of the product."""
        sqs, events = self.client("sqs"), self.client("events")
        queue_url = sqs.create_queue(QueueName=f"{name}-listener")["QueueUrl"]
        queue = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.create_event_bus(Name=name)
        events.put_rule(Name="listener", EventBusName=name, EventPattern=json.dumps({"source": [SOURCE]}))
        events.put_targets(Rule="listener", EventBusName=name, Targets=[{"Id": "listener", "Arn": queue}])
        return Listener(sqs, queue_url)
