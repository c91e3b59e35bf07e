"""How the tests of the flow invoke a run, and ask what is there afterwards."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sandbox.aws.stack import Stack
from sandbox.spaaza.server import CHAINS
from spaaza_snapshots.base.telemetry import Telemetry
from spaaza_snapshots.model import keys
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.snapshot.follow_up import SnapshotResult
from spaaza_snapshots.snapshot.request import parse_request
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.snapshot.snapshot import take_snapshot
from spaaza_snapshots.snapshot.wiring import run_for, services_for
from tests.support.builders import NOW, HeldClock

CHAIN = CHAINS[0]
TODAY = NOW.date()
SNAPSHOT = SnapshotId(CHAIN, TODAY)


@dataclass(frozen=True)
class Aftermath:
    """What lies in the bucket for one chain and date: the four questions that follow every failure."""

    raw_run_id: str | None
    open_uploads: int
    manifest: Mapping[str, Any] | None
    pending: Mapping[str, Mapping[str, Any]]  # by run id

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing at all."""
        return self == Aftermath(None, 0, None, {})

    @property
    def is_committed(self) -> bool:
        """Whether the manifest is that of the object, and nothing else is left."""
        mine = self.manifest is not None and self.manifest["run_id"] == self.raw_run_id
        return mine and not self.open_uploads and not self.pending


def invoke(
    stack: Stack, event: object = None, *, held: HeldClock | None = None, variables: Mapping[str, str] | None = None
) -> SnapshotResult:
    """Run one chain's snapshot as the handler does, on a clock that the test holds."""
    settings = Settings.from_environment(stack.environment() | dict(variables or {}))
    clock = (held or HeldClock()).clock()
    request = parse_request({"chain_id": CHAIN} if event is None else event, settings, clock.now())
    return take_snapshot(run_for(request, settings, clock.now()), services_for(settings, Telemetry("flow"), clock))


def aftermath(stack: Stack, snapshot_date: date = TODAY, chain_id: int = CHAIN) -> Aftermath:
    """Look into the bucket, past the wire."""
    snapshot_id = SnapshotId(chain_id, snapshot_date)
    there = [key for key in stack.object_keys() if snapshot_id.partition in key]
    raw_key, manifest_key = snapshot_id.raw_key, snapshot_id.manifest_key
    head = stack.s3.head_object(Bucket=stack.bucket, Key=raw_key) if raw_key in there else None
    pending = [json.loads(stack.read(key)) for key in there if key.startswith(keys.PENDING_ROOT)]
    return Aftermath(
        raw_run_id=head["Metadata"]["run-id"] if head else None,
        open_uploads=len(stack.open_uploads()),
        manifest=json.loads(stack.read(manifest_key)) if manifest_key in there else None,
        pending={draft["run_id"]: draft for draft in pending},
    )


def manifest_describes_object(stack: Stack) -> bool:
    """Whether the manifest is that of the object, byte for byte."""
    there = aftermath(stack)
    body = stack.read(SNAPSHOT.raw_key)
    return there.is_committed and there.manifest is not None and there.manifest["raw"]["sha256"] == _sha256(body)


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def events(stack: Stack, detail_type: str) -> list[Mapping[str, Any]]:
    """Return the details of the events of one kind that came over the bus since the last look."""
    return [event["detail"] for event in stack.listener.events() if event["detail-type"] == detail_type]
