"""What the Parquet function takes for a request, and what it refuses, with the reason."""

from datetime import date

import pytest

from spaaza_snapshots.errors import InvalidRequest
from spaaza_snapshots.events.messages import SNAPSHOT_COMPLETED, SOURCE
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.parquet.event import ParquetRequest, parse_event

ASKED = {"chain_id": 1743, "date": "2026-11-22"}
SNAPSHOT = SnapshotId(1743, date(2026, 11, 22))


@pytest.mark.parametrize("rebuild", [True, False])
def test_a_request_by_hand_says_whether_to_rebuild(rebuild: bool) -> None:
    assert parse_event({**ASKED, "rebuild": rebuild}) == ParquetRequest(SNAPSHOT, rebuild)
    assert parse_event(ASKED) == ParquetRequest(SNAPSHOT, rebuild=False)


def test_the_event_of_a_completed_snapshot_never_rebuilds() -> None:
    event = {"source": SOURCE, "detail-type": SNAPSHOT_COMPLETED, "detail": {**ASKED, "rebuild": True}}
    assert parse_event(event) == ParquetRequest(SNAPSHOT, rebuild=False)


HINT = 'Send {"chain_id": 1743, "date": "2026-11-22"}, or a Snapshot Completed event.'
OTHER_TYPE = "This type of event is not supported"
NOTHING_NAMED = "The event has no chain_id or no date"


@pytest.mark.parametrize(
    ("event", "what", "detail"),
    [
        ([], "The event is not a JSON object", "list"),
        ({**ASKED, "rebuild": "yes"}, "rebuild must be true or false", "'yes'"),
        ({**ASKED, "rebuild": None}, "rebuild must be true or false", "None"),
        ({**ASKED, "chain_id": "1743"}, "A chain id must be a JSON integer above 0", "'1743'"),
        ({**ASKED, "chain_id": 0}, "A chain id must be a JSON integer above 0", "0"),
        (
            {"source": "aws.s3", "detail-type": SNAPSHOT_COMPLETED, "detail": ASKED},
            OTHER_TYPE,
            f"'aws.s3' '{SNAPSHOT_COMPLETED}'",
        ),
        ({"source": SOURCE, "detail-type": "Other", "detail": ASKED}, OTHER_TYPE, f"'{SOURCE}' 'Other'"),
        ({"detail-type": SNAPSHOT_COMPLETED, "detail": ASKED}, OTHER_TYPE, f"None '{SNAPSHOT_COMPLETED}'"),
        ({"source": SOURCE, "detail-type": SNAPSHOT_COMPLETED}, NOTHING_NAMED, ""),
        ({"source": SOURCE, "detail-type": SNAPSHOT_COMPLETED, **ASKED}, NOTHING_NAMED, ""),
        ({"chain_id": 1743}, NOTHING_NAMED, ""),
        ({"date": "2026-11-22"}, NOTHING_NAMED, ""),
    ],
)
def test_anything_else_is_refused_with_the_reason(event: object, what: str, detail: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_event(event)
    assert refused.value.args == (what, detail, HINT)
