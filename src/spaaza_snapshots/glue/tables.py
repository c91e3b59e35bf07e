"""The tables as they are declared: where their objects lie, how these are read, and the columns of the JSON ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from spaaza_snapshots.model import keys


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
