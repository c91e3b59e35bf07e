"""`spaaza-snapshots erase`: a person goes from every version of everything, and nobody else's day goes."""

import json
from datetime import date

import pytest

from sandbox import person
from sandbox.aws.stack import Stack
from sandbox.person import AFTER, BEFORE, CHAIN, HELD, MARK, OTHERS, PERSON, REPLACED, TWICE, UNREADABLE, WITH
from spaaza_snapshots.model.erasure import Erasure
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.upkeep.days import State, day_of
from tests.support.deployed import Deployed
from tests.support.erasures import Eraser, everything, of_day, typed_ids, versions

LONG_AGO = date(2020, 1, 1)


@pytest.fixture
def erase(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Eraser:
    return Eraser(capsys, monkeypatch)


@pytest.fixture
def week(deployment: Deployed) -> Stack:
    person.live_a_week(deployment.stack)
    deployment.stack.wire.clear()
    return deployment.stack


def state(stack: Stack, day: date) -> State:
    return day_of(SnapshotStore(stack.s3, stack.bucket), SnapshotId(CHAIN, day), LONG_AGO).state


def records(stack: Stack) -> list[Erasure]:
    return SnapshotStore(stack.s3, stack.bucket).erasures(CHAIN)


def test_the_plan_changes_nothing_the_erasure_proves_itself_and_a_repetition_finds_nothing(
    week: Stack, erase: Eraser
) -> None:
    before = versions(week)
    code, plan = erase()
    assert (code, versions(week)) == (0, before)
    assert "Nothing was changed" in plan
    untouched = {day: [of_day(week, root, day) for root in ("raw", "parquet")] for day in (BEFORE, AFTER)}
    manifests, other_chain = versions(week, "manifests/"), versions(week, f"raw/users/chain_id={person.OTHER_CHAIN}/")

    code, answer = erase("--yes", "--json")
    assert (code, json.loads(answer)["proved"]) == (0, True)
    for day in (WITH, TWICE, HELD, UNREADABLE):
        assert (of_day(week, "raw", day), of_day(week, "pending", day), state(week, day)) == ([], [], State.ERASED)
    assert (len(of_day(week, "raw", REPLACED)), state(week, REPLACED)) == (1, State.COMPLETE)
    assert typed_ids(week, WITH) == typed_ids(week, REPLACED) == list(OTHERS)
    assert typed_ids(week, TWICE) == [*OTHERS, 2000]
    assert [len(of_day(week, "parquet", day)) for day in (WITH, TWICE, HELD, UNREADABLE, REPLACED)] == [1, 1, 0, 1, 1]
    assert versions(week, "athena-results/") == []
    assert {day: [of_day(week, root, day) for root in ("raw", "parquet")] for day in untouched} == untouched
    assert versions(week, "manifests/") == manifests
    assert versions(week, f"raw/users/chain_id={person.OTHER_CHAIN}/") == other_chain

    (record,) = records(week)
    assert record.finished_at is not None
    assert record.dates == {WITH, TWICE, HELD, UNREADABLE}
    after = versions(week)
    code, answer = erase("--yes")
    assert (code, versions(week)) == (0, after)
    assert "No snapshot of chain 1743 holds them" in answer
    said = "".join(erase.printed) + everything(week, lambda key: not key.startswith(("raw/", "parquet/")))
    assert not [text for text in (str(PERSON), MARK) if text in said]
