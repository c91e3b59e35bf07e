"""Draws the steps of an episode, and the faults of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from sandbox.campaign.exports import Export, draw_export
from sandbox.spaaza.server import CHAINS
from sandbox.wire import faults


class Kind(StrEnum):
    """What a step does."""

    SCHEDULED = "scheduled run"
    MANUAL = "manual run"
    YESTERDAY = "manual run of the day before"
    FORCED = "forced run"
    ACCEPTED = "accept"
    TYPED = "typed copy"
    TWO = "two runs at once"
    KILLED = "run that is killed"
    NEW_SESSION = "new session"
    LATE_SESSION = "new session, told to the secret later"
    ERASED = "erasure"


WEIGHTS: Final[Mapping[Kind, int]] = {
    Kind.SCHEDULED: 6,
    Kind.MANUAL: 2,
    Kind.YESTERDAY: 2,
    Kind.FORCED: 6,
    Kind.ACCEPTED: 3,
    Kind.TYPED: 4,
    Kind.TWO: 6,
    Kind.KILLED: 1,
    Kind.NEW_SESSION: 1,
    Kind.LATE_SESSION: 1,
    Kind.ERASED: 2,
}
RUNS: Final = (Kind.SCHEDULED, Kind.MANUAL, Kind.FORCED, Kind.ACCEPTED)
WITHOUT_FAULTS: Final = (Kind.NEW_SESSION, Kind.LATE_SESSION)


class AwsFault(StrEnum):
    """What may happen to one call of AWS."""

    DENIED = "403"
    MISSING = "404"
    CONFLICT = "409"
    CONDITION = "412"
    ERROR = "500"
    SLOW_DOWN = "503"
    DONE_AND_ERROR = "500, done"
    DROPPED = "connection closed before"
    LOST = "connection closed after"
    ERROR_IN_200 = "200 with an error"


FAULTS: Final[Mapping[AwsFault, faults.Fault]] = {
    AwsFault.DENIED: faults.error(403, "AccessDenied"),
    AwsFault.MISSING: faults.error(404, "NoSuchUpload"),
    AwsFault.CONFLICT: faults.error(409, "ConditionalRequestConflict"),
    AwsFault.CONDITION: faults.error(412, "PreconditionFailed"),
    AwsFault.ERROR: faults.error(500, "InternalError"),
    AwsFault.SLOW_DOWN: faults.error(503, "SlowDown"),
    AwsFault.DONE_AND_ERROR: faults.error(500, "InternalError", forwarded=True),
    AwsFault.DROPPED: faults.drop_request,
    AwsFault.LOST: faults.lose_answer,
    AwsFault.ERROR_IN_200: faults.error_in_200("InternalError"),
}

_ANY = (AwsFault.DENIED, AwsFault.ERROR, AwsFault.SLOW_DOWN, AwsFault.DROPPED, AwsFault.LOST)
_WRITE = (*_ANY, AwsFault.DONE_AND_ERROR)
MEETS: Final[Mapping[str, tuple[AwsFault, ...]]] = {
    "HeadObject": _ANY,
    "GetObject": _ANY,
    "ListObjectsV2": _ANY,
    "ListObjectVersions": _ANY,
    "PutObject": (*_WRITE, AwsFault.CONFLICT, AwsFault.CONDITION),
    "DeleteObject": _WRITE,
    "DeleteObjects": _WRITE,
    "CreateMultipartUpload": _WRITE,
    "UploadPart": (*_WRITE, AwsFault.MISSING),
    "CompleteMultipartUpload": tuple(AwsFault),
    "AbortMultipartUpload": _WRITE,
    "GetSecretValue": _ANY,
    "PutEvents": _WRITE,
    "GetTable": _ANY,
    "CreateTable": _WRITE,
    "UpdateTable": _WRITE,
}
"""Which call meets what. S3 is strongly consistent, so no read says that something there is missing."""

OFTEN: Final = ("CompleteMultipartUpload", "AbortMultipartUpload", "PutObject")
"""The calls that commits end with: as many faults as all others."""
OFTEN_IN_ERASURES: Final = ("DeleteObjects", "ListObjectVersions", "PutObject")


@dataclass(frozen=True)
class CallFault:
    """Break `times` calls of an operation, from the nth of the step."""

    operation: str
    fault: AwsFault
    nth: int
    times: int


@dataclass(frozen=True)
class Step:
    """One step: what, on which chain, with what answers of Spaaza and which faults; `new_day`: on the next day.

    `kinds` are those of two runs at once, whose commits meet if `meet`. `out_of_time_at`: the time is over when it is
    asked for the nth time. `kill_seconds`: how long after its first call a run is killed. `heal`: a run without faults
    follows, and must end right.
    """

    kind: Kind
    chain_id: int
    new_day: bool
    exports: tuple[Export, ...]
    calls: tuple[CallFault, ...]
    kinds: tuple[Kind, Kind]
    meet: bool
    out_of_time_at: int | None
    kill_seconds: float
    heal: bool

    def told(self) -> str:
        """Return one line."""
        what = f"two at once: {' and '.join(self.kinds)}" if self.kind is Kind.TWO else str(self.kind)
        answers = [f"export {export.fault}" for export in self.exports if export.fault]
        calls = [f"{call.operation} {call.nth} to {call.nth + call.times - 1}: {call.fault}" for call in self.calls]
        late = [] if self.out_of_time_at is None else ["the time runs out"]
        return f"chain {self.chain_id}, {what}; {', '.join((*answers, *calls, *late)) or 'no fault'}"


def draw_step(random: Random) -> Step:
    """Draw the next step."""
    kind = random.choices(tuple(WEIGHTS), tuple(WEIGHTS.values()))[0]
    calm = kind in WITHOUT_FAULTS or random.random() < 0.15
    rate = 0.0 if calm else random.choice((0.2, 0.8))
    return Step(
        kind=kind,
        chain_id=random.choice(CHAINS),
        new_day=random.random() < 0.3,
        exports=tuple(draw_export(random, rate) for _ in range(6)),
        calls=() if calm else tuple(_draw_call(random, kind) for _ in range(random.choice((0, 1, 2, 3)))),
        kinds=(random.choice(RUNS), random.choice(RUNS)),
        meet=random.random() < 0.7,
        out_of_time_at=random.randint(1, 12) if not calm and random.random() < 0.1 else None,
        kill_seconds=random.uniform(0, 0.5),
        heal=random.random() < 0.4,
    )


def _draw_call(random: Random, kind: Kind) -> CallFault:
    often = OFTEN_IN_ERASURES if kind is Kind.ERASED else OFTEN
    operation = random.choice(often if random.random() < 0.5 else tuple(MEETS))
    fault = random.choice(MEETS[operation])
    return CallFault(operation, fault, random.choice((1, 1, 2, 3)), random.choice((1, 1, 3)))
