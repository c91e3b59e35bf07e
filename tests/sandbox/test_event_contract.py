"""The bus of the sandbox, which lets no event pass that its schema does not allow; and the schemas themselves."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from sandbox.aws.event_contract import BrokenContract, closed, objections, schemas
from sandbox.aws.moto import MotoAws
from spaaza_snapshots import errors
from spaaza_snapshots.events import messages
from spaaza_snapshots.events.messages import SOURCE, Event
from spaaza_snapshots.model.manifest import HeaderChanges
from tests.support.builders import manifest
from tests.support.flow import CHAIN, SNAPSHOT, TODAY

CHANGES = HeaderChanges("2026-11-21", ("Town",), (), reordered=False)
SENT = {
    "requested": messages.snapshots_requested([CHAIN], TODAY, force=True)[0],
    "completed": messages.snapshot_completed(manifest()),
    "completed with other columns": messages.snapshot_completed(manifest(header_changes=CHANGES)),
    "failed": messages.snapshot_failed(SNAPSHOT, errors.SessionExpired("expired", "detail", "hint")),
    "failed by a bug": messages.snapshot_failed(SNAPSHOT, KeyError("x")),
    "held": messages.snapshot_failed(SNAPSHOT, errors.SnapshotHeld("held", "detail", "hint")),
    "converted": messages.parquet_completed(manifest()),
}
BROKEN: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "a field more": ("requested", {"row_count": 1}),
    "a chain as text": ("requested", {"chain_id": "1743"}),
    "a chain that is none": ("requested", {"chain_id": 0}),
    "a date in another form": ("converted", {"date": "22-11-2026"}),
    "a day that is none": ("converted", {"date": "2026-11-31"}),
    "another tree": ("converted", {"parquet_key": "raw/users/chain_id=1743/dt=2026-11-22/users.csv.gz"}),
    "a run id that is none": ("converted", {"run_id": "7"}),
    "a count below 0": ("completed", {"row_count": -1}),
    "changes without a date": ("completed", {"header_changes": {"added": [], "removed": [], "reordered": False}}),
    "a kind of change more": ("completed", {"header_changes": {**asdict(CHANGES), "retyped": []}}),
    "held, and not told whether again": ("held", {"error": "SnapshotHeld", "again": None}),
    "held again, but the first notice": ("held", {"again": True}),
    "told again, but not held": ("failed", {"again": False, "notice": "first"}),
    "no hint": ("failed", {"hint": ""}),
}


def entry(event: Event, **changes: Any) -> dict[str, str]:
    return {"Source": SOURCE, "DetailType": event.detail_type, "Detail": json.dumps({**event.detail, **changes})}


@pytest.mark.parametrize("event", SENT.values(), ids=SENT)
def test_what_the_product_sends_is_exactly_what_its_schema_promises(event: Event) -> None:
    assert list(objections(entry(event))) == []


@pytest.mark.parametrize(("name", "changes"), BROKEN.values(), ids=BROKEN)
def test_what_a_schema_does_not_allow_is_objected_to(name: str, changes: Mapping[str, Any]) -> None:
    assert list(objections(entry(SENT[name], **changes)))


@pytest.mark.parametrize("event", SENT.values(), ids=SENT)
def test_every_field_that_is_sent_is_required_but_for_the_two_of_a_held_day(event: Event) -> None:
    for field in event.detail:
        less = {key: value for key, value in event.detail.items() if key != field}
        assert list(objections(entry(Event(event.detail_type, less))))


def test_there_is_one_schema_for_each_event() -> None:
    assert set(schemas()) == {event.detail_type for event in SENT.values()}


@pytest.mark.parametrize("schema", schemas().values(), ids=schemas())
def test_each_schema_is_one_by_its_own_draft_and_describes_every_field(schema: Mapping[str, Any]) -> None:
    assert validator_for(schema) is Draft202012Validator
    Draft202012Validator.check_schema(schema)
    assert all(field["description"] for field in schema["properties"]["detail"]["properties"].values())


def test_a_consumer_may_validate_with_the_schema_of_today_what_is_sent_tomorrow() -> None:
    detail = schemas()["Snapshot Completed"]["properties"]["detail"]
    tomorrow = json.loads(entry(SENT["completed with other columns"], gzip_bytes=45)["Detail"])
    tomorrow["header_changes"]["retyped"] = []
    assert Draft202012Validator(detail).is_valid(tomorrow)
    assert not Draft202012Validator(closed(detail)).is_valid(tomorrow)


def put(aws: MotoAws, **changes: Any) -> None:
    sent: Any = {"EventBusName": "snapshots", **entry(SENT["requested"], **changes)}
    aws.client("events").put_events(Entries=[sent])


def test_the_sandbox_ends_with_an_error_if_an_event_broke_the_contract() -> None:
    told = r"'Snapshot Requested' \$\.chain_id: '1743' is not of type 'integer'"
    with pytest.raises(BrokenContract, match=told), MotoAws() as aws:
        listener = aws.create_bus("snapshots")
        put(aws)
        put(aws, chain_id="1743")
        assert len(listener.events()) == 2  # noted, and not hidden from the flow


def test_an_event_without_a_schema_breaks_the_contract_once() -> None:
    with MotoAws() as aws:
        aws.create_bus("snapshots")
        sent: Any = {"EventBusName": "snapshots", "Source": SOURCE, "DetailType": "Snapshot Lost", "Detail": "{}"}
        aws.client("events").put_events(Entries=[sent])
        with pytest.raises(BrokenContract, match="'Snapshot Lost' has no schema"):
            aws.reset()
