"""What `snapshot_status` says of a chain, in each state that its last days can be in."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta

import pytest

from sandbox.athena.check import documented_tables
from sandbox.athena.saved_queries import saved_queries
from sandbox.athena.warehouse import Warehouse

TODAY = date(2026, 11, 22)
SQL = {query.name: query.sql for query in saved_queries()}


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    with closing(Warehouse(documented_tables(), TODAY.isoformat())) as opened:
        for view in ("users_latest", "snapshot_status"):
            opened.ask(SQL[view])
        yield opened


def commit(warehouse: Warehouse, days_ago: int, run_id: str = "run") -> None:
    day = (TODAY - timedelta(days=days_ago)).isoformat()
    warehouse.ask(f"INSERT INTO snapshots (chain_id, dt, run_id, row_count) VALUES ('1743', '{day}', '{run_id}', 100)")


def convert(warehouse: Warehouse, days_ago: int, run_id: str = "run", rejected: int = 0) -> None:
    day = (TODAY - timedelta(days=days_ago)).isoformat()
    warehouse.ask(
        "INSERT INTO users_quality (chain_id, dt, run_id, row_count, rejected_rows)"
        f" VALUES ('1743', '{day}', '{run_id}', 100, {rejected})"
    )
    warehouse.ask(f"INSERT INTO users (chain_id, dt, id) VALUES ('1743', '{day}', 1)")


def status(warehouse: Warehouse) -> tuple[str, str | None, str, str]:
    """Return last day, shown day, state and reason, after a look at what `users_latest` shows in truth."""
    (row,) = warehouse.ask("SELECT * FROM snapshot_status")
    shown = [found["dt"] for found in warehouse.ask("SELECT dt FROM users_latest")]
    assert shown == [day for day in [row["shown_in_users_latest"]] if day]
    return row["last_snapshot"], row["shown_in_users_latest"], row["state"], row["reason"]


@pytest.mark.parametrize("days_ago", [-1, 0, 1])
def test_a_typed_day_is_current_until_the_day_after(warehouse: Warehouse, days_ago: int) -> None:
    commit(warehouse, days_ago)
    convert(warehouse, days_ago)
    day = (TODAY - timedelta(days=days_ago)).isoformat()
    assert status(warehouse) == (day, day, "current", "")


def test_a_day_without_its_typed_copy_leaves_the_one_before(warehouse: Warehouse) -> None:
    for days_ago in (0, 1):
        commit(warehouse, days_ago)
    convert(warehouse, 1)
    assert status(warehouse) == (
        "2026-11-22",
        "2026-11-21",
        "no typed copy",
        "the last snapshot has no typed copy",
    )


def test_a_typed_copy_of_a_replaced_snapshot_does_not_count(warehouse: Warehouse) -> None:
    commit(warehouse, 0, "second")
    convert(warehouse, 0, "first")
    last, shown, state, reason = status(warehouse)
    assert (last, shown, state) == ("2026-11-22", None, "no typed copy")
    assert reason.endswith("users_latest shows nothing, because no sound day is at most 7 days old")


@pytest.mark.parametrize(("rejected", "state"), [(10, "current"), (11, "unfit")])
def test_a_day_of_which_more_than_a_tenth_could_not_be_read_is_unfit(
    warehouse: Warehouse, rejected: int, state: str
) -> None:
    commit(warehouse, 0)
    convert(warehouse, 0, rejected=rejected)
    told = status(warehouse)
    assert told[2] == state
    assert ("11 records of the last snapshot could not be read" in told[3]) == (state == "unfit")


def test_days_without_a_snapshot_are_counted(warehouse: Warehouse) -> None:
    commit(warehouse, 3)
    convert(warehouse, 3)
    reason = "no snapshot for 3 days: it is missing, held or damaged"
    assert status(warehouse) == ("2026-11-19", "2026-11-19", "missing", reason)


def test_an_empty_users_latest_says_why(warehouse: Warehouse) -> None:
    commit(warehouse, 8)
    convert(warehouse, 8)
    last, shown, state, reason = status(warehouse)
    assert (last, shown, state) == ("2026-11-14", None, "missing")
    assert reason.startswith("no snapshot for 8 days: ")
    assert reason.endswith("users_latest shows nothing, because no sound day is at most 7 days old")


def test_a_chain_without_a_snapshot_in_ninety_days_has_no_row(warehouse: Warehouse) -> None:
    commit(warehouse, 91)
    assert not warehouse.ask("SELECT * FROM snapshot_status")


@pytest.mark.parametrize("rejected", [10, 11])
def test_opt_ins_are_counted_on_a_day_of_which_at_most_a_tenth_could_not_be_read(
    warehouse: Warehouse, rejected: int
) -> None:
    convert(warehouse, 0, rejected=rejected)
    found = warehouse.ask(SQL["opt_ins_by_country"])
    assert [row["users"] for row in found] == ([1] if rejected == 10 else [])
