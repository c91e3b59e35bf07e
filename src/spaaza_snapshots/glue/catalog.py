"""The Glue tables that Athena queries: created once, and after that only widened.

An update never removes, renames, retypes or moves a column, whether ours or added by hand. Any number of runs may
update the same tables at once: each update names the version it is based on, and is retried if that has changed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from botocore.exceptions import ClientError
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential

from spaaza_snapshots.base.aws_errors import answer_of, code_of, storage_errors
from spaaza_snapshots.glue.tables import (
    CSV,
    MANIFEST_COLUMNS,
    QUALITY_COLUMNS,
    SNAPSHOTS,
    USERS,
    USERS_CSV,
    USERS_QUALITY,
    Table,
)
from spaaza_snapshots.model.columns import CAST_ERRORS, KNOWN, PARTITION_KEYS, Column

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
class CatalogChange:
    """What `ensure_tables` did: for each table, the names of the columns it gained; all of them if it is new.

    `raw_conforms` is False if the header does not match `users_csv`, which starts with the documented columns: that
    table then gains nothing, and shows this export's values in the wrong columns.
    """

    added: Mapping[str, tuple[str, ...]]
    raw_conforms: bool


class GlueCatalog:
    """The tables of one database over one bucket, for the configured chains."""

    def __init__(self, glue: "GlueClient", database: str, bucket: str, chain_ids: Sequence[int]) -> None:
        self._glue = glue
        self._database = database
        self._bucket = bucket
        self._chains = [str(chain_id) for chain_id in chain_ids]

    def ensure_tables(self, columns: Sequence[Column], snapshot_date: date) -> CatalogChange:
        """Make the tables show a snapshot with these columns on this date; idempotent.

        A table that already does costs one GetTable. Raises `StorageError`, naming the table that failed.
        """
        ensured: dict[str, tuple[tuple[str, ...], bool]] = {}
        for table, wanted in _wanted(columns):
            with storage_errors(f"updating the Glue table {self._database}.{table.name}"):
                ensured[table.name] = self._ensure(table, wanted, snapshot_date)
        _, raw_conforms = ensured[USERS_CSV.name]
        return CatalogChange({name: gained for name, (gained, _) in ensured.items() if gained}, raw_conforms)

    @retry(
        retry=retry_if_exception(lambda error: isinstance(error, ClientError) and code_of(error) in _RACES),
        stop=stop_after_attempt(_RACE_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.05, max=1),
        reraise=True,
    )
    def _ensure(self, table: Table, wanted: "GlueColumns", snapshot_date: date) -> tuple[tuple[str, ...], bool]:
        """Return the columns that the table gained, and whether it shows the wanted ones."""
        answer = answer_of(
            self._glue.get_table, ("EntityNotFoundException",), DatabaseName=self._database, Name=table.name
        )
        if answer is None:
            first = _first_columns(table, wanted)
            new_table = _new_table(table, f"s3://{self._bucket}/{table.root}", first, self._chains, snapshot_date)
            self._glue.create_table(DatabaseName=self._database, TableInput=new_table)
            return _names(first), _shows(table, first, wanted)
        found = answer["Table"]
        present = found["StorageDescriptor"]["Columns"]
        if not _shows(table, present, wanted):
            return (), False
        missing = [column for column in wanted if column["Name"] not in _names(present)]
        parameters = _widened(found.get("Parameters", {}), self._chains, snapshot_date)
        if missing or parameters != found.get("Parameters", {}):
            found["StorageDescriptor"]["Columns"] = [*present, *missing]
            found["Parameters"] = parameters
            self._update(found)
        return _names(missing), True

    def _update(self, changed: "TableTypeDef") -> None:
        """Send every field from GetTable that UpdateTable accepts, because it replaces the whole table."""
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
    """Return one column, with its comment cut to what Glue accepts: whole characters, no line breaks."""
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
    """Describe the partitions, so that none has to be registered: up to a day ahead, since Athena's NOW is UTC."""
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
    """Return parameters whose projection covers these chains and this date; one changed by hand is kept."""
    widened = dict(parameters)
    if _CHAINS in widened:
        widened[_CHAINS] = ",".join(dict.fromkeys([*widened[_CHAINS].split(","), *chains]))
    start, _, end = widened.get(_DATES, "").partition(",")
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", start) and snapshot_date.isoformat() < start:
        widened[_DATES] = f"{snapshot_date.isoformat()},{end}"
    return widened


def _names(columns: "GlueColumns") -> tuple[str, ...]:
    return tuple(column["Name"].lower() for column in columns)


def _first_columns(table: Table, wanted: "GlueColumns") -> "GlueColumns":
    """Return a new table's columns: for CSV the documented ones, then those that the header appends to them."""
    if table.format is not CSV:
        return wanted
    documented = [_glue_column(athena_name, "string", name) for name, (athena_name, _) in KNOWN.items()]
    return [*documented, *(wanted[len(documented) :] if _shows(table, documented, wanted) else ())]


def _shows(table: Table, present: "GlueColumns", wanted: "GlueColumns") -> bool:
    """Whether the names agree by position; if an export has fewer columns, the missing last ones read as NULL."""
    names = zip(_names(present), _names(wanted), strict=False)
    return table.format is not CSV or all(mine == yours for mine, yours in names)
