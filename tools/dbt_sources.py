"""Write `athena/dbt/sources.yml`: the tables as dbt sources, with the columns that the catalog gives them in Glue."""

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.athena.saved_queries import saved_queries
from sandbox.aws.moto import MotoAws
from spaaza_snapshots.cli.athena import SavedQuery
from spaaza_snapshots.glue.catalog import GlueCatalog
from spaaza_snapshots.glue.tables import SNAPSHOTS, USERS, USERS_QUALITY
from spaaza_snapshots.model.columns import KNOWN, columns_of

if TYPE_CHECKING:
    from types_boto3_glue import GlueClient

SOURCES = Path(__file__).resolve().parents[1] / "athena" / "dbt" / "sources.yml"
DATABASE = "sources"
TABLES = (USERS, SNAPSHOTS, USERS_QUALITY)
"""Not `users_csv`: analysts cannot read it."""

VIEWS = ("snapshot_status", "users_latest")
"""Not `users_csv_committed`, for the same reason."""

PARTITIONS = {
    "chain_id": "Spaaza chain, as text: chain_id = '1743'",
    "dt": "Snapshot date, as text: dt = '2026-11-22'",
}
HEAD = """\
# Made by `python -m tools.dbt_sources`; docs/QUERYING.md says how to use it.
version: 2

sources:
  - name: spaaza
    description: "Daily snapshots of Spaaza users. Name dt and chain_id in each WHERE: Athena reads only those days."
    database: awsdatacatalog
    schema: "{{ var('spaaza_database') }}"
    tables:
"""


def sources(glue: "GlueClient") -> str:
    """Have the catalog make its tables in an empty database, and return them as YAML."""
    GlueCatalog(glue, DATABASE, "bucket", [1]).ensure_tables(columns_of(tuple(KNOWN)), date(2026, 11, 22))
    lines = [
        line for table in TABLES for line in _table(glue.get_table(DatabaseName=DATABASE, Name=table.name)["Table"])
    ]
    views = [line for query in saved_queries() if query.name in VIEWS for line in _view(query)]
    return HEAD + "\n".join([*lines, *views, ""])


def _view(query: SavedQuery) -> Iterator[str]:
    yield f"      - name: {query.name}"
    yield f"        description: {json.dumps(query.description)}"


def _table(table: Mapping[str, Any]) -> Iterator[str]:
    yield f"      - name: {table['Name']}"
    yield f"        description: {json.dumps(table['Description'])}"
    yield "        columns:"
    for column in [*table["StorageDescriptor"]["Columns"], *table["PartitionKeys"]]:
        yield f"          - name: {column['Name']}"
        yield f"            data_type: {json.dumps(column['Type'])}"
        described = PARTITIONS.get(column["Name"]) or column.get("Comment")
        if described:
            yield f"            description: {json.dumps(described, ensure_ascii=False)}"


def main() -> int:
    """Write them."""
    with MotoAws() as aws:
        aws.create_database(DATABASE)
        SOURCES.write_text(sources(aws.client("glue")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
