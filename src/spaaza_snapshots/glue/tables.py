"""The table declarations: where their objects are, how they are read, and the columns of the JSON tables."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

from spaaza_snapshots.model import keys
from spaaza_snapshots.model.columns import PARTITION_KEYS
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.model.quality import Quality


@dataclass(frozen=True, slots=True)
class Format:
    """How the objects of a table are read: Hive's classes with their parameters, and the table's parameters."""

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
    # An escape character that no export contains: the default, a backslash, would swallow backslashes in the data.
    serde_parameters={"separatorChar": ",", "quoteChar": '"', "escapeChar": "\u0001"},
)
JSON: Final = Format(serde="org.apache.hive.hcatalog.data.JsonSerDe", table_parameters={"classification": "json"})


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the catalog; `root` is the prefix of its partitions in the bucket."""

    name: str
    root: str
    format: Format
    description: str


USERS: Final = Table("users", keys.PARQUET_ROOT, PARQUET, "Typed: the table to query. Derived from users_csv.")
USERS_CSV: Final = Table("users_csv", keys.RAW_ROOT, CSV, "As received; a line break in a field breaks its row here.")
SNAPSHOTS: Final = Table("snapshots", keys.MANIFESTS_ROOT, JSON, "The manifests: what was proved of each snapshot.")
USERS_QUALITY: Final = Table("users_quality", keys.QUALITY_ROOT, JSON, "What did not fit into the types of users.")

_SCALARS: Final[Mapping[object, str]] = {str: "string", int: "bigint", bool: "boolean"}


def athena_columns(row: type, *, without: Collection[str] = ()) -> dict[str, str]:
    """Return the Athena type of each field not in `without`; KeyError for a type that is not supported."""
    hints = get_type_hints(row)
    return {field.name: _athena_type(hints[field.name]) for field in fields(row) if field.name not in without}


def _athena_type(hint: Any) -> str:
    if isinstance(hint, UnionType):  # `X | None`
        (hint,) = (member for member in get_args(hint) if member is not NoneType)
    if get_origin(hint) is tuple:
        return f"array<{_athena_type(get_args(hint)[0])}>"
    if is_dataclass(hint) and isinstance(hint, type):
        return f"struct<{','.join(f'{name}:{kind}' for name, kind in athena_columns(hint).items())}>"
    return _SCALARS[hint]


MANIFEST_COLUMNS: Final = athena_columns(Manifest, without=PARTITION_KEYS)
"""The fields of a manifest except `chain_id`, which is a partition key; instants stay ISO 8601 text."""

QUALITY_COLUMNS: Final = athena_columns(Quality)
"""The findings of a conversion."""
