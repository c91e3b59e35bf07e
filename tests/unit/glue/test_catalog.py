"""What Athena is told of the snapshots, and that telling it again never takes anything away."""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from datetime import date
from string import Template
from threading import Barrier, Lock
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

import boto3
import pytest
from botocore.config import Config

from sandbox.aws.moto import MotoAws
from sandbox.spaaza.users import HEADER
from sandbox.wire import faults
from sandbox.wire.faults import Exchange, Fault
from sandbox.wire.proxy import Answer
from sandbox.wire.wire import EVERY_TIME, Wire
from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.glue.catalog import CatalogChange, GlueCatalog
from spaaza_snapshots.glue.tables import MANIFEST_COLUMNS
from spaaza_snapshots.model.columns import KNOWN, PARTITION_KEYS, columns_of
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.model.snapshot_id import SnapshotId

if TYPE_CHECKING:
    from types_boto3_glue import GlueClient
    from types_boto3_glue.type_defs import TableTypeDef

DATABASE = "spaaza"
TABLES = ("users", "users_csv", "snapshots", "users_quality")
CHAINS = (1743, 1783)
DAY = date(2026, 11, 22)

Ensure = Callable[..., CatalogChange]


@pytest.fixture
def wire(moto_aws: MotoAws) -> Iterator[Wire]:
    with Wire({"aws": moto_aws.endpoint_url}) as opened:
        yield opened


@pytest.fixture
def glue(moto_aws: MotoAws) -> "GlueClient":
    """A client that goes past the wire, for the eyes and hands of the test."""
    moto_aws.create_database(DATABASE)
    return moto_aws.client("glue")


@pytest.fixture
def ensure(wire: Wire, glue: "GlueClient") -> Iterator[Ensure]:
    client = boto3.client(
        "glue",
        endpoint_url=wire.url("aws"),
        region_name=MotoAws.region,
        aws_access_key_id="moto",
        aws_secret_access_key="moto",
        config=Config(retries={"total_max_attempts": 2, "mode": "standard"}),
    )

    def ensure_tables(
        *header: str, chains: tuple[int, ...] = CHAINS, day: date = DAY, database: str = DATABASE
    ) -> CatalogChange:
        return GlueCatalog(client, database, "snapshots", chains).ensure_tables(columns_of(header or HEADER), day)

    yield ensure_tables
    client.close()


def table(glue: "GlueClient", name: str) -> "TableTypeDef":
    return glue.get_table(DatabaseName=DATABASE, Name=name)["Table"]


def tables(glue: "GlueClient") -> list["TableTypeDef"]:
    return [table(glue, name) for name in TABLES]


def types(glue: "GlueClient", name: str) -> dict[str, str]:
    columns = table(glue, name)["StorageDescriptor"]["Columns"]
    assert len({column["Name"] for column in columns}) == len(columns)
    return {column["Name"]: column["Type"] for column in columns}


def names(glue: "GlueClient", name: str) -> list[str]:
    return list(types(glue, name))


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

    def fault(exchange: Exchange) -> Answer | None:
        asked = json.loads(exchange.request.body)
        with lock:
            if asked["VersionId"] != table(glue, asked["TableInput"]["Name"])["VersionId"]:
                return faults.error(400, "ConcurrentModificationException")(exchange)
            return exchange.forward()

    return fault


def one_at_a_time() -> Fault:
    """Add the other thing that the server lacks: of two creations at once, one comes first."""
    lock = Lock()

    def fault(exchange: Exchange) -> Answer | None:
        with lock:
            return exchange.forward()

    return fault


# --- Created --------------------------------------------------------------------------------------------------------


def test_users_has_the_documented_columns_typed_then_the_unknown_ones_then_the_cast_errors(
    ensure: Ensure, glue: "GlueClient"
) -> None:
    ensure("Shoe size", *HEADER, "Hat size")
    assert list(types(glue, "users").items()) == [
        *KNOWN.values(),
        ("shoe_size", "string"),
        ("hat_size", "string"),
        ("_cast_errors", "string"),
    ]


