"""The S3 client of a run: boto3's names, up to three tries per call, and the faults that they meet."""

from collections.abc import Iterator, Set
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from sandbox.model.faults import Fate, Fault, Faults
from sandbox.model.s3 import Answer, ModelRequest, refusal
from sandbox.model.schedule import Network, Schedule

TRIES = 3
"""As base/sdk.py configures the real SDK."""

ENDPOINT = "https://s3.model"
MUTATIONS = frozenset({"PutObject", "DeleteObject", "CompleteMultipartUpload", "AbortMultipartUpload"})


class Killed(BaseException):
    """The process of a run is gone: nothing it still does has any effect."""


class _Unanswered(Exception):
    """A try after which the SDK sends the request again; `error` is raised if it was the last one."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class Client:
    """One run's S3 client; `left_seconds` is the run's remaining time, which its fate may cut short."""

    def __init__(self, owner: str, network: Network, schedule: Schedule, faults: Faults, fate: Fate) -> None:
        self.left_seconds = 900.0
        self.is_dead = False
        self.unfenced: set[str] = set()  # uploads whose abort failed
        self.known: set[str] = set()  # uploads whose id the run has received
        self._owner = owner
        self._network = network
        self._schedule = schedule
        self._faults = faults
        self._fate = fate
        self._calls = 0

    @property
    def open_uploads(self) -> Set[str]:
        """The ids of all open uploads."""
        return self._network.bucket.uploads.keys()

    def head_object(self, **arguments: Any) -> Answer:
        """See boto3."""
        return self._call("HeadObject", arguments)

    def get_object(self, **arguments: Any) -> Answer:
        """See boto3."""
        return self._call("GetObject", arguments)

    def put_object(self, **arguments: Any) -> Answer:
        """See boto3."""
        return self._call("PutObject", arguments)

    def delete_object(self, **arguments: Any) -> Answer:
        """See boto3."""
        return self._call("DeleteObject", arguments)

    def get_paginator(self, name: str) -> "Client":
        """Return this client, whose `paginate` supports one listing only."""
        assert name == "list_objects_v2"
        return self

    def paginate(self, **arguments: Any) -> Iterator[Answer]:
        """Yield the only page."""
        yield self._call("ListObjectsV2", arguments)

    def create_multipart_upload(self, **arguments: Any) -> Answer:
        """See boto3."""
        answer = self._call("CreateMultipartUpload", arguments)
        self.known.add(answer["UploadId"])
        return answer

    def upload_part(self, **arguments: Any) -> Answer:
        """See boto3."""
        return self._call("UploadPart", arguments)

    def complete_multipart_upload(self, **arguments: Any) -> Answer:
        """See boto3."""
        return self._call("CompleteMultipartUpload", arguments)

    def abort_multipart_upload(self, **arguments: Any) -> Answer:
        """See boto3."""
        try:
            return self._call("AbortMultipartUpload", arguments)
        except Exception:
            self.unfenced.add(arguments["UploadId"])
            raise

    def _call(self, operation: str, arguments: dict[str, Any]) -> Answer:
        request = ModelRequest(self._owner, operation, arguments.get("Key") or arguments["Prefix"], arguments)
        self._calls += 1
        unanswered = None
        for _ in range(TRIES):
            self._schedule.pause()
            self._live(request)
            try:
                return self._try(request, again=unanswered is not None)
            except _Unanswered as error:
                unanswered = error.error
        assert unanswered is not None
        raise unanswered

    def _live(self, request: ModelRequest) -> None:
        """Meet the run's fate, if it is due at this call."""
        fate = self._fate
        if self._calls == fate.out_of_time_at and self.left_seconds > 5:
            self.left_seconds = 5.0
            self._note(request, Fault.OUT_OF_TIME)
        if not self.is_dead and (self._calls == fate.killed_at or request.operation == fate.killed_in):
            self.is_dead = True
            self._note(request, fate.kill)
            if fate.kill is Fault.KILLED_AFTER:
                self._deliver_unheard(request)
            elif fate.kill is Fault.KILLED_UNDER_WAY and request.operation in MUTATIONS:
                self._network.under_way.append(request)
        if self.is_dead:
            raise Killed

    def _try(self, request: ModelRequest, *, again: bool) -> Answer:
        fault = self._faults.of(request.operation, again=again)
        if fault is None:
            return self._network.deliver(request)
        self._note(request, fault)
        if fault is Fault.DENIED:
            raise refusal("AccessDenied", request.operation)
        if fault is Fault.REFUSED:
            down = refusal("SlowDown", request.operation)
            raise _Unanswered(down if self._faults.coin() else ConnectTimeoutError(endpoint_url=ENDPOINT))
        if fault is Fault.LOST:
            self._deliver_unheard(request)
        else:
            self._network.under_way.append(request)
        raise _Unanswered(ReadTimeoutError(endpoint_url=ENDPOINT))

    def _deliver_unheard(self, request: ModelRequest) -> None:
        with suppress(ClientError):
            self._network.deliver(request)

    def _note(self, request: ModelRequest, fault: Fault) -> None:
        self._faults.count(request.operation, fault)
        self._network.say(self._owner, request, fault)
