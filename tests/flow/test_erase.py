"""`spaaza-snapshots erase`: a person goes from every version of everything, and nobody else's day goes."""

import json
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from sandbox import person
from sandbox.aws.stack import Stack
from sandbox.person import AFTER, BEFORE, CHAIN, HELD, MARK, OTHERS, PERSON, REPLACED, TWICE, UNREADABLE, WITH
from sandbox.wire import faults
from spaaza_snapshots.upkeep.days import State
from tests.support.builders import HeldClock
from tests.support.deployed import Deployed
from tests.support.erasures import (
    Eraser,
    Versions,
    everything,
    exports_with,
    killed,
    of_day,
    records,
    state,
    typed_ids,
    versions,
)
from tests.support.flow import invoke

WHOLE = (WITH, TWICE, HELD, UNREADABLE)
DENIED = faults.error(403, "AccessDenied")


@pytest.fixture
def erase(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Eraser:
    return Eraser(capsys, monkeypatch)


@pytest.fixture
def week(deployment: Deployed) -> Stack:
    person.live_a_week(deployment.stack)
    return deployment.stack


def not_of_the_person(stack: Stack) -> Versions:
    other_chain = versions(stack, f"raw/users/chain_id={person.OTHER_CHAIN}/")
    other_days = [found for day in (BEFORE, AFTER) for root in ("raw", "parquet") for found in of_day(stack, root, day)]
    return [*other_chain, *other_days, *versions(stack, "manifests/"), *versions(stack, "quality/")]


def end_at_each_deletion(stack: Stack, erase: Eraser) -> int:
    """Let each run get one deletion further; every second deletion that it ends at is carried out all the same."""
    rounds, code = 0, 1
    while code:
        stack.wire.clear()
        stack.wire.fail("DeleteObjects", faults.error(403, "AccessDenied", forwarded=rounds % 2 == 0), nth=2)
        code, said = erase("--yes")
        assert code == 0 or "S3 refuses to delete a version" in said
        rounds += 1
    return rounds


def test_an_erasure_that_ends_at_any_call_is_finished_by_repeating_it(
    week: Stack, erase: Eraser, tmp_path: Path
) -> None:
    before, not_theirs = versions(week), not_of_the_person(week)
    assert len(exports_with(week, MARK.encode())) == 6
    code, plan = erase()
    assert (code, "Nothing was changed" in plan, versions(week)) == (0, True, before)

    killed(week, tmp_path, "PutObject", f"parquet/users/chain_id={CHAIN}/dt={TWICE}")
    assert list(tmp_path.iterdir()) == []  # no file with users is left on this disk
    assert (of_day(week, "raw", WITH), len(of_day(week, "parquet", TWICE))) == ([], 3)
    assert [record.finished_at for record in records(week)] == [None]
    assert end_at_each_deletion(week, erase) > 3

    assert [of_day(week, "raw", day) for day in WHOLE] == [[]] * 4
    assert exports_with(week, MARK.encode()) == exports_with(week, str(PERSON).encode()) == []
    assert [state(week, day) for day in WHOLE] == [State.ERASED] * 4
    assert [state(week, day) for day in (BEFORE, REPLACED, AFTER)] == [State.COMPLETE] * 3
    assert [len(of_day(week, "parquet", day)) for day in (*WHOLE, REPLACED)] == [1, 1, 0, 1, 1]
    assert (typed_ids(week, WITH), typed_ids(week, TWICE)) == (list(OTHERS), [*OTHERS, 2000])
    assert (of_day(week, "pending", HELD), versions(week, "athena-results/")) == ([], [])
    assert not_of_the_person(week) == not_theirs
    (record,) = records(week)
    assert (record.finished_at is None, record.dates) == (False, frozenset(WHOLE))

    after = versions(week)
    code, answer = erase("--yes", "--json")
    assert (code, json.loads(answer)["proved"], json.loads(answer)["days"]) == (0, True, [])
    assert versions(week) == after
    said = "".join(erase.printed) + everything(week, lambda key: not key.startswith(("raw/", "parquet/")))
    assert not [text for text in (str(PERSON), MARK) if text in said]


def test_today_waits_for_spaaza_and_the_hourly_run_leaves_an_erased_yesterday_alone(
    deployment: Deployed, erase: Eraser, capsys: pytest.CaptureFixture[str]
) -> None:
    stack, today = deployment.stack, datetime.now(UTC).date()
    yesterday, with_person = today - timedelta(days=1), person.csv_of((*OTHERS, PERSON))
    for day in (yesterday, today):
        person.take(stack, day, with_person)
        person.type_copy(stack, day)
    damaged = f"erasures/users/chain_id={CHAIN}/20261101T080000Z-1.json"  # of another erasure: it stops none
    stack.s3.put_object(Bucket=stack.bucket, Key=damaged, Body=b"{}")
    there = versions(stack)
    stack.wire.fail("PutObject", DENIED, key_contains="erasures/")
    assert (erase("--yes")[0], versions(stack)) == (1, there)  # nothing goes without a record

    code, said = erase("--yes")
    assert (code, f"Today's export ({today}) holds them too" in said, "Proved" in said) == (1, True, False)
    assert [record.finished_at for record in records(stack)] == [None]  # status and doctor still say so
    assert (state(stack, yesterday), state(stack, today)) == (State.ERASED, State.COMPLETE)

    asked = len(stack.spaaza.requests)
    noon = datetime.combine(today, time(12), UTC)
    hourly = {"chain_id": CHAIN, "scheduled_time": noon.isoformat()}
    assert invoke(stack, hourly, held=HeldClock(noon))["status"] == "already_complete"
    measured = capsys.readouterr().out
    assert (len(stack.spaaza.requests), state(stack, yesterday)) == (asked, State.ERASED)
    assert not [name for name in ("TailsUndone", "DamagedManifests", "SnapshotsFailed") if name in measured]

    person.take(stack, today, person.csv_of(OTHERS), force=True)
    code, said = erase("--yes")
    assert (code, "Proved:" in said) == (0, True)
    assert (len(of_day(stack, "raw", today)), state(stack, today)) == (1, State.COMPLETE)
    assert all(record.finished_at for record in records(stack))


def test_what_cannot_be_read_is_never_called_clean(deployment: Deployed, erase: Eraser) -> None:
    stack = deployment.stack
    keys = [f"raw/users/chain_id={CHAIN}/dt=2026-11-20/users.csv.gz", f"parquet/users/chain_id={CHAIN}/dt=2026-11-19/x"]
    put = [stack.s3.put_object(Bucket=stack.bucket, Key=key, Body=f"{MARK}{PERSON}".encode()) for key in keys]
    code, said = erase("--yes")
    assert (code, "Proved" in said) == (1, False)
    assert all(f"Nobody can say who is in {key}" in said for key in keys)
    assert str(PERSON) not in said
    assert erase("--yes", chain=1734) == (
        2,
        "InvalidRequest There is nothing of this chain: 1734. The bucket has chains: 1743.\n",
    )
    for key, version in zip(keys, put, strict=True):
        stack.s3.delete_object(Bucket=stack.bucket, Key=key, VersionId=version["VersionId"])
    person.take(stack, WITH, person.csv_of(OTHERS))
    assert erase("--yes")[0] == 0


def test_ids_that_have_no_record_in_any_export_are_counted_and_not_named(deployment: Deployed, erase: Eraser) -> None:
    person.take(deployment.stack, BEFORE, person.csv_of(OTHERS))
    person.take(deployment.stack, WITH, person.csv_of((*OTHERS, PERSON)))
    ids = f"{PERSON + 1}\n{OTHERS[0]}\n{PERSON}"
    warning = "1 of 3 ids has no record in any export: check that it is the column ID, not Spaaza User ID."
    assert warning in " ".join(erase(ids=ids)[1].split())
    said = json.loads(erase("--json", ids=ids)[1])
    assert (said["ids"], said["ids_without_record"]) == (3, 1)
    assert warning in " ".join(erase("--yes", ids=ids)[1].split())
    _, said = erase("--yes", ids=ids)  # nobody is left of them
    assert "3 of 3 ids have no record in any export: check that they are the column ID" in " ".join(said.split())
    assert str(PERSON) not in "".join(erase.printed)