def test_users_has_every_documented_column_whatever_the_first_export_lacks(ensure: Ensure, glue: "GlueClient") -> None:
    ensure("ID", "Influencer")
    assert names(glue, "users") == [*dict(KNOWN.values()), "_cast_errors"]


DOCUMENTED = [athena_name for athena_name, _ in KNOWN.values()]


@pytest.mark.parametrize(
    ("header", "appended", "conforms"),
    [
        (HEADER, [], True),
        ((*HEADER, "Shoe size", "Hat size"), ["shoe_size", "hat_size"], True),
        (HEADER[:10], [], True),
        ((*HEADER[::-1], "Shoe size"), [], False),
        (("Shoe size", *HEADER), [], False),
        ((*HEADER[:5], *HEADER[6:], "Shoe size"), [], False),
    ],
    ids=["as documented", "appended", "cut short", "reordered", "inserted", "removed"],
)
def test_users_csv_begins_with_the_documented_columns_all_strings_whatever_the_first_header(
    header: tuple[str, ...], appended: list[str], conforms: bool, ensure: Ensure, glue: "GlueClient"
) -> None:
    change = ensure(*header)
    assert list(types(glue, "users_csv").items()) == [(name, "string") for name in [*DOCUMENTED, *appended]]
    assert change.added["users_csv"] == (*DOCUMENTED, *appended)
    assert change.raw_conforms is conforms


def test_a_documented_header_after_another_one_finds_its_columns(ensure: Ensure, glue: "GlueClient") -> None:
    ensure(*HEADER[::-1])
    assert ensure(*HEADER, "Shoe size") == CatalogChange(
        added={"users": ("shoe_size",), "users_csv": ("shoe_size",)}, raw_conforms=True
    )


def test_raw_values_are_read_with_quotes_without_a_backslash_and_without_the_header(
    ensure: Ensure, glue: "GlueClient"
) -> None:
    ensure()
    raw = table(glue, "users_csv")
    assert raw["StorageDescriptor"]["SerdeInfo"] == {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde",
        "Parameters": {"separatorChar": ",", "quoteChar": '"', "escapeChar": "\x01"},
    }
    assert raw["Parameters"]["skip.header.line.count"] == "1"


def test_every_table_is_external_and_names_the_reader_of_its_format(ensure: Ensure, glue: "GlueClient") -> None:
    ensure()
    assert {found["TableType"] for found in tables(glue)} == {"EXTERNAL_TABLE"}
    readers = [found["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"] for found in tables(glue)]
    assert [reader.rpartition(".")[2] for reader in readers] == [
        "ParquetHiveSerDe",
        "OpenCSVSerde",
        "JsonSerDe",
        "JsonSerDe",
    ]


def test_a_column_keeps_the_name_that_spaaza_gave_it_in_its_comment(ensure: Ensure, glue: "GlueClient") -> None:
    name_in_spaaza = "Taille (été)\nEU"
    (column,) = columns_of([name_in_spaaza])
    ensure(*HEADER, name_in_spaaza)
    for name in ("users", "users_csv"):
        columns = table(glue, name)["StorageDescriptor"]["Columns"]
        comments = {column["Name"]: column["Comment"] for column in columns}
        assert comments["email_username"] == "email (username)"
        assert comments[column.athena_name] == "Taille (été) EU"


def test_a_long_name_is_cut_to_255_bytes_of_whole_characters(ensure: Ensure, glue: "GlueClient") -> None:
    ensure(*HEADER, "é" * 300)
    column = table(glue, "users_csv")["StorageDescriptor"]["Columns"][-1]
    assert column["Comment"] == "é" * 127


