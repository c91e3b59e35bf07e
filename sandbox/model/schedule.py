"""Whose call is next: each run is a greenlet that stops before each call; a seeded choice lets one continue."""

from collections.abc import Callable, Iterable, Mapping
from random import Random

from botocore.exceptions import ClientError
from greenlet import getcurrent, greenlet

from sandbox.model.s3 import Answer, Bucket, ModelRequest, refusal
from spaaza_snapshots.base.aws_errors import code_of

STICKS = (0.0, 0.6, 0.9, 0.97)
LANDS = (0.02, 0.1, 0.4)
CONFLICTING = ("PutObject", "CompleteMultipartUpload")


class Network:
    """The network between runs and bucket: the requests in transit, and a count of those that took effect."""

    def __init__(self, bucket: Bucket, random: Random) -> None:
        self.bucket = bucket
        self.under_way: list[ModelRequest] = []
        self.step = 0
        self.lines: list[str] | None = None  # of the schedule, if somebody wants to read it
        self._random = random

    def say(self, owner: str, what: object, came_of_it: object = "") -> None:
        """Record a line of the schedule."""
        if self.lines is not None:
            shown = _short(came_of_it) if isinstance(came_of_it, Mapping) else came_of_it
            self.lines.append(f"{self.step:4}  {owner:22} {what} {shown}")

    def deliver(self, request: ModelRequest) -> Answer:
        """Let a request take effect now and return its answer; raises S3's refusal."""
        self.step += 1
        try:
            self._refuse_conflict(request)
            answer = self._repeated(request) or self.bucket.execute(request)
        except ClientError as error:
            self.say(request.owner, request, code_of(error))
            raise
        self.say(request.owner, request, answer)
        return answer

    def land(self) -> None:
        """Let one of the requests in transit reach the bucket."""
        request = self.under_way.pop(self._random.randrange(len(self.under_way)))
        self.step += 1
        try:
            answer = self.bucket.execute(request)
        except ClientError as error:
            self.say(f"{request.owner}, late", request, code_of(error))
        else:
            self.say(f"{request.owner}, late", request, answer)

    def drop(self) -> None:
        """Lose one of the requests in transit for good."""
        request = self.under_way.pop()
        self.say(f"{request.owner}, late", request, "never arrives")

    def _refuse_conflict(self, request: ModelRequest) -> None:
        """Answer 409 to a repeated Complete in transit, and sometimes to a condition on a key that is being written.

        A condition that fails by now may be reported first.
        """
        for other in self.under_way:
            if other.key != request.key or request.operation not in CONFLICTING:
                continue
            repeated = other.operation == request.operation and _upload_id(other) == _upload_id(request) is not None
            coin = self._random.random() < 0.5
            if repeated and coin and not self.bucket.still_holds(request):
                return
            if repeated or (coin and _is_conditional(request)):
                raise refusal("ConditionalRequestConflict", request.operation)

    def _repeated(self, request: ModelRequest) -> Answer | None:
        """Answer a Complete that has already happened as S3 may: the same again, NoSuchUpload or a failed condition."""
        if request.operation != "CompleteMultipartUpload":
            return None
        answer = self.bucket.completed.get(request.arguments["UploadId"])
        if answer is None:
            return None
        draw = self._random.random()
        if draw < 0.3:
            return answer
        if draw < 0.6 and _is_conditional(request):
            raise refusal("PreconditionFailed", request.operation)
        return None


class Schedule:
    """Interleaves runs; `stick` is how likely the current run continues."""

    def __init__(self, network: Network, random: Random) -> None:
        self._network = network
        self._random = random
        self._hub = getcurrent()
        self._stick = STICKS[int(random.random() * len(STICKS))]
        self._lands = LANDS[int(random.random() * len(LANDS))]

    def pause(self) -> None:
        """Let others go first; outside a schedule, continue at once."""
        if getcurrent() is not self._hub:
            self._hub.switch()

    def interleave(self, runs: Iterable[Callable[[], None]]) -> None:
        """Run all of them to the end."""
        going = [greenlet(run, self._hub) for run in runs]
        draw = self._random.random
        current = None
        while going:
            if self._network.under_way and draw() < self._lands:
                self._network.land()
            if current is None or draw() >= self._stick:
                current = going[int(draw() * len(going))]
            current.switch()
            if current.dead:
                going.remove(current)
                current = None


def _is_conditional(request: ModelRequest) -> bool:
    return "IfMatch" in request.arguments or "IfNoneMatch" in request.arguments


def _upload_id(request: ModelRequest) -> object:
    return request.arguments.get("UploadId")


def _short(answer: Answer) -> str:
    """Return what is worth reading in an answer."""
    shown = {name: value for name, value in answer.items() if name in ("ETag", "VersionId", "Metadata", "UploadId")}
    return "-> " + (" ".join(str(value) for value in shown.values()) or "done")
