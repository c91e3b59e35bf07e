"""Which snapshot the Parquet function is invoked for.

{"source": "spaaza.snapshots", "detail-type": "Snapshot Completed",
 "detail": {"chain_id": 1743, "date": "2026-11-22", …}, …}
{"chain_id": 1743, "date": "2026-11-22"}      by hand
"""

from collections.abc import Mapping
from reprlib import repr as short
from typing import Any

from spaaza_snapshots.errors import InvalidRequest
from spaaza_snapshots.events.messages import SNAPSHOT_COMPLETED, SOURCE
from spaaza_snapshots.events.payload import is_chain_id, parse_date
from spaaza_snapshots.model.snapshot_id import SnapshotId


def parse_event(event: Mapping[str, Any]) -> SnapshotId:
    """Return the snapshot that either payload above names; raises `InvalidRequest`.

    The event's run id is ignored, as that run may be superseded: only the committed manifest counts.
    """
    detail: Any = event
    if "detail-type" in event:
        if (event.get("source"), event["detail-type"]) != (SOURCE, SNAPSHOT_COMPLETED):
            raise _refusal("This type of event is not supported", f"{event.get('source')!r} {event['detail-type']!r}")
        detail = event.get("detail")
    if not isinstance(detail, Mapping) or not {"chain_id", "date"} <= detail.keys():
        raise _refusal("The event has no chain_id or no date")
    chain_id = detail["chain_id"]
    if not is_chain_id(chain_id):
        raise _refusal("A chain id must be a JSON integer above 0", short(chain_id))
    return SnapshotId(chain_id, parse_date(detail["date"]))


def _refusal(what: str, detail: str = "") -> InvalidRequest:
    return InvalidRequest(what, detail, 'Send {"chain_id": 1743, "date": "2026-11-22"}, or a Snapshot Completed event.')
