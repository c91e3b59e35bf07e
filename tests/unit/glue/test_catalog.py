"""Telling Athena of the snapshots again takes nothing away: neither what another run added nor what is made by hand."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier, Lock
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.spaaza.users import HEADER
from sandbox.wire import faults
from sandbox.wire.faults import Exchange, Fault
from sandbox.wire.proxy import HttpAnswer
from sandbox.wire.wire import EVERY_TIME, Wire
from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.glue.catalog import CatalogChange
from spaaza_snapshots.model.columns import KNOWN

if TYPE_CHECKING:
    from types_boto3_glue import GlueClient
from tests.support.catalog import CHAINS, DATABASE, TABLES, Ensure, names, table, tables


def change_by_hand(glue: "GlueClient", name: str, change: Callable[[Any], object]) -> None:
    """Do what an engineer does in the console."""
    found = table(glue, name)
    kept = ("Name", "Description", "Retention", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters")
    table_input: Any = {member: value for member, value in found.items() if member in kept}
    change(table_input)
    glue.update_table(DatabaseName=DATABASE, TableInput=table_input)


def refusing_stale_versions(glue: "GlueClient") -> Fault:
    """Add to the server what AWS has and it lacks: an update of a version that has passed is refused."""
    lock = Lock()

    def fault(exchange: Exchange) -> HttpAnswer | None:
        asked = json.loads(exchange.request.body)
        with lock:
            if asked["VersionId"] != table(glue, asked["TableInput"]["Name"])["VersionId"]:
                return faults.error(400, "ConcurrentModificationException")(exchange)
            return exchange.forward()

    return fault


def one_at_a_time() -> Fault:
    """Add the other thing that the server lacks: of two creations at once, one comes first."""
    lock = Lock()

    def fault(exchange: Exchange) -> HttpAnswer | None:
        with lock:
            return exchange.forward()

    return fault


# --- Ensured again --------------------------------------------------------------------------------------------------


def test_a_first_run_reports_all_columns_as_added(ensure: Ensure, glue: "GlueClient") -> None:
    change = ensure()
    assert change.raw_conforms
    assert {name: list(added) for name, added in change.added.items()} == {name: names(glue, name) for name in TABLES}


def test_where_nothing_changes_each_table_is_read_once_and_none_is_written(ensure: Ensure, wire: Wire) -> None:
    ensure()
    wire.clear()
    assert ensure(day=date(2026, 11, 23)) == CatalogChange(added={}, raw_conforms=True)
    assert [(call.operation, call.detail) for call in wire.calls] == [("GetTable", name) for name in TABLES]


def test_a_column_appended_by_spaaza_is_appended_to_both_user_tables(ensure: Ensure, glue: "GlueClient") -> None:
    ensure()
    before = {name: names(glue, name) for name in TABLES}
    assert ensure(*HEADER, "Shoe size").added == {"users": ("shoe_size",), "users_csv": ("shoe_size",)}
    assert names(glue, "users") == [*before["users"], "shoe_size"]
    assert names(glue, "users_csv") == [*before["users_csv"], "shoe_size"]
    assert names(glue, "snapshots") == before["snapshots"]


def test_columns_that_spaaza_stops_sending_at_the_end_stay(ensure: Ensure, glue: "GlueClient") -> None:
    ensure(*HEADER, "Shoe size")
    before = tables(glue)
    assert ensure(*HEADER[:-1]) == CatalogChange(added={}, raw_conforms=True)
    assert tables(glue) == before


@pytest.mark.parametrize(
    "header",
    [
        (*HEADER[1:], HEADER[0], "Shoe size"),
        (*HEADER[:5], "Shoe size", *HEADER[5:]),
        (*HEADER[:5], *HEADER[6:], "Shoe size"),
    ],
    ids=["reordered", "inserted", "removed"],
)
def test_a_header_that_goes_another_way_leaves_users_csv_alone_and_says_so(
    header: tuple[str, ...], ensure: Ensure, glue: "GlueClient"
) -> None:
    ensure()
    before = table(glue, "users_csv")
    change = ensure(*header, chains=(*CHAINS, 1900), day=date(2026, 11, 1))
    assert change == CatalogChange(added={"users": ("shoe_size",)}, raw_conforms=False)
    assert table(glue, "users_csv") == before


@pytest.mark.parametrize("name", TABLES)
def test_a_new_chain_is_added_and_a_former_one_stays(name: str, ensure: Ensure, glue: "GlueClient") -> None:
    ensure()
    ensure(chains=(1900, 1783))
    assert table(glue, name)["Parameters"]["projection.chain_id.values"] == "1743,1783,1900"


@pytest.mark.parametrize("name", TABLES)
def test_an_earlier_snapshot_moves_the_first_date_back(name: str, ensure: Ensure, glue: "GlueClient") -> None:
    ensure()
    ensure(day=date(2026, 9, 30))
    assert table(glue, name)["Parameters"]["projection.dt.range"] == "2026-09-30,NOW+1DAYS"


# --- Changed by hand ------------------------------------------------------------------------------------------------


def test_an_update_keeps_what_was_added_by_hand(ensure: Ensure, glue: "GlueClient") -> None:
    def change(table_input: Any) -> None:
        table_input["Description"] = "Ask Ana"
        table_input["Retention"] = 30
        table_input["Parameters"]["owner"] = "ana"
        table_input["StorageDescriptor"]["Parameters"] = {"seen": "yes"}
        table_input["StorageDescriptor"]["Columns"][0] |= {"Comment": "the user", "Type": "string"}
        table_input["StorageDescriptor"]["Columns"].append({"Name": "Hand", "Type": "int"})

    ensure()
    change_by_hand(glue, "users", change)
    expected: Any = table(glue, "users")
    expected["StorageDescriptor"]["Columns"].append({"Name": "shoe_size", "Type": "string", "Comment": "Shoe size"})
    expected["Parameters"]["projection.chain_id.values"] = "1743,1783,1900"
    ensure(*HEADER, "Hand", "Shoe size", chains=(1900,))
    moving = {"VersionId", "UpdateTime"}
    assert {key: value for key, value in table(glue, "users").items() if key not in moving} == {
        key: value for key, value in expected.items() if key not in moving
    }


def test_a_projection_made_otherwise_by_hand_stays(ensure: Ensure, glue: "GlueClient") -> None:
    def change(table_input: Any) -> None:
        del table_input["Parameters"]["projection.chain_id.values"]
        table_input["Parameters"] |= {
            "projection.chain_id.type": "injected",
            "projection.dt.range": "NOW-30DAYS,NOW+1DAYS",
        }

    ensure()
    change_by_hand(glue, "users", change)
    before = table(glue, "users")
    ensure(chains=(1900,), day=date(2026, 1, 1))
    assert table(glue, "users") == before


# --- Several runs at once -------------------------------------------------------------------------------------------


def test_two_runs_that_add_different_columns_at_once_lose_neither(
    ensure: Ensure, glue: "GlueClient", wire: Wire
) -> None:
    ensure()
    both_have_read = Barrier(2)
    wire.fail("GetTable", faults.call(both_have_read.wait, when="after"), times=2, key_contains="users")
    wire.fail("UpdateTable", refusing_stale_versions(glue), times=EVERY_TIME)
    with ThreadPoolExecutor(2) as runs:
        changes = list(runs.map(lambda name: ensure(*HEADER, name), ["Shoe size", "Hat size"]))
    assert [change.added["users"] for change in changes] == [("shoe_size",), ("hat_size",)]
    assert set(names(glue, "users")[-2:]) == {"shoe_size", "hat_size"}
    # By position there is room for one of the two, and the other run is told.
    assert sorted(change.raw_conforms for change in changes) == [False, True]
    winner = next(change for change in changes if change.raw_conforms)
    assert names(glue, "users_csv")[68:] == list(winner.added["users_csv"])


def test_two_runs_that_create_a_table_at_once_both_find_their_columns(
    ensure: Ensure, glue: "GlueClient", wire: Wire
) -> None:
    both_have_read = Barrier(2)
    wire.fail("GetTable", faults.call(both_have_read.wait, when="after"), times=2, key_contains="users")
    wire.fail("CreateTable", one_at_a_time(), times=EVERY_TIME)
    wire.fail("UpdateTable", refusing_stale_versions(glue), times=EVERY_TIME)
    with ThreadPoolExecutor(2) as runs:
        list(runs.map(lambda name: ensure(*HEADER, name), ["Shoe size", "Hat size"]))
    refused = [call for call in wire.calls if call.operation == "CreateTable" and call.status == 400]
    assert "users" in {call.detail for call in refused}
    assert {"shoe_size", "hat_size"} < set(names(glue, "users"))


def test_a_table_whose_creation_was_answered_to_nobody_is_found(ensure: Ensure, glue: "GlueClient", wire: Wire) -> None:
    wire.fail("CreateTable", faults.lose_answer)
    assert ensure().raw_conforms
    assert names(glue, "users") == [*dict(KNOWN.values()), "_cast_errors"]


# --- Failed ---------------------------------------------------------------------------------------------------------


def test_a_race_that_is_never_won_ends_after_five_attempts(ensure: Ensure, wire: Wire) -> None:
    ensure()
    wire.clear()
    wire.fail("UpdateTable", faults.error(400, "ConcurrentModificationException"), times=EVERY_TIME)
    with pytest.raises(StorageError, match=r"spaaza\.users: .*ConcurrentModificationException"):
        ensure(*HEADER, "Shoe size")
    assert [call.operation for call in wire.calls] == ["GetTable", "UpdateTable"] * 5


@pytest.mark.parametrize("operation", ["GetTable", "CreateTable"])
def test_a_refusal_names_the_table_the_code_and_what_to_do(operation: str, ensure: Ensure, wire: Wire) -> None:
    wire.fail(operation, faults.error(400, "AccessDeniedException"), key_contains="snapshots")
    with pytest.raises(StorageError) as refused:
        ensure()
    assert "spaaza.snapshots" in refused.value.what
    assert "AccessDeniedException" in refused.value.detail
    assert "role" in refused.value.hint
    assert refused.value.__cause__ is not None


def test_a_missing_database_is_a_storage_error(ensure: Ensure) -> None:
    with pytest.raises(StorageError, match=r"elsewhere\.users: .*EntityNotFoundException"):
        ensure(database="elsewhere")


def test_a_glue_that_does_not_answer_is_a_storage_error(ensure: Ensure, wire: Wire) -> None:
    wire.fail("GetTable", faults.drop_request, times=EVERY_TIME)
    with pytest.raises(StorageError, match=r"spaaza\.users: .*ConnectionClosedError"):
        ensure()
