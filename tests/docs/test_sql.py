"""Every query that a person may copy goes through the gate that stands for Athena."""

import re

import pytest

from sandbox.athena.check import documented_gate
from sandbox.athena.saved_queries import saved_queries
from spaaza_snapshots.cli.athena import SavedQuery
from tests.docs.test_documents import DOCUMENTS

BLOCKS = [
    (document.name, block.partition("\n\n")[0])  # below the blank line stands the answer
    for document in DOCUMENTS
    for block in re.findall(r"^```sql\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
]


@pytest.mark.parametrize(("name", "sql"), BLOCKS, ids=[f"{name}-{sql[:40]}" for name, sql in BLOCKS])
def test_every_query_of_the_documents_is_one_that_athena_runs(name: str, sql: str) -> None:
    assert documented_gate().admit(sql)


def test_documents_with_queries_are_found() -> None:
    assert {"README.md", "QUERYING.md"} <= {name for name, _ in BLOCKS}


@pytest.mark.parametrize("query", saved_queries(), ids=lambda query: query.name)
def test_every_saved_query_is_one_that_athena_runs_wherever_it_is_pasted(query: SavedQuery) -> None:
    assert documented_gate().admit(query.sql)
    assert not query.sql.rstrip().endswith(";")  # a dashboard puts it into parentheses
