"""What is put on the event bus, and what becomes of entries that it refuses."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from sandbox.aws.moto import Listener, MotoAws
from sandbox.wire import faults
from sandbox.wire.faults import Exchange, Fault
from sandbox.wire.proxy import HttpAnswer
from sandbox.wire.wire import EVERY_TIME, Wire
from spaaza_snapshots.errors import ExportUnavailable, StorageError
from spaaza_snapshots.events.bus import EventBus
from spaaza_snapshots.events.messages import Event, snapshot_completed, snapshot_failed, snapshots_requested
from spaaza_snapshots.model.manifest import HeaderChanges
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.snapshot.request import parse_request
from tests.support.builders import NOW, HeldClock, manifest, settings

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient

CHAINS = tuple(range(101, 124))


@pytest.fixture
def aws(moto_aws: MotoAws) -> Iterator[Wire]:
    with Wire({"aws": moto_aws.endpoint_url}) as wire:
        yield wire


@pytest.fixture
def events(aws: Wire) -> Iterator["EventBridgeClient"]:
    """A client that tries each call once, so that all other tries are the product's."""
    once = Config(retries={"total_max_attempts": 1}, read_timeout=5)
    client = boto3.client(
        "events",
        region_name="eu-west-1",
        endpoint_url=aws.url("aws"),
        aws_access_key_id="moto",
        aws_secret_access_key="moto",
        config=once,
    )
    yield client
    client.close()


@pytest.fixture
def listener(moto_aws: MotoAws) -> Listener:
    return moto_aws.create_bus("snapshots")


def requested(*chain_ids: int, force: bool = False) -> list[Event]:
    return snapshots_requested(chain_ids, NOW.date(), force=force)


def put(events: "EventBridgeClient", asked: list[Event]) -> HeldClock:
    held = HeldClock()
    EventBus(events, "snapshots", held.clock()).put(asked)
    return held


def chains(listener: Listener) -> list[int]:
    return [envelope["detail"]["chain_id"] for envelope in listener.events()]


def sizes(aws: Wire) -> list[int]:
    """How many entries each call had."""
    return [len(call.detail.split(",")) for call in aws.calls if call.operation == "PutEvents"]


def refuse(*chain_ids: int) -> Fault:
    """Refuse the entries of these chains, wherever they are in a call."""

    def fault(exchange: Exchange) -> HttpAnswer | None:
        details = [json.loads(entry["Detail"]) for entry in json.loads(exchange.request.body)["Entries"]]
        return faults.failed_entries(*(i for i, detail in enumerate(details) if detail["chain_id"] in chain_ids))(
            exchange
        )

    return fault


def test_events_are_put_ten_at_a_time_in_their_order(
    aws: Wire, events: "EventBridgeClient", listener: Listener
) -> None:
    held = put(events, requested(*CHAINS))
    assert sizes(aws) == [10, 10, 3]
    assert chains(listener) == list(CHAINS)
    assert held.slept == []


def test_nothing_to_put_is_no_call(aws: Wire, events: "EventBridgeClient") -> None:
    put(events, [])
    assert aws.calls == ()


def test_refused_entries_are_put_again_alone_and_arrive_once(
    aws: Wire, events: "EventBridgeClient", listener: Listener
) -> None:
    aws.fail("PutEvents", refuse(102, 105))
    held = put(events, requested(*CHAINS))
    assert sizes(aws) == [10, 2, 10, 3]
    assert sorted(chains(listener)) == list(CHAINS)
    assert len(held.slept) == 1


def test_what_still_fails_is_raised_by_its_chains_after_all_others_were_put(
    aws: Wire, events: "EventBridgeClient", listener: Listener
) -> None:
    aws.fail("PutEvents", refuse(102, 119), times=EVERY_TIME)
    with pytest.raises(StorageError) as caught:
        put(events, requested(*CHAINS))
    text = str(caught.value)
    assert [chain_id for chain_id in CHAINS if str(chain_id) in text] == [102, 119]
    assert sorted(chains(listener)) == [chain_id for chain_id in CHAINS if chain_id not in (102, 119)]


