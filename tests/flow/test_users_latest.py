"""Which day users_latest shows, while today's typed copy is unfit or not there yet."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import boto3
import pytest

from sandbox.athena.saved_queries import saved_queries
from sandbox.athena.warehouse import Warehouse, glue_schema
from sandbox.aws.stack import DATABASE, Stack
from sandbox.spaaza.users import HEADER
from sandbox.wire import faults
from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.glue.catalog import GlueCatalog
from spaaza_snapshots.model.columns import columns_of
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.parquet.build import build_parquet
from tests.support.committed import CHAIN, DAY, commit
from tests.support.conversions import OTHERS, USERS, build, metrics, services


@pytest.mark.parametrize(("damaged", "unfit"), [(0, False), (10, False), (11, True), (100, True)])
def test_a_day_of_which_more_than_a_tenth_cannot_be_read_leaves_the_last_sound_one_in_users_latest(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str], damaged: int, unfit: bool
) -> None:
    yesterday = DAY - timedelta(days=1)
    head = b",".join(name.encode() for name in HEADER) + b"\n"
    csv_bytes = head + b"\xe9\n" * damaged + b"".join(b"," * 67 + b"\n" for _ in range(100 - damaged))
    commit(stack.s3, stack.bucket, OTHERS, day=yesterday)
    build_parquet(services(stack), SnapshotId(CHAIN, yesterday))
    commit(stack.s3, stack.bucket, csv_bytes)
    capsys.readouterr()
    build(stack)
    told = {name: value for line in metrics(capsys.readouterr().out) for name, value in line.items()}
    assert told["ParquetsUnfit"] == [float(unfit)]
    assert days_in_users_latest(stack, tmp_path) == {(yesterday if unfit else DAY).isoformat()}


def days_in_users_latest(stack: Stack, folder: Path) -> set[str]:
    glue = boto3.client("glue")
    GlueCatalog(glue, DATABASE, stack.bucket, [CHAIN]).ensure_tables(columns_of(HEADER), DAY)
    with closing(Warehouse(glue_schema(glue, DATABASE), DAY.isoformat())) as warehouse:
        warehouse.load(stack.s3, stack.bucket, folder)
        warehouse.ask(next(query.sql for query in saved_queries() if query.name == "users_latest"))
        return {row["dt"] for row in warehouse.ask("SELECT dt FROM users_latest")}


@pytest.mark.parametrize("refused", ["parquet/", "quality/"])
def test_users_latest_shows_yesterday_until_copy_and_findings_of_today_are_there(
    stack: Stack, tmp_path: Path, refused: str
) -> None:
    yesterday = DAY - timedelta(days=1)
    commit(stack.s3, stack.bucket, OTHERS, day=yesterday)
    build_parquet(services(stack), SnapshotId(CHAIN, yesterday))
    commit(stack.s3, stack.bucket, USERS)
    stack.wire.fail("PutObject", faults.error(403, "AccessDenied"), key_contains=refused)
    with pytest.raises(StorageError):
        build(stack)
    assert days_in_users_latest(stack, tmp_path) == {yesterday.isoformat()}
    assert build(stack)["status"] == "complete"
    assert days_in_users_latest(stack, tmp_path) == {DAY.isoformat()}
