"""Our run, from the request to the committed manifest: `python -m tools.bench.clients.ours EXPORT_URL S3_URL`.

It is `export_once` with the function's own clients; only the session is given instead of read from a secret.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.base.sdk import COMPLETE_SDK_CONFIG, SDK_CONFIG
from spaaza_snapshots.base.telemetry import Telemetry, logger
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.snapshot.attempt import export_once
from spaaza_snapshots.snapshot.run import Run, Services
from spaaza_snapshots.spaaza.connections import http_pool
from spaaza_snapshots.spaaza.credentials import Session
from spaaza_snapshots.spaaza.export_api import SpaazaExports
from tools.bench.clients.meter import metered

CHAIN = 1743
LAMBDA_MS = 900_000
READ_TIMEOUT_SECONDS = 60


def services(export_url: str, s3_url: str) -> Services:
    """Return what a run depends on, without tables, a bus or a renewal."""
    session = boto3.Session()
    store = SnapshotStore(
        session.client("s3", endpoint_url=s3_url, config=SDK_CONFIG),
        "bench",
        session.client("s3", endpoint_url=s3_url, config=COMPLETE_SDK_CONFIG),
    )
    clock = Clock(lambda: LAMBDA_MS)
    return Services(
        store=store,
        exports=SpaazaExports(http_pool(), export_url, READ_TIMEOUT_SECONDS, clock),
        read_session=lambda: Session("1", "bench", None),
        catalog=None,
        bus=None,
        renewal=None,
        telemetry=Telemetry("bench"),
        clock=clock,
    )


def run() -> Run:
    """Return a run of today that replaces what an earlier round has stored."""
    now = datetime.now(UTC)
    return Run(
        snapshot_id=SnapshotId(CHAIN, now.date()),
        taken_on=now.date(),
        environment="test01",
        max_row_drop_percent=5.0,
        force=True,
        accept=False,
        requested_at=None,
        started_at=now,
    )


def keep(manifest: Manifest, path: Path) -> None:
    """Keep a manifest for another process."""
    path.write_text(json.dumps({"key": manifest.key, "json": manifest.to_json().decode()}), encoding="utf-8")


def kept_manifest(path: Path) -> Manifest:
    """Return the manifest that `keep` has written."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    return Manifest.from_json(kept["json"].encode(), kept["key"])


def main() -> None:
    """Run once; with a third argument, keep the manifest in that file."""
    logger.setLevel(logging.ERROR)
    ready, asked = services(*sys.argv[1:3]), run()
    kept = Path(sys.argv[3]) if len(sys.argv) > 3 else None

    def work() -> Any:
        manifest = export_once(asked, ready, 1)
        if manifest is None:
            raise RuntimeError("Another run was faster.")
        if kept is not None:
            keep(manifest, kept)
        return manifest.row_count

    metered(work)


if __name__ == "__main__":
    main()