@pytest.mark.parametrize("name", TABLES)
def test_columns_are_plain_lower_case_and_never_a_partition_key(name: str, ensure: Ensure, glue: "GlueClient") -> None:
    ensure("Chain ID", "dt", *HEADER)
    assert [key["Name"] for key in table(glue, name)["PartitionKeys"]] == list(PARTITION_KEYS)
    assert not set(PARTITION_KEYS) & set(names(glue, name))
    assert all(re.fullmatch("_?[a-z][a-z0-9_]*", column) for column in names(glue, name))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("users", "parquet_key"),
        ("users_csv", "raw_key"),
        ("snapshots", "manifest_key"),
        ("users_quality", "quality_key"),
    ],
)
def test_the_projected_partitions_are_the_folders_that_are_written(
    name: str, key: str, ensure: Ensure, glue: "GlueClient"
) -> None:
    ensure()
    found = table(glue, name)
    template = Template(found["Parameters"]["storage.location.template"])
    chains = found["Parameters"]["projection.chain_id.values"].split(",")
    projected = [template.substitute(chain_id=chain, dt=DAY.isoformat()) for chain in chains]
    written = [f"s3://snapshots/{getattr(SnapshotId(chain, DAY), key)}" for chain in CHAINS]
    assert [f"{location.rpartition('/')[0]}/" for location in written] == projected
    assert all(folder.startswith(found["StorageDescriptor"]["Location"]) for folder in projected)


@pytest.mark.parametrize("name", TABLES)
def test_the_projection_is_complete(name: str, ensure: Ensure, glue: "GlueClient") -> None:
    ensure()
    parameters = table(glue, name)["Parameters"]
    assert {key: value for key, value in parameters.items() if key.startswith("projection.")} == {
        "projection.enabled": "true",
        "projection.chain_id.type": "enum",
        "projection.chain_id.values": "1743,1783",
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.dt.range": "2026-11-22,NOW+1DAYS",
        "projection.dt.interval": "1",
        "projection.dt.interval.unit": "DAYS",
    }


# --- The manifest as a row ------------------------------------------------------------------------------------------


def hive_type(annotation: Any) -> str:
    """Return the type of the JSON that a field becomes; what may be null has the type of what it is otherwise."""
    (*options,) = (option for option in get_args(annotation) if option not in (NoneType, Ellipsis))
    if is_dataclass(annotation):
        hints = get_type_hints(annotation)
        return f"struct<{','.join(f'{each.name}:{hive_type(hints[each.name])}' for each in fields(annotation))}>"
    if get_origin(annotation) is tuple:
        return f"array<{hive_type(options[0])}>"
    return hive_type(options[0]) if options else {str: "string", int: "bigint", bool: "boolean"}[annotation]


def test_snapshots_reads_every_field_of_a_manifest_but_the_partition_key() -> None:
    hints = get_type_hints(Manifest)
    expected = {field.name: hive_type(hints[field.name]) for field in fields(Manifest) if field.name != "chain_id"}
    assert expected == MANIFEST_COLUMNS


def test_snapshots_has_every_documented_field(ensure: Ensure, glue: "GlueClient") -> None:
    ensure()
    inner = {name: re.findall(r"(\w+):", athena_type) for name, athena_type in types(glue, "snapshots").items()}
    assert inner == {
        "manifest_version": [],
        "producer": ["name", "version"],
        "run_id": [],
        "dataset": [],
        "environment": [],
        "snapshot_date": [],
        "header": [],
        "columns": ["position", "name", "athena_name", "athena_type"],
        "row_count": [],
        "rows_with_line_breaks": [],
        "raw": [
            *("bucket", "key", "version_id", "etag", "gzip_bytes", "csv_bytes", "sha256"),
            *("checksum_algorithm", "checksum", "parts", "gzip_members"),
        ],
        "header_changes": ["previous_date", "added", "removed", "reordered"],
        "checks": ["name", "required", "passed", "notes"],
        "source": ["url", "content_type", "content_disposition", "attempts"],
        "requested_at": [],
        "started_at": [],
        "first_byte_at": [],
        "completed_at": [],
    }


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
