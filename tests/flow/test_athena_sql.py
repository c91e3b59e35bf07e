"""The views and saved queries: valid for Athena, and asked on snapshots whose answers are worked out apart."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

from sandbox.athena.saved_queries import saved_queries
from sandbox.athena.warehouse import Schema, Warehouse, glue_schema
from sandbox.aws.moto import MotoAws
from sandbox.spaaza.users import HEADER, generated_csv
from spaaza_snapshots.base.telemetry import Telemetry
from spaaza_snapshots.cli.athena import SavedQuery
from spaaza_snapshots.glue.catalog import GlueCatalog
from spaaza_snapshots.model.columns import KNOWN, columns_of
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.parquet.build import ParquetServices, build_parquet
from spaaza_snapshots.s3.parquet_store import ParquetStore
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from tests.support.builders import HeldClock
from tests.support.committed import commit

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

SQL = {query.name: query.sql for query in saved_queries()}
TODAY = date(2026, 11, 22)
YESTERDAY, BEFORE, LONG_AGO = (TODAY - timedelta(days=days) for days in (1, 2, 60))
ONE, TWO = 1743, 1783
Users = list[dict[str, str]]


def users(csv_bytes: bytes) -> Users:
    return list(csv.DictReader(io.StringIO(csv_bytes.decode(), newline="")))


def as_csv(rows: Users, header: Sequence[str]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


FIRST = users(b"".join(generated_csv(120)))
"""Among them users with a line break in a field."""
GONE, KEPT = FIRST[:2], FIRST[2:]
CHANGED = KEPT[:3]
NEW = [user | {"ID": f"9{user['ID']}"} for user in FIRST[:4]]
CHANGE = {"Last modified date": "2026-11-21T01:02:03Z", "Overall": "often"}
SECOND = [user | (CHANGE if user in CHANGED else {}) | {"Shoe size": "43"} for user in [*KEPT, *NEW]]
OTHER_CHAIN = users(b"".join(generated_csv(30, seed=5)))
WIDER = (*HEADER, "Shoe size")

COMMITTED: Mapping[tuple[int, date], tuple[Users, Sequence[str]]] = {
    (ONE, LONG_AGO): (FIRST, HEADER),
    (ONE, BEFORE): (FIRST, HEADER),
    (ONE, YESTERDAY): (SECOND, WIDER),
    (ONE, TODAY): (SECOND, WIDER[::-1]),
    (TWO, YESTERDAY): (OTHER_CHAIN, HEADER),
    (TWO, TODAY): (OTHER_CHAIN[:10], HEADER),
}
NOT_YET_TYPED = (TWO, TODAY)
HELD = (TWO, BEFORE)


@pytest.fixture(scope="module")
def schema(moto_server: MotoAws) -> Schema:
    """The tables as the export function makes them in Glue, widened by a column of tomorrow."""
    moto_server.create_database("athena")
    glue = moto_server.client("glue")
    for header in (HEADER, WIDER):
        GlueCatalog(glue, "athena", "bucket", [ONE, TWO]).ensure_tables(columns_of(header), LONG_AGO)
    return glue_schema(glue, "athena")


@pytest.fixture(scope="module")
def warehouse(s3: "S3Client", schema: Schema, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    bucket = "athena-queries"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    store = SnapshotStore(s3, bucket)
    services = ParquetServices(store, ParquetStore(s3, bucket), None, Telemetry("athena"), HeldClock().clock(), 512)
    for (chain_id, day), (rows, header) in COMMITTED.items():
        commit(
            s3,
            bucket,
            as_csv(rows, header),
            chain_id=chain_id,
            day=day,
            previous=store.previous(SnapshotId(chain_id, day)).manifest,
        )
        if (chain_id, day) != NOT_YET_TYPED:
            build_parquet(services, SnapshotId(chain_id, day))
    held = commit(s3, bucket, as_csv(OTHER_CHAIN, HEADER), chain_id=HELD[0], day=HELD[1])
    s3.delete_object(Bucket=bucket, Key=held.key)
    warehouse = Warehouse(schema, TODAY.isoformat())
    warehouse.load(s3, bucket, tmp_path_factory.mktemp("objects"))
    for query in saved_queries():
        if query.is_view:
            warehouse.ask(query.sql)
    yield warehouse
    warehouse.close()


def qualified(sql: str, schema: Schema) -> exp.Expr:
    """Parse a statement, and resolve each of its columns; raises where one is in no table."""
    tree = sqlglot.parse_one(sql, dialect="athena")
    query = tree.expression if isinstance(tree, exp.Create) else tree
    types: dict[str, object] = {table: dict(columns) for table, columns in schema.items()}
    qualify(query.copy(), schema=types, dialect="athena", validate_qualify_columns=True)
    return tree


def answers(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


@pytest.mark.parametrize("query", saved_queries(), ids=lambda query: query.name)
def test_every_query_is_one_statement_of_athena_over_columns_that_the_tables_have(
    query: SavedQuery, schema: Schema
) -> None:
    (statement,) = sqlglot.parse(query.sql, dialect="athena")
    assert type(statement) is (exp.Create if query.is_view else exp.Select)
    assert not list(statement.find_all(exp.Command))
    assert qualified(query.sql, schema) == statement
    assert query.description.endswith(".")


def test_a_column_that_no_table_has_would_be_noticed(schema: Schema) -> None:
    with pytest.raises(sqlglot.errors.OptimizeError):
        qualified("SELECT shoe_colour FROM users", schema)


def test_the_views_name_every_documented_column_in_its_order(warehouse: Warehouse) -> None:
    documented = [name for name, _ in KNOWN.values()]
    assert list(warehouse.ask("SELECT * FROM users_latest")[0]) == [*documented, "_cast_errors", "chain_id", "dt"]
    assert list(warehouse.ask("SELECT * FROM users_csv_committed")[0]) == [*documented, "chain_id", "dt"]


def test_users_latest_shows_each_chains_last_day_that_has_its_typed_copy(warehouse: Warehouse) -> None:
    found = warehouse.ask("SELECT * FROM users_latest")
    wanted = [
        (str(chain_id), day.isoformat(), int(user["ID"]), user["First name"], user["Opted-in"] == "true")
        for chain_id, day in ((ONE, TODAY), (TWO, YESTERDAY))
        for user in COMMITTED[chain_id, day][0]
    ]
    assert Counter(answers(found, "chain_id", "dt", "id", "first_name", "opted_in")) == Counter(wanted)


def test_users_latest_reads_no_more_than_the_last_days_of_any_table() -> None:
    view = sqlglot.parse_one(SQL["users_latest"], dialect="athena")
    bound = sqlglot.condition("x >= date_format(current_date - INTERVAL '7' DAY, '%Y-%m-%d')", dialect="athena")
    bounds = [node for node in view.find_all(exp.GTE) if node.expression == bound.expression]
    bounded = {node.this.table for node in bounds if node.this.name == "dt"}
    assert bounded == {table.alias for table in view.find_all(exp.Table) if table.alias}


def test_the_raw_view_shows_committed_days_by_position_but_for_users_with_a_line_break(warehouse: Warehouse) -> None:
    found = warehouse.ask("SELECT * FROM users_csv_committed")
    conforming = {day: snapshot for day, snapshot in COMMITTED.items() if tuple(snapshot[1][: len(HEADER)]) == HEADER}
    wanted = [
        (*(user[name] for name in HEADER), str(chain_id), day.isoformat())
        for (chain_id, day), (rows, _) in conforming.items()
        for user in rows
        if not any("\n" in value or "\r" in value for value in user.values())
    ]
    assert len(conforming) == len(COMMITTED) - 1
    assert sum(len(rows) for rows, _ in conforming.values()) > len(wanted)
    assert Counter(tuple(row.values()) for row in found) == Counter(wanted)


def test_user_changes_tells_new_changed_and_gone_users(warehouse: Warehouse) -> None:
    found = warehouse.ask(SQL["user_changes"], BEFORE.isoformat(), YESTERDAY.isoformat())
    wanted = {
        *((str(ONE), int(user["ID"]), "gone") for user in GONE),
        *((str(ONE), int(user["ID"]), "changed") for user in CHANGED),
        *((str(ONE), int(user["ID"]), "new") for user in NEW),
    }
    assert len(found) == len(wanted)
    assert set(answers(found, "chain_id", "id", "change")) == wanted


def test_a_repeated_id_is_one_user_among_the_changes(schema: Schema) -> None:
    user = "INSERT INTO users (chain_id, dt, id, last_modified_date) VALUES ('1743', '{}', 7, TIMESTAMP '{}')"
    with closing(Warehouse(schema, TODAY.isoformat())) as warehouse:
        for day in (BEFORE, YESTERDAY):
            for modified in ("2026-01-01 00:00:00", "2026-01-02 00:00:00"):
                warehouse.ask(user.format(day, modified))
        assert not warehouse.ask(SQL["user_changes"], BEFORE.isoformat(), YESTERDAY.isoformat())
        warehouse.ask(user.format(YESTERDAY, "2026-01-03 00:00:00"))
        found = warehouse.ask(SQL["user_changes"], BEFORE.isoformat(), YESTERDAY.isoformat())
    assert answers(found, "id", "change") == [(7, "changed")]


@pytest.mark.parametrize("days", [(BEFORE, YESTERDAY), (YESTERDAY, BEFORE)], ids=["not before", "not after"])
def test_user_changes_leaves_out_a_chain_without_a_snapshot_on_one_of_the_dates(
    days: tuple[date, date], warehouse: Warehouse
) -> None:
    typed = {str(chain) for chain, day in COMMITTED if day == YESTERDAY and (chain, day) != NOT_YET_TYPED}
    found = warehouse.ask(SQL["user_changes"], *(day.isoformat() for day in days))
    assert typed == {str(ONE), str(TWO)}
    assert {row["chain_id"] for row in found} == {str(ONE)}


def test_opt_ins_by_country_and_day(warehouse: Warehouse) -> None:
    found = warehouse.ask(SQL["opt_ins_by_country"])
    wanted: dict[tuple[str, str, str], list[int]] = {}
    for (chain_id, day), (rows, _) in COMMITTED.items():
        if (chain_id, day) == NOT_YET_TYPED or day == LONG_AGO:
            continue
        for user in rows:
            counts = wanted.setdefault((str(chain_id), day.isoformat(), user["Country"]), [0, 0, 0])
            counts[0] += 1
            counts[1] += user["Opted-in"] == "true"
            counts[2] += user["Mailing List Subscriber"] == "true"
    assert {tuple(row.values())[:3]: list(row.values())[3:6] for row in found} == wanted
    shares = [100 * row["opted_in"] / row["users"] for row in found]
    assert [row["opted_in_percent"] for row in found] == pytest.approx(shares, abs=0.051)


def test_snapshot_history_tells_rows_and_header_changes(warehouse: Warehouse) -> None:
    found = warehouse.ask(SQL["snapshot_history"])
    of_one = [row for row in found if row["chain_id"] == str(ONE)]
    names = ("dt", "row_count", "more_rows", "columns_added", "columns_removed", "columns_reordered")
    assert answers(of_one, *names) == [
        (TODAY.isoformat(), len(SECOND), 0, "", "", True),
        (YESTERDAY.isoformat(), len(SECOND), len(SECOND) - len(FIRST), "Shoe size", "", False),
        (BEFORE.isoformat(), len(FIRST), 0, "", "", False),
        (LONG_AGO.isoformat(), len(FIRST), None, None, None, None),
    ]


def test_data_quality_tells_errors_by_column(warehouse: Warehouse) -> None:
    found = warehouse.ask(SQL["data_quality_by_column"])
    share = round(100 * len(CHANGED) / len(SECOND), 3)
    assert answers(found, "chain_id", "dt", "name", "errors", "percent_of_rows") == [
        (str(ONE), day.isoformat(), "overall", len(CHANGED), share) for day in (TODAY, YESTERDAY)
    ]
