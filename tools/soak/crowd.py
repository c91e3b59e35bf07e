"""Many chains asked for at once, and what throttles them on the way."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from threading import Lock
from typing import Any, Final

from sandbox.aws.async_invocations import AsyncConfig, AsyncInvocations
from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.stack import Stack
from sandbox.campaign.ledger import Ledger
from sandbox.spaaza.answers import generated_users, refusal
from sandbox.wire import faults
from sandbox.wire.faults import Exchange
from sandbox.wire.proxy import HttpAnswer
from sandbox.wire.wire import EVERY_TIME
from spaaza_snapshots.model.snapshot_id import SnapshotId

FIRST_CHAIN: Final = 1_001
FIRST_HOUR: Final = 3
MOST_HOURS: Final = 6
THROTTLED: Final = 503
PERIOD: Final = 40
"""After so many chains their troubles begin again."""

BUSY: Final[Mapping[int, tuple[int, str]]] = {3: (1, "1"), 13: (1, "1"), 23: (1, "1"), 7: (2, "2"), 11: (1, "3600")}
"""How often Spaaza answers 429 and what `Retry-After` it sends, by the place of a chain in its period."""

SLOW: Final[Mapping[int, tuple[str, int, str]]] = {
    5: ("UploadPart", 2, "raw/"),
    15: ("CreateMultipartUpload", 1, "raw/"),
    25: ("PutObject", 1, "pending/"),
    35: ("PutObject", 2, "manifests/"),
    9: ("CompleteMultipartUpload", 1, "raw/"),
    19: ("HeadObject", 1, "raw/"),
    17: ("UploadPart", 3, "raw/"),  # as often as the SDK tries: the run fails
}
"""Which call S3 answers with SlowDown, how often, and on which keys."""


@dataclass(frozen=True)
class Hour:
    """What one hour's schedule came to: how often what happened, and the chains that were complete at its end."""

    asked: int
    doubles: int
    deliveries: int
    returned: int
    exports: int
    busy: int
    slow: int
    failed: int
    completed: int
    seconds: float


@dataclass
class Crowd:
    """The chains of one bucket, the bus that tells of them, and a schedule that asks for all of them at once."""

    stack: Stack
    chains: Sequence[int]
    day: date
    told: dict[int, int] = field(default_factory=dict)
    """How often `Snapshot Completed` was told of a chain."""

    busy_answers: int = 0
    """How often Spaaza answered 429."""

    def throttle(self) -> None:
        """Let Spaaza, S3 and the bus refuse some of what comes, and one Complete wait for the other.

        The S3 server lets two Completes at the same instant both succeed, which S3 does not.
        """
        for place, chain_id in enumerate(self.chains):
            self.stack.spaaza.serve(generated_users(60 + place % 7, seed=place), chain_id)
            self._throttle(place % PERIOD, chain_id)
        self.stack.wire.fail("PutEvents", faults.failed_entries(0, 3, code="ThrottlingException"), nth=2)
        self.stack.wire.fail("CompleteMultipartUpload", _one_at_a_time(), times=EVERY_TIME)

    def ask(self, hour: int, functions: Sequence[LambdaFunction], config: AsyncConfig) -> AsyncInvocations:
        """Do what the schedule does, and deliver until nothing is left."""
        queue = AsyncInvocations(functions, config)
        queue.accept({"chain_ids": list(self.chains), "scheduled_time": f"{self.day}T{hour:02}:00:00Z"})
        queue.play(self._requested)
        return queue

    def committed(self) -> int:
        """Count the chains that have a manifest."""
        return sum(key.startswith("manifests/") for key in self.stack.object_keys())

    def _throttle(self, place: int, chain_id: int) -> None:
        if place in BUSY:
            times, seconds = BUSY[place]
            answer = refusal(429, headers={"Retry-After": seconds})
            busy = replace(answer, body=self._busy, framing="chunked")
            self.stack.spaaza.script(*[busy] * times, chain_id=chain_id)
        if place in SLOW:
            operation, times, root = SLOW[place]
            key = f"{root}users/chain_id={chain_id}/"
            self.stack.wire.fail(operation, faults.error(503, "SlowDown"), times=times, key_contains=key)

    def _busy(self) -> Iterator[bytes]:
        self.busy_answers += 1
        yield b"busy"

    def _requested(self) -> Iterator[Mapping[str, Any]]:
        """Yield what the bus has for the function, as its rule does."""
        for event in self.stack.listener.events():
            if event["detail-type"] == "Snapshot Requested":
                yield event
            elif event["detail-type"] == "Snapshot Completed":
                chain_id = event["detail"]["chain_id"]
                self.told[chain_id] = self.told.get(chain_id, 0) + 1


def _one_at_a_time() -> faults.Fault:
    lock = Lock()

    def fault(exchange: Exchange) -> HttpAnswer:
        with lock:
            return exchange.forward()

    return fault


@dataclass(frozen=True)
class Verdict:
    """How many chains are not as they should be, and what was left in the bucket."""

    without_snapshot: int
    taken_again: int
    never_told: int
    drafts: int
    open_uploads: int

    @classmethod
    def of(cls, crowd: Crowd) -> "Verdict":
        """Read every version of every object again."""
        ledger = Ledger(crowd.stack)
        ledger.look()
        snapshots = [SnapshotId(chain_id, crowd.day) for chain_id in crowd.chains]
        exports = [version.key for version in ledger.ever_below("raw/")]
        return cls(
            without_snapshot=sum(not _is_whole(ledger, snapshot) for snapshot in snapshots),
            taken_again=sum(exports.count(snapshot.raw_key) > 1 for snapshot in snapshots),
            never_told=sum(chain_id not in crowd.told for chain_id in crowd.chains),
            drafts=len(ledger.below("pending/")),
            open_uploads=len(crowd.stack.open_uploads()),
        )


def _is_whole(ledger: Ledger, snapshot: SnapshotId) -> bool:
    """Whether there is a manifest, and the object in place is of its run, its bytes and its rows."""
    manifest, raw = ledger.now.get(snapshot.manifest_key), ledger.now.get(snapshot.raw_key)
    if manifest is None or manifest.document is None or raw is None or raw.content is None:
        return False
    said = manifest.document
    there = (raw.run_id, raw.content.sha256, raw.content.rows)
    return (said["run_id"], said["raw"]["sha256"], said["row_count"]) == there
