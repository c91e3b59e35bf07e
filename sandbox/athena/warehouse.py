"""Athena's tables, played by DuckDB: the columns in Glue, filled from the objects of a bucket as Athena would."""

import csv
import gzip
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import sqlglot
from sqlglot import exp

from sandbox.athena.trino.gate import Gate
from spaaza_snapshots.model import keys

if TYPE_CHECKING:
    from types_boto3_glue import GlueClient
    from types_boto3_s3 import S3Client

TABLES = {
    "users": keys.PARQUET_ROOT,
    "users_csv": keys.RAW_ROOT,
    "snapshots": keys.MANIFESTS_ROOT,
    "users_quality": keys.QUALITY_ROOT,
}
Schema = Mapping[str, Mapping[str, str]]
"""The Hive type of each column by table, including partition keys."""

_NULL = "\x01"  # in the rows that DuckDB reads for users_csv, where an empty field is an empty string


def glue_schema(glue: "GlueClient", database: str) -> Schema:
    """Return the columns of all tables as Glue has them."""
    tables = [glue.get_table(DatabaseName=database, Name=name)["Table"] for name in TABLES]
    return {
        table["Name"]: {
            column["Name"]: column["Type"]
            for column in [*table["StorageDescriptor"]["Columns"], *table["PartitionKeys"]]
        }
        for table in tables
    }


class Warehouse:
    """One DuckDB with all tables; `today` stands for `current_date`. Close it."""

    def __init__(self, schema: Schema, today: str) -> None:
        self._schema = schema
        self._gate = Gate(schema)
        self._today = today
        self._database = duckdb.connect()
        for name, columns in schema.items():
            self._database.execute(f"CREATE TABLE {name} ({_duckdb_columns(columns)})")

    def close(self) -> None:
        """Forget everything."""
        self._database.close()

    def load(self, s3: "S3Client", bucket: str, folder: Path) -> None:
        """Fill the tables with every object below their locations, as Athena reads them: nothing else of the bucket."""
        for table in self._schema:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=TABLES[table])
            stored_keys = [stored["Key"] for page in pages for stored in page.get("Contents", ())]
            for number, key in enumerate(stored_keys):
                file = folder / f"{table}-{number}-{Path(key).name}"
                file.write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
                self._insert(table, file, *(part.partition("=")[2] for part in key.split("/")[2:4]))

    def ask(self, sql: str, *parameters: str) -> list[dict[str, Any]]:
        """Run a statement of Athena's SQL and return its rows by name; raises `Refused` if Athena would."""
        tree = self._gate.admit(sql).transform(self._played)
        answer = self._database.execute(tree.sql("duckdb"), parameters)
        names = [column[0] for column in answer.description or ()]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def _insert(self, table: str, file: Path, chain_id: str, dt: str) -> None:
        columns = {name: hive for name, hive in self._schema[table].items() if name not in ("chain_id", "dt")}
        types = ", ".join(f"'{name}': '{_duckdb_type(hive)}'" for name, hive in columns.items())
        if table == "users":
            source = f"read_parquet('{file}', hive_partitioning=false)"
        elif table == "users_csv":
            rows = _rewritten(file, len(columns))
            source = f"""read_csv('{rows}', columns={{{types}}}, header=false, auto_detect=false, nullstr='{_NULL}',
                quote='"', escape='"', hive_partitioning=false)"""
        else:
            source = f"read_json('{file}', format='newline_delimited', columns={{{types}}}, hive_partitioning=false)"
        self._database.execute(f"INSERT INTO {table} BY NAME SELECT *, '{chain_id}' chain_id, '{dt}' dt FROM {source}")

    def _played(self, node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.CurrentDate):
            return exp.cast(exp.Literal.string(self._today), "date")
        if isinstance(node, exp.Unnest):  # Athena itself spreads an array of rows over several columns
            spread = f"(SELECT UNNEST({node.expressions[0].sql('duckdb')}, max_depth := 2))"
            lateral = f"SELECT 1 FROM x CROSS JOIN LATERAL {spread} AS {node.args['alias'].sql('duckdb')}"
            return sqlglot.parse_one(lateral, dialect="duckdb").find(exp.Lateral) or node
        return node


def _rewritten(export: Path, columns: int) -> Path:
    """Write the rows that Athena sees in an export as plain CSV."""
    rewritten = export.with_suffix(".rows")
    with rewritten.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        for row in _open_csv_rows(gzip.decompress(export.read_bytes()), columns):
            writer.writerow([_NULL if field is None else field for field in row])
    return rewritten


def _open_csv_rows(csv_bytes: bytes, columns: int) -> Iterator[Sequence[str | None]]:
    """Yield one row per line, as Athena does, even if its line break is inside quotes; missing fields are NULL."""
    lines = io.StringIO(csv_bytes.decode(errors="replace"), newline="")
    next(lines)  # skip.header.line.count
    for line in lines:
        fields: list[str | None] = [*next(csv.reader([line.rstrip("\r\n")]), [])]
        yield (fields + [None] * columns)[:columns]


def _duckdb_columns(columns: Mapping[str, str]) -> str:
    return ", ".join(f'"{name}" {_duckdb_type(hive)}' for name, hive in columns.items())


def _duckdb_type(hive: str) -> str:
    return exp.DataType.build(hive, dialect="hive").sql("duckdb")
