"""The Glue tables that Athena queries: created once, and from then on only ever widened.

An update never removes, renames, retypes or moves what is there, be it ours or added by hand. Any number of runs may
keep the same tables at once: each update names the version it was made from, and begins again where that has passed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from botocore.exceptions import ClientError
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential

from spaaza_snapshots import keys
from spaaza_snapshots.aws_errors import code_of, storage_errors
from spaaza_snapshots.columns import CAST_ERRORS, KNOWN, PARTITION_KEYS, Column

if TYPE_CHECKING:
    from botocore.model import StructureShape
    from types_boto3_glue import GlueClient
    from types_boto3_glue.type_defs import ColumnOutputTypeDef, TableInputTypeDef, TableTypeDef

    GlueColumns: TypeAlias = Sequence[ColumnOutputTypeDef]

_COMMENT_BYTES: Final = 255  # Glue, API_Column: Comment, "Maximum length of 255"
_RACE_ATTEMPTS: Final = 5
_RACES: Final = ("AlreadyExistsException", "ConcurrentModificationException")
_CHAINS: Final = "projection.chain_id.values"
_DATES: Final = "projection.dt.range"


@dataclass(frozen=True, slots=True)
class Format:
    """How the objects of a table are read: Hive's classes with their parameters, and those of the table."""

    serde: str
    table_parameters: Mapping[str, str]
    serde_parameters: Mapping[str, str] = field(default_factory=dict)
    input_format: str = "org.apache.hadoop.mapred.TextInputFormat"
    output_format: str = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"


