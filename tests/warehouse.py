"""Athena's tables, played by DuckDB: the columns that Glue has, filled from the objects of a bucket as Athena would."""

import csv
import gzip
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

from spaaza_snapshots import keys

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
"""By table, the Hive type of each column, partition keys included."""


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
    """One DuckDB with all tables; `today` stands for `current_date`."""

    def __init__(self, schema: Schema, today: str) -> None:
        self._schema = schema
        self._today = today
        self._database = duckdb.connect()
        for name, columns in schema.items():
            types = ", ".join(f'"{column}" {_duckdb_type(hive)}' for column, hive in columns.items())
            self._database.execute(f"CREATE TABLE {name} ({types})")

    def close(self) -> None:
        self._database.close()

    def load(self, s3: "S3Client", bucket: str, folder: Path) -> None:
        """Fill the tables with every object that lies below their locations."""
        for number, stored in enumerate(s3.list_objects_v2(Bucket=bucket)["Contents"]):
            key = stored["Key"]
            file = folder / f"{number}-{Path(key).name}"
            file.write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            for table, root in TABLES.items():
                if key.startswith(root):
                    self._insert(table, file, *(part.partition("=")[2] for part in key.split("/")[2:4]))

    def ask(self, sql: str, *parameters: str) -> list[dict[str, Any]]:
        """Run a statement of Athena's SQL and return its rows by name."""
        tree = sqlglot.parse_one(sql, dialect="athena").transform(self._played)
        answer = self._database.execute(tree.sql("duckdb"), parameters)
        names = [column[0] for column in answer.description or ()]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def _insert(self, table: str, file: Path, chain_id: str, dt: str) -> None:
        columns = {name: hive for name, hive in self._schema[table].items() if name not in ("chain_id", "dt")}
        if table == "users":
            source = f"read_parquet('{file}', hive_partitioning=false)"
        elif table == "users_csv":
            self._insert_csv(gzip.decompress(file.read_bytes()), len(columns), chain_id, dt)
            return
        else:
            types = ", ".join(f"\"{name}\": '{_duckdb_type(hive)}'" for name, hive in columns.items())
            source = f"read_json('{file}', format='newline_delimited', columns={{{types}}}, hive_partitioning=false)"
        self._database.execute(f"INSERT INTO {table} BY NAME SELECT *, '{chain_id}' chain_id, '{dt}' dt FROM {source}")

    def _insert_csv(self, csv_bytes: bytes, columns: int, chain_id: str, dt: str) -> None:
        """Fill by position, as Athena does with CSV."""
        rows = [[*row, chain_id, dt] for row in open_csv_rows(csv_bytes, columns)]
        self._database.executemany(f"INSERT INTO users_csv VALUES ({', '.join('?' * (columns + 2))})", rows)

    def _played(self, node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.CurrentDate):
            return exp.cast(exp.Literal.string(self._today), "date")
        if isinstance(node, exp.Unnest):  # Athena spreads an array of rows over several columns by itself
            spread = f"(SELECT UNNEST({node.expressions[0].sql('duckdb')}, max_depth := 2))"
            lateral = f"SELECT 1 FROM x CROSS JOIN LATERAL {spread} AS {node.args['alias'].sql('duckdb')}"
            return sqlglot.parse_one(lateral, dialect="duckdb").find(exp.Lateral) or node
        return node


def open_csv_rows(csv_bytes: bytes, columns: int) -> Iterator[Sequence[str | None]]:
    """Yield one row for each line, as Athena does, be its line break inside of quotes or not; what it lacks is NULL."""
    lines = io.StringIO(csv_bytes.decode(), newline="")
    next(lines)  # skip.header.line.count
    for line in lines:
        fields: list[str | None] = [*next(csv.reader([line.rstrip("\r\n")]), [])]
        yield (fields + [None] * columns)[:columns]


def qualified(sql: str, schema: Schema) -> exp.Expr:
    """Parse a statement, and resolve each of its columns; raises where one is in no table."""
    tree = sqlglot.parse_one(sql, dialect="athena")
    query = tree.expression if isinstance(tree, exp.Create) else tree
    types: dict[str, object] = {table: dict(columns) for table, columns in schema.items()}
    qualify(query.copy(), schema=types, dialect="athena", validate_qualify_columns=True)
    return tree


def _duckdb_type(hive: str) -> str:
    return exp.DataType.build(hive, dialect="hive").sql("duckdb")
