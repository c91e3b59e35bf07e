"""What the events of `events/` ask for, and what no event may ask for."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaaza_snapshots import errors
from spaaza_snapshots.errors import InvalidRequest
from spaaza_snapshots.snapshot.request import SnapshotRequest, parse_request
from tests.support.builders import settings

EVENTS = Path(__file__).parents[3] / "events"
NOW = datetime(2026, 11, 22, 2, 0, 5, tzinfo=UTC)
TODAY, BOTH = NOW.date(), (1743, 1783)
SCHEDULED_AT = datetime(2026, 11, 22, 2, tzinfo=UTC)
REQUESTED_AT = datetime(2026, 11, 22, 2, 0, 3, tzinfo=UTC)

SERVED = {
    "scheduled": SnapshotRequest(BOTH, TODAY, False, False, True, SCHEDULED_AT),
    "scheduled-rule": SnapshotRequest(BOTH, TODAY, False, False, True, SCHEDULED_AT),
    "snapshot-requested": SnapshotRequest((1743,), TODAY, False, False, False, REQUESTED_AT),
    "one-chain": SnapshotRequest((1743,), TODAY, False, False, False, None),
    "several-chains": SnapshotRequest(BOTH, TODAY, False, False, False, None),
    "all-chains": SnapshotRequest(BOTH, TODAY, False, False, False, None),
    "past-date": SnapshotRequest((1743,), date(2026, 11, 20), False, False, False, None),
    "forced": SnapshotRequest((1743,), TODAY, True, False, False, None),
    "accept": SnapshotRequest((1743,), date(2026, 11, 21), False, True, False, None),
}


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_bytes())


def parsed(event: object, *, now: datetime = NOW, zone: str = "UTC") -> SnapshotRequest:
    return parse_request(event, settings(SNAPSHOT_TIME_ZONE=zone), now)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_every_sample_event_is_served_by_a_test() -> None:
    assert {path.stem for path in EVENTS.glob("*.json")} == set(SERVED)


@pytest.mark.parametrize("name", SERVED)
def test_a_sample_event_asks_for_what_its_name_says(name: str) -> None:
    assert parsed(event(name)) == SERVED[name]


@pytest.mark.parametrize("name", sorted(path.stem for path in EVENTS.glob("malformed/*.json")))
def test_a_malformed_event_is_refused_by_what_is_wrong_with_it(name: str) -> None:
    case = event(f"malformed/{name}")
    with pytest.raises(getattr(errors, case["error"])) as caught:
        parsed(case["event"], zone="Europe/Amsterdam")
    assert case["names"] in str(caught.value)


def test_all_unknown_keys_are_named_at_once() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parsed({"chain": 1743, "Force": True, "date": "2026-11-22"})
    assert "'Force', 'chain'" in str(caught.value)


def test_of_very_many_unknown_keys_the_first_are_named_and_the_others_counted() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parsed({f"{number:05}" * 100: 1 for number in range(2_000)})
    assert "and 1,990 more" in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("name", ["scheduled-rule", "snapshot-requested"])
def test_unknown_keys_of_an_envelope_are_ignored(name: str) -> None:
    assert parsed({**event(name), "replay-name": "again", "trace-header": "Root=1"}) == SERVED[name]


def test_the_detail_of_a_scheduled_rule_says_nothing_to_us() -> None:
    assert parsed({**event("scheduled-rule"), "detail": {"chain_id": 1999}}) == SERVED["scheduled-rule"]


def test_repeated_chain_ids_count_once_in_the_order_given() -> None:
    assert parsed({"chain_ids": [1783, 1743, 1783, 1783]}).chain_ids == (1783, 1743)


@pytest.mark.parametrize("chain_id", [True, 1.0, "1"])
def test_what_python_takes_for_the_chain_is_no_chain(chain_id: object) -> None:
    for sent in ({"chain_id": chain_id}, {"chain_ids": [chain_id]}):
        with pytest.raises(InvalidRequest):
            parse_request(sent, settings(SPAAZA_CHAIN_IDS="1"), NOW)


def test_a_list_of_one_chain_is_one_chain() -> None:
    assert parsed({"chain_ids": [1743]}).chain_ids == parsed({"chain_id": 1743}).chain_ids


@pytest.mark.parametrize(
    ("scheduled_time", "zone", "expected"),
    [
        ("2026-11-21T22:59:59Z", "Europe/Amsterdam", date(2026, 11, 21)),
        ("2026-11-21T23:00:00Z", "Europe/Amsterdam", date(2026, 11, 22)),
        ("2026-11-22T04:59:59Z", "America/New_York", date(2026, 11, 21)),
        ("2026-11-22T05:00:00Z", "America/New_York", date(2026, 11, 22)),
        ("2026-11-21T10:00:00Z", "Pacific/Kiritimati", date(2026, 11, 22)),
        ("2026-11-21T23:00:00+00:00", "UTC", date(2026, 11, 21)),
        ("2026-11-22T00:30:00+01:00", "UTC", date(2026, 11, 21)),
        # the clocks of Amsterdam went forward on 29 March at 01:00Z and back on 25 October at 01:00Z
        ("2026-03-28T22:59:59Z", "Europe/Amsterdam", date(2026, 3, 28)),
        ("2026-03-28T23:00:00Z", "Europe/Amsterdam", date(2026, 3, 29)),
        ("2026-03-29T21:59:59Z", "Europe/Amsterdam", date(2026, 3, 29)),
        ("2026-03-29T22:00:00Z", "Europe/Amsterdam", date(2026, 3, 30)),
        ("2026-10-24T22:00:00Z", "Europe/Amsterdam", date(2026, 10, 25)),
        ("2026-10-25T22:59:59Z", "Europe/Amsterdam", date(2026, 10, 25)),
        ("2026-10-25T23:00:00Z", "Europe/Amsterdam", date(2026, 10, 26)),
    ],
)
def test_the_date_is_that_of_the_scheduled_time_in_the_snapshot_time_zone(
    scheduled_time: str, zone: str, expected: date
) -> None:
    scheduled_at = instant(scheduled_time)
    request = parsed({"chain_id": 1743, "scheduled_time": scheduled_time}, now=scheduled_at, zone=zone)
    assert (request.snapshot_date, request.requested_at) == (expected, scheduled_at)


def test_a_retry_after_midnight_fills_the_day_that_it_was_meant_for() -> None:
    late = instant("2026-11-23T00:10:00+01:00")
    meant = date(2026, 11, 22)
    scheduled = {"chain_ids": [1743], "scheduled_time": "2026-11-22T22:00:00Z"}
    for sent in (scheduled, event("scheduled-rule"), event("snapshot-requested")):
        assert parsed(sent, now=late, zone="Europe/Amsterdam").snapshot_date == meant


def test_an_envelope_without_a_date_is_for_the_date_of_its_time() -> None:
    sent = {**event("snapshot-requested"), "time": "2026-11-21T23:30:00Z", "detail": {"chain_id": 1743}}
    assert parsed(sent, zone="UTC").snapshot_date == date(2026, 11, 21)
    assert parsed(sent, zone="Europe/Amsterdam").snapshot_date == date(2026, 11, 22)


def test_without_any_time_the_date_is_that_of_now() -> None:
    now = instant("2026-11-21T23:30:00Z")
    assert parsed({}, now=now).snapshot_date == date(2026, 11, 21)
    assert parsed({}, now=now, zone="Europe/Amsterdam").snapshot_date == date(2026, 11, 22)


def test_a_date_given_goes_before_the_time_of_the_event() -> None:
    sent = {"chain_ids": [1743], "date": "2026-11-20", "scheduled_time": "2026-11-22T02:00:00Z"}
    assert parsed(sent).snapshot_date == date(2026, 11, 20)


@pytest.mark.parametrize("flags", [{}, {"accept": True}])
def test_today_is_todays_date_in_the_snapshot_time_zone(flags: dict[str, bool]) -> None:
    now = instant("2026-11-21T23:30:00Z")
    tomorrow_in_utc = {"chain_id": 1743, "date": "2026-11-22", **flags}
    assert parsed(tomorrow_in_utc, now=now, zone="Europe/Amsterdam").snapshot_date == date(2026, 11, 22)
    with pytest.raises(InvalidRequest, match="2026-11-22"):
        parsed(tomorrow_in_utc, now=now)


def test_force_is_for_today_in_the_snapshot_time_zone() -> None:
    now = instant("2026-11-21T23:30:00Z")
    forced = {"chain_id": 1743, "date": "2026-11-21", "force": True}
    assert parsed(forced, now=now).force
    with pytest.raises(InvalidRequest, match="force"):
        parsed(forced, now=now, zone="Europe/Amsterdam")


def test_force_from_the_bus_is_refused_once_its_day_is_over() -> None:
    sent = event("snapshot-requested")
    sent["detail"]["force"] = True
    assert parsed(sent).force
    with pytest.raises(InvalidRequest, match="force"):
        parsed(sent, now=instant("2026-11-23T00:00:00Z"))


def test_accept_is_taken_on_any_later_day() -> None:
    assert parsed(event("accept"), now=instant("2027-06-01T12:00:00Z")).accept


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=5,
)
KEYS = ["chain_id", "chain_ids", "date", "force", "accept", "scheduled_time", "detail-type", "source", "time", "detail"]


@given(JSON | st.dictionaries(st.sampled_from(KEYS), JSON | st.sampled_from([1743, "Scheduled Event", "2026-11-22"])))
def test_whatever_is_sent_is_served_for_configured_chains_or_refused(sent: object) -> None:
    try:
        request = parsed(sent)
    except InvalidRequest:
        return
    assert set(request.chain_ids) <= set(BOTH)
    assert request.snapshot_date <= TODAY