@pytest.mark.parametrize("fault", [faults.error(500, "InternalException"), faults.drop_request])
def test_a_call_that_fails_whole_is_put_again(
    aws: Wire, events: "EventBridgeClient", listener: Listener, fault: Fault
) -> None:
    aws.fail("PutEvents", fault)
    put(events, requested(*CHAINS))
    assert sorted(chains(listener)) == list(CHAINS)


def test_calls_that_fail_whole_again_and_again_are_raised_after_the_others(
    aws: Wire, events: "EventBridgeClient", listener: Listener
) -> None:
    aws.fail("PutEvents", faults.error(400, "AccessDeniedException"), times=3)
    with pytest.raises(StorageError) as caught:
        put(events, requested(*CHAINS))
    assert [chain_id for chain_id in CHAINS if str(chain_id) in str(caught.value)] == list(CHAINS[:10])
    assert chains(listener) == list(CHAINS[10:])


@pytest.mark.parametrize("force", [False, True])
def test_a_snapshot_requested_comes_back_as_the_request_of_one_chain(
    events: "EventBridgeClient", listener: Listener, force: bool
) -> None:
    put(events, requested(1743, 1783, force=force))
    delivered = listener.events()
    assert [(one["source"], one["detail-type"]) for one in delivered] == [
        ("spaaza.snapshots", "Snapshot Requested")
    ] * 2
    assert [one["detail"] for one in delivered] == [
        {"chain_id": chain_id, "date": "2026-11-22", "force": force} for chain_id in (1743, 1783)
    ]
    again = [parse_request(one, settings(), NOW) for one in delivered]
    assert [(one.chain_ids, one.snapshot_date, one.force) for one in again] == [
        ((chain_id,), NOW.date(), force) for chain_id in (1743, 1783)
    ]


@pytest.mark.parametrize("changes", [None, HeaderChanges("2026-11-21", ("Town",), (), reordered=False)])
def test_a_snapshot_completed_tells_where_it_is_and_what_it_holds(
    events: "EventBridgeClient", listener: Listener, changes: HeaderChanges | None
) -> None:
    put(events, [snapshot_completed(manifest(header_changes=changes))])
    (delivered,) = listener.events()
    told: dict[str, Any] = dict(delivered["detail"])
    assert delivered["detail-type"] == "Snapshot Completed"
    assert told.pop("header_changes") == (
        changes and {"previous_date": "2026-11-21", "added": ["Town"], "removed": [], "reordered": False}
    )
    assert told == {
        "chain_id": 1743,
        "date": "2026-11-22",
        "run_id": manifest().run_id,
        "row_count": 2,
        "raw_key": "raw/users/chain_id=1743/dt=2026-11-22/users.csv.gz",
        "manifest_key": "manifests/users/chain_id=1743/dt=2026-11-22/manifest.json",
    }


def test_a_snapshot_failed_tells_the_class_of_the_error_and_what_to_do() -> None:
    event = snapshot_failed(
        SnapshotId(1743, NOW.date()), ExportUnavailable("Spaaza did not answer", "503", "Look at its status.")
    )
    assert (event.detail_type, event.detail["chain_id"]) == ("Snapshot Failed", 1743)
    assert event.detail["chain_id"] == 1743
    assert event.detail["date"] == "2026-11-22"
    assert "ExportUnavailable" in event.detail.values()
    assert event.detail["hint"] == "Look at its status."


def test_a_snapshot_that_failed_by_a_defect_shows_none_of_its_text() -> None:
    event = snapshot_failed(SnapshotId(1743, NOW.date()), ValueError("jane.doe@example.com"))
    assert "ValueError" in event.detail.values()
    assert event.detail["hint"]
    assert "jane.doe" not in json.dumps(event.detail)
