"""What Athena is told of the snapshots the first time."""

import re
from dataclasses import fields, is_dataclass
from string import Template
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

import pytest

from sandbox.spaaza.users import HEADER
from spaaza_snapshots.glue.catalog import CatalogChange
from spaaza_snapshots.glue.tables import MANIFEST_COLUMNS
from spaaza_snapshots.model.columns import KNOWN, PARTITION_KEYS, columns_of
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.model.snapshot_id import SnapshotId

if TYPE_CHECKING:
    from types_boto3_glue import GlueClient
from tests.support.catalog import CHAINS, DAY, TABLES, Ensure, names, table, tables, types

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
