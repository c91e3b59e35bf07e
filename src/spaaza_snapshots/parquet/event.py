"""Which snapshot the Parquet function is invoked for, and whether its typed copy is made again.

{"source": "spaaza.snapshots", "detail-type": "Snapshot Completed",
 "detail": {"chain_id": 1743, "date": "2026-11-22", …}, …}
{"chain_id": 1743, "date": "2026-11-22"}      by hand; with "rebuild": true even over a copy of the same run
"""

from collections.abc import Mapping
from dataclasses import dataclass
from reprlib import repr as short
from typing import Any

from spaaza_snapshots.errors import InvalidRequest
from spaaza_snapshots.events.messages import SNAPSHOT_COMPLETED, SOURCE
from spaaza_snapshots.events.payload import is_chain_id, parse_date
from spaaza_snapshots.model.snapshot_id import SnapshotId


@dataclass(frozen=True, slots=True)
class ParquetRequest:
    """One snapshot; `rebuild`: a typed copy of the same run is replaced, not kept."""

    snapshot_id: SnapshotId
    rebuild: bool = False


def parse_event(event: object) -> ParquetRequest:
    """Return what either payload above asks for; raises `InvalidRequest`.

    The event's run id is ignored, as that run may be superseded: only the committed manifest counts.
    """
    if not isinstance(event, Mapping):
        raise _refusal("The event is not a JSON object", type(event).__name__)
    detail: Any = event
    rebuild: Any = False
    if "detail-type" in event:
        if (event.get("source"), event["detail-type"]) != (SOURCE, SNAPSHOT_COMPLETED):
            named = f"{short(event.get('source'))} {short(event['detail-type'])}"
            raise _refusal("This type of event is not supported", named)
        detail = event.get("detail")
    else:
        rebuild = event.get("rebuild", False)
    if not isinstance(detail, Mapping) or not {"chain_id", "date"} <= detail.keys():
        raise _refusal("The event has no chain_id or no date")
    chain_id = detail["chain_id"]
    if not is_chain_id(chain_id):
        raise _refusal("A chain id must be a JSON integer above 0", short(chain_id))
    if not isinstance(rebuild, bool):
        raise _refusal("rebuild must be true or false", short(rebuild))
    return ParquetRequest(SnapshotId(chain_id, parse_date(detail["date"])), rebuild)


def _refusal(what: str, detail: str = "") -> InvalidRequest:
    return InvalidRequest(what, detail, 'Send {"chain_id": 1743, "date": "2026-11-22"}, or a Snapshot Completed event.')
