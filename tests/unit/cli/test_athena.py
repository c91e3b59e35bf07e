"""`spaaza-snapshots athena`: the views that it makes, and what people read of a query."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest

from sandbox.athena.saved_queries import QUERIES, saved_queries
from sandbox.aws.moto import MotoAws
from spaaza_snapshots.cli.athena import SHOWN_ROWS
from tests.support.commands import Shown, Stub, lead_the_sdk_to
from tools import template

VIEWS = [query.name for query in saved_queries() if query.is_view]
DATABASE, WORKGROUP = "spaaza_members", "spaaza"


@dataclass(frozen=True)
class StackInAthena:
    """A stack with a workgroup, as Athena has it."""

    aws: MotoAws
    athena: Any

    def queue(self, *rows: Sequence[str | None]) -> None:
        """Let the next query have these rows, the first of them the names."""
        cells = [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in rows]
        columns = [column(name) for name in (rows[0] if rows else ())]
        queued = {"results": [{"rows": cells, "column_info": columns}], "region": self.aws.region}
        address = f"{self.aws.endpoint_url}/moto-api/static/athena/query-results"
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(address, json.dumps(queued).encode(), headers, method="POST")) as answer:
            answer.read()

    def ran(self) -> list[Mapping[str, Any]]:
        """Return every query that was run, in any order."""
        ids = self.athena.list_query_executions()["QueryExecutionIds"]
        return [self.athena.get_query_execution(QueryExecutionId=one)["QueryExecution"] for one in ids]


def column(name: str | None) -> Mapping[str, Any]:
    return {"Name": name, "Type": "varchar", "Precision": 2147483647, "Scale": 0, "Nullable": "UNKNOWN"}


def execution(**more: Any) -> Mapping[str, Any]:
    """An execution as Athena describes it."""
    return {"QueryExecution": {"QueryExecutionId": "q", "Query": "SELECT 1", "StatementType": "DML", **more}}


@pytest.fixture
def deployed(moto_aws: MotoAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[StackInAthena]:
    """A stack with the two outputs of the template that the command reads."""
    lead_the_sdk_to(moto_aws.endpoint_url, monkeypatch)
    named = {"WorkGroupName": WORKGROUP, "GlueDatabaseName": DATABASE}
    assert named.keys() <= template.source()["Outputs"].keys()
    body = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in named.items()},
    }
    cloudformation, athena = boto3.client("cloudformation"), boto3.client("athena")
    cloudformation.create_stack(StackName="members", TemplateBody=json.dumps(body))
    athena.create_work_group(
        Name=WORKGROUP, Configuration={"ResultConfiguration": {"OutputLocation": "s3://snapshots/athena-results/"}}
    )
    yield StackInAthena(moto_aws, athena)
    cloudformation.close()
    athena.close()


def ask(shown: Shown, *arguments: object) -> tuple[int, str]:
    return shown("athena", "--stack", "members", "--sql", QUERIES, *arguments)


def test_athena_makes_every_view_in_the_workgroup_of_the_stack(deployed: StackInAthena, shown: Shown) -> None:
    code, printed = ask(shown)
    assert (code, printed) == (0, "".join(f"created {view}\n" for view in VIEWS))
    assert {query["Query"] for query in deployed.ran()} == {query.sql for query in saved_queries() if query.is_view}
    assert {query["WorkGroup"] for query in deployed.ran()} == {WORKGROUP}
    assert {query["QueryExecutionContext"]["Database"] for query in deployed.ran()} == {DATABASE}


def test_athena_asks_a_saved_query_with_its_parameters_as_text(deployed: StackInAthena, shown: Shown) -> None:
    for _ in VIEWS:
        deployed.queue()
    deployed.queue(("id", "change", "[note]"), ("404097", "new", None), ("404098", "gone", "[b]"))
    code, printed = ask(shown, "--query", "user_changes", "--parameter", "2026-11-21", "it's")
    assert code == 0
    wanted = [["id", "change", "[note]"], ["404097", "new", "NULL"], ["404098", "gone", "[b]"]]
    assert [line.split() for line in printed.splitlines()[len(VIEWS) : -1]] == wanted
    (asked,) = [query for query in deployed.ran() if not query["Query"].startswith("CREATE")]
    assert asked["ExecutionParameters"] == ["'2026-11-21'", "'it''s'"]


def test_athena_shows_the_first_rows_of_many_and_where_the_others_are(
    deployed: StackInAthena, stub: Stub, shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", deployed.aws.endpoint_url)
    (tmp_path / "many.sql").write_text("-- Many rows.\nSELECT id FROM users", encoding="utf-8")
    numbers = [str(number) for number in range(SHOWN_ROWS + 5)]
    rows = [{"Data": [{"VarCharValue": value}]} for value in ("id", *numbers)]
    metadata = {"ColumnInfo": [column("id")]}
    location = {"OutputLocation": "s3://bucket/results/q.csv"}
    ended = {"ResultConfiguration": location, "Statistics": {"DataScannedInBytes": 12345}}
    stub.say(
        {"QueryExecutionId": "q"},
        execution(Status={"State": "SUCCEEDED"}, **ended),
        {"ResultSet": {"Rows": rows[:50], "ResultSetMetadata": metadata}, "NextToken": "more"},
        {"ResultSet": {"Rows": rows[50:], "ResultSetMetadata": metadata}},
    )
    code, printed = shown("athena", "--stack", "members", "--sql", tmp_path, "--query", "many")
    assert [line.strip() for line in printed.splitlines() if line.strip().isdigit()] == numbers[:SHOWN_ROWS]
    assert code == 0
    assert "s3://bucket/results/q.csv" in printed
    assert "12,345 bytes scanned" in printed


def test_athena_names_the_queries_that_there_are(deployed: StackInAthena, shown: Shown) -> None:
    code, printed = ask(shown, "--query", "users_latest")
    assert code == 2
    assert all(query.name in printed for query in saved_queries() if not query.is_view)
    assert deployed.ran() == []


def test_athena_makes_nothing_of_a_folder_without_a_view_and_says_so(
    deployed: StackInAthena, shown: Shown, tmp_path: Path
) -> None:
    code, printed = shown("athena", "--stack", "members", "--sql", tmp_path / "athena")
    assert (code, str(tmp_path / "athena") in printed, "--sql" in printed) == (2, True, True)


def test_athena_says_that_there_is_no_such_stack(deployed: StackInAthena, shown: Shown) -> None:
    code, printed = shown("athena", "--stack", "[other]", "--sql", QUERIES)
    assert code == 2
    assert "[other]" in printed


def test_athena_waits_for_the_end_of_a_query_and_tells_athenas_own_reason(
    deployed: StackInAthena, stub: Stub, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", deployed.aws.endpoint_url)
    reason = "TABLE_NOT_FOUND: line 1:15: Table 'users[b]' does not exist"
    states = [{"State": "QUEUED"}, {"State": "RUNNING"}, {"State": "FAILED", "StateChangeReason": reason}]
    stub.say({"QueryExecutionId": "q"}, *(execution(Status=status) for status in states))
    code, printed = ask(shown)
    assert code == 1
    assert reason in printed
    assert len(stub.asked) == 1 + len(states)


def test_ctrl_c_ends_the_query_too(
    deployed: StackInAthena, stub: Stub, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", deployed.aws.endpoint_url)
    running, stopped = execution(Status={"State": "RUNNING"}), execution(Status={"State": "CANCELLED"})
    stub.say({"QueryExecutionId": "q"}, running, {}, stopped)
    asked_before_ctrl_c = iter([KeyboardInterrupt()])

    def wait(_seconds: float) -> None:
        for pressed in asked_before_ctrl_c:
            raise pressed

    monkeypatch.setattr("pyathena.common.time.sleep", wait)
    code, printed = ask(shown)
    assert (code, printed.strip()) == (130, "Stopped.")
    assert stub.asked[2] == {"QueryExecutionId": "q"}
    assert len(stub.asked) == 4