PARQUET: Final = Format(
    serde="org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
    table_parameters={"classification": "parquet"},
    input_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    output_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
)
CSV: Final = Format(
    serde="org.apache.hadoop.hive.serde2.OpenCSVSerde",
    table_parameters={"classification": "csv", "compressionType": "gzip", "skip.header.line.count": "1"},
    # An escape character that no export holds: the default, a backslash, would eat those in the data.
    serde_parameters={"separatorChar": ",", "quoteChar": '"', "escapeChar": "\u0001"},
)
JSON: Final = Format(serde="org.apache.hive.hcatalog.data.JsonSerDe", table_parameters={"classification": "json"})


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the catalog; `root` is where in the bucket its partitions begin."""

    name: str
    root: str
    format: Format
    description: str


USERS: Final = Table("users", keys.PARQUET_ROOT, PARQUET, "Typed: the table to query. Derived from users_csv.")
USERS_CSV: Final = Table("users_csv", keys.RAW_ROOT, CSV, "As received; a line break in a field breaks its row here.")
SNAPSHOTS: Final = Table("snapshots", keys.MANIFESTS_ROOT, JSON, "The manifests: what was proved of each snapshot.")
USERS_QUALITY: Final = Table("users_quality", keys.QUALITY_ROOT, JSON, "What did not fit into the types of users.")

MANIFEST_COLUMNS: Final[Mapping[str, str]] = {
    "manifest_version": "string",
    "producer": "struct<name:string,version:string>",
    "run_id": "string",
    "dataset": "string",
    "environment": "string",
    "snapshot_date": "string",
    "header": "array<string>",
    "columns": "array<struct<position:bigint,name:string,athena_name:string,athena_type:string>>",
    "row_count": "bigint",
    "rows_with_line_breaks": "bigint",
    "raw": "struct<bucket:string,key:string,version_id:string,etag:string,gzip_bytes:bigint,csv_bytes:bigint,"
    "sha256:string,checksum_algorithm:string,checksum:string,parts:bigint,gzip_members:bigint>",
    "header_changes": "struct<previous_date:string,added:array<string>,removed:array<string>,reordered:boolean>",
    "checks": "array<struct<name:string,required:boolean,passed:boolean,notes:string>>",
    "source": "struct<url:string,content_type:string,content_disposition:string,attempts:bigint>",
    "requested_at": "string",
    "started_at": "string",
    "first_byte_at": "string",
    "completed_at": "string",
}
"""The fields of a manifest but for `chain_id`, which is a partition key; instants stay ISO 8601 text."""

QUALITY_COLUMNS: Final[Mapping[str, str]] = {
    "run_id": "string",
    "row_count": "bigint",
    "parquet_rows": "bigint",
    "rejected_rows": "bigint",
    "cast_errors": "array<struct<column:string,count:bigint>>",
    "rejects": "array<struct<record:bigint,reason:string>>",
    "completed_at": "string",
}


@dataclass(frozen=True, slots=True)
class CatalogChange:
    """What `ensure_tables` did: by table, the names of the columns it gained, which are all of them in a new one.

    `raw_conforms` is False where the header goes another way than `users_csv`: that table then stays as it is, and
    shows this export's values in the wrong columns.
    """

    added: Mapping[str, tuple[str, ...]]
    raw_conforms: bool


class GlueCatalog:
    """The tables of one database over one bucket, for the chains that are configured."""

    def __init__(self, glue: "GlueClient", database: str, bucket: str, chain_ids: Sequence[int]) -> None:
        self._glue = glue
        self._database = database
        self._bucket = bucket
        self._chains = [str(chain_id) for chain_id in chain_ids]

    def ensure_tables(self, columns: Sequence[Column], snapshot_date: date) -> CatalogChange:
        """Make the tables show a snapshot with these columns on this date; safe to repeat.

        Where they already do, each costs one GetTable. Raises `StorageError`, naming the table that failed.
        """
        gains: dict[str, tuple[str, ...] | None] = {}
        for table, wanted in _wanted(columns):
            with storage_errors(f"bringing the Glue table {self._database}.{table.name} up to date"):
                gains[table.name] = self._ensure(table, wanted, snapshot_date)
        added = {name: gained for name, gained in gains.items() if gained}
        return CatalogChange(added, raw_conforms=gains[USERS_CSV.name] is not None)

    @retry(
        retry=retry_if_exception(lambda error: isinstance(error, ClientError) and code_of(error) in _RACES),
        stop=stop_after_attempt(_RACE_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.05, max=1),
        reraise=True,
    )
    def _ensure(self, table: Table, wanted: "GlueColumns", snapshot_date: date) -> tuple[str, ...] | None:
        """Return the columns that the table gained, or None where it cannot show the wanted ones and was left alone."""
        found = self._find(table)
        if found is None:
            new_table = _new_table(table, f"s3://{self._bucket}/{table.root}", wanted, self._chains, snapshot_date)
            self._glue.create_table(DatabaseName=self._database, TableInput=new_table)
            return _names(wanted)
        present = found["StorageDescriptor"]["Columns"]
        if table.format is CSV and not _agree_by_position(present, wanted):
            return None
        missing = [column for column in wanted if column["Name"] not in _names(present)]
        parameters = _widened(found.get("Parameters", {}), self._chains, snapshot_date)
        if missing or parameters != found.get("Parameters", {}):
            found["StorageDescriptor"]["Columns"] = [*present, *missing]
            found["Parameters"] = parameters
            self._update(found)
        return _names(missing)

    def _find(self, table: Table) -> "TableTypeDef | None":
        try:
            return self._glue.get_table(DatabaseName=self._database, Name=table.name)["Table"]
        except self._glue.exceptions.EntityNotFoundException:
            return None

    def _update(self, changed: "TableTypeDef") -> None:
        """Put back all that UpdateTable takes of what GetTable gave, for it replaces the whole table."""
        members = cast("StructureShape", self._glue.meta.service_model.shape_for("TableInput")).members
        table_input = cast("TableInputTypeDef", {name: value for name, value in changed.items() if name in members})
        self._glue.update_table(DatabaseName=self._database, TableInput=table_input, VersionId=changed["VersionId"])


def _wanted(columns: Sequence[Column]) -> Iterator[tuple[Table, "GlueColumns"]]:
    documented = {athena_name: (athena_type, name) for name, (athena_name, athena_type) in KNOWN.items()}
    exported = {column.athena_name: (column.athena_type, column.name) for column in columns}
    own = {CAST_ERRORS: ("string", "Values that did not fit their type, as column=value; NULL without any")}
    yield USERS, [_glue_column(name, *rest) for name, rest in (documented | exported | own).items()]
    yield USERS_CSV, [_glue_column(column.athena_name, "string", column.name) for column in columns]
    yield SNAPSHOTS, [_glue_column(name, athena_type) for name, athena_type in MANIFEST_COLUMNS.items()]
    yield USERS_QUALITY, [_glue_column(name, athena_type) for name, athena_type in QUALITY_COLUMNS.items()]


def _glue_column(name: str, athena_type: str, comment: str = "") -> "ColumnOutputTypeDef":
    """Return one column; its comment is cut to what Glue takes: whole characters, none of them a line break."""
    line = re.sub(r"[^\t\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", " ", comment)
    return {"Name": name, "Type": athena_type, "Comment": line.encode()[:_COMMENT_BYTES].decode(errors="ignore")}


def _new_table(
    table: Table, location: str, columns: "GlueColumns", chains: Sequence[str], snapshot_date: date
) -> "TableInputTypeDef":
    return {
        "Name": table.name,
        "Description": table.description,
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [_glue_column(key, "string") for key in PARTITION_KEYS],
        "Parameters": _parameters(table, location, chains, snapshot_date),
        "StorageDescriptor": {
            "Columns": columns,
            "Location": location,
            "InputFormat": table.format.input_format,
            "OutputFormat": table.format.output_format,
            "SerdeInfo": {"SerializationLibrary": table.format.serde, "Parameters": table.format.serde_parameters},
        },
    }


def _parameters(table: Table, location: str, chains: Sequence[str], snapshot_date: date) -> dict[str, str]:
    """Tell Athena where the partitions lie, so that none is registered: one day ahead, since its NOW is UTC."""
    return {
        "EXTERNAL": "TRUE",
        **table.format.table_parameters,
        "projection.enabled": "true",
        "projection.chain_id.type": "enum",
        _CHAINS: ",".join(chains),
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        _DATES: f"{snapshot_date.isoformat()},NOW+1DAYS",
        "projection.dt.interval": "1",
        "projection.dt.interval.unit": "DAYS",
        "storage.location.template": f"{location}chain_id=${{chain_id}}/dt=${{dt}}/",
    }


def _widened(parameters: Mapping[str, str], chains: Sequence[str], snapshot_date: date) -> dict[str, str]:
    """Return parameters whose projection reaches these chains and this date; one made otherwise by hand stays."""
    widened = dict(parameters)
    if _CHAINS in widened:
        widened[_CHAINS] = ",".join(dict.fromkeys([*widened[_CHAINS].split(","), *chains]))
    start, _, end = widened.get(_DATES, "").partition(",")
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", start) and snapshot_date.isoformat() < start:
        widened[_DATES] = f"{snapshot_date.isoformat()},{end}"
    return widened


def _names(columns: "GlueColumns") -> tuple[str, ...]:
    return tuple(column["Name"].lower() for column in columns)


def _agree_by_position(present: "GlueColumns", wanted: "GlueColumns") -> bool:
    """Tell whether one continues the other: where an export has fewer columns, the last ones read as NULL."""
    return all(mine == yours for mine, yours in zip(_names(present), _names(wanted), strict=False))
