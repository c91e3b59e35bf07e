"""The command `spaaza-snapshots`: what people read of a manifest, an export, a run and a query, and its exit codes."""

import gzip
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest

from sandbox.athena.saved_queries import QUERIES, saved_queries
from sandbox.aws.moto import MotoAws
from sandbox.spaaza.users import generated_csv
from spaaza_snapshots.cli.athena import SHOWN_ROWS
from spaaza_snapshots.cli.main import main
from spaaza_snapshots.model.manifest import Check
from tests.support import builders
from tools import template

MANIFEST = asdict(
    builders.manifest(
        header=("ID", "Opt-in [b]", "[red]"),
        header_changes={"previous_date": "2026-11-21", "added": ["[red]"], "removed": [], "reordered": False},
        checks=(Check("header_is_known", required=False, passed=False, notes="unknown are [b], [red]"),),
    )
)
CSV_BYTES = b"".join(generated_csv(30))
VIEWS = [query.name for query in saved_queries() if query.is_view]
DATABASE, WORKGROUP = "spaaza_members", "spaaza"


@dataclass
class Stub:
    """An AWS service on loopback: what it was asked, by JSON, and what it says to each in turn, the last for ever."""

    answers: Sequence[tuple[int, Mapping[str, str], Any]] = ()
    asked: list[Any] = field(default_factory=list)

    def say(self, *answers: object, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.answers = [(status, headers or {}, answer) for answer in answers]


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """Lambda, Athena and CloudFormation, as far as the SDK of this test goes."""
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            stub.asked.append(json.loads(body))
            status, headers, answer = stub.answers[min(len(stub.asked), len(stub.answers)) - 1]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        _lead_the_sdk_to(f"http://127.0.0.1:{server.server_port}", monkeypatch)
        yield stub
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that breaks no line of these tests."""
    monkeypatch.setenv("COLUMNS", "400")


def _lead_the_sdk_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": MotoAws.region,
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run a command and return its exit code and what it printed: the answer, or the error."""

    def run(*arguments: object) -> tuple[int, str]:
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert not (printed.out and printed.err)
        return code, printed.out + printed.err

    return run


Shown = Callable[..., tuple[int, str]]

# --- show and inspect ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["a manifest", "-"])
def test_show_prints_a_manifest_with_every_name_as_spaaza_sent_it(
    source: str, shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.dumps(MANIFEST)
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    code, printed = shown("show", "-" if source == "-" else tmp_path / "manifest.json")
    assert code == 0
    for wanted in (MANIFEST["run_id"], MANIFEST["raw"]["sha256"], "Opt-in [b], [red]", "unknown are [b], [red]"):
        assert wanted in printed


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [("absent.json", None, "FileNotFoundError"), ("[red].json", "no JSON", "JSONDecodeError")],
)
def test_show_says_why_there_is_nothing_to_show(
    name: str, content: str | None, error: str, shown: Shown, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    code, printed = shown("show", tmp_path / name)
    assert (code, printed.split()[0]) == (1, error)


def test_a_name_in_brackets_survives_in_an_error(shown: Shown, tmp_path: Path) -> None:
    assert "[red]absent[/red].json" in shown("show", tmp_path / "[red]absent[/red].json")[1]


def test_inspect_proves_a_whole_export_and_counts_it(shown: Shown, tmp_path: Path) -> None:
    export = tmp_path / "users.csv.gz"
    export.write_bytes(gzip.compress(CSV_BYTES))
    code, printed = shown("inspect", export)
    counted = dict(line.split() for line in printed.splitlines() if len(line.split()) == 2)
    assert code == 0
    assert (counted["row_count"], counted["csv_bytes"]) == ("30", str(len(CSV_BYTES)))


@pytest.mark.parametrize(
    ("export_bytes", "what"),
    [
        (gzip.compress(CSV_BYTES)[:-20], "failed gzip_ends_at_trailer"),
        (gzip.compress(CSV_BYTES + b'1,"open'), "failed csv_ends_outside_quotes"),
        (gzip.compress(CSV_BYTES + b"1,2\n"), "failed last_row_as_wide_as_header"),
        (b"", "failed header_present"),
        (gzip.compress(CSV_BYTES) + b"more", "ExportInterrupted Other bytes"),
        (b"{}", "NotAnExport The answer"),
    ],
    ids=["cut", "an open quote", "a short last record", "nothing", "bytes behind it", "JSON"],
)
def test_inspect_refuses_what_is_not_whole(export_bytes: bytes, what: str, shown: Shown, tmp_path: Path) -> None:
    export = tmp_path / "users.csv.gz"
    export.write_bytes(export_bytes)
    code, printed = shown("inspect", export)
    assert code == 1
    assert what in " ".join(printed.split())


# --- athena ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Deployed:
    """A stack with a workgroup, as Athena has it."""

    aws: MotoAws
    athena: Any

    def queue(self, *rows: Sequence[str | None]) -> None:
        """Let the next query have these rows, the first of them the names."""
        cells = [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in rows]
        columns = [{"Name": name, "Type": "varchar"} for name in (rows[0] if rows else ())]
        queued = {"results": [{"rows": cells, "column_info": columns}], "region": self.aws.region}
        address = f"{self.aws.endpoint_url}/moto-api/static/athena/query-results"
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(address, json.dumps(queued).encode(), headers, method="POST")) as answer:
            answer.read()

    def ran(self) -> list[Mapping[str, Any]]:
        """Return every query that was run, in any order."""
        ids = self.athena.list_query_executions()["QueryExecutionIds"]
        return [self.athena.get_query_execution(QueryExecutionId=one)["QueryExecution"] for one in ids]


@pytest.fixture
def deployed(moto_aws: MotoAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    """A stack with the two outputs of the template that the command reads."""
    _lead_the_sdk_to(moto_aws.endpoint_url, monkeypatch)
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
    yield Deployed(moto_aws, athena)
    cloudformation.close()
    athena.close()


def ask(shown: Shown, *arguments: object) -> tuple[int, str]:
    return shown("athena", "--stack", "members", "--sql", QUERIES, *arguments)


def test_athena_makes_every_view_in_the_workgroup_of_the_stack(deployed: Deployed, shown: Shown) -> None:
    code, printed = ask(shown)
    assert (code, printed) == (0, "".join(f"created {view}\n" for view in VIEWS))
    assert {query["Query"] for query in deployed.ran()} == {query.sql for query in saved_queries() if query.is_view}
    assert {query["WorkGroup"] for query in deployed.ran()} == {WORKGROUP}
    assert {query["QueryExecutionContext"]["Database"] for query in deployed.ran()} == {DATABASE}


def test_athena_asks_a_saved_query_with_its_parameters_as_text(deployed: Deployed, shown: Shown) -> None:
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
    deployed: Deployed, stub: Stub, shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", deployed.aws.endpoint_url)
    (tmp_path / "many.sql").write_text("-- Many rows.\nSELECT id FROM users", encoding="utf-8")
    numbers = [str(number) for number in range(SHOWN_ROWS + 5)]
    ended = {"Status": {"State": "SUCCEEDED"}, "ResultConfiguration": {"OutputLocation": "s3://bucket/results/q.csv"}}
    rows = [{"Data": [{"VarCharValue": value}]} for value in ("id", *numbers)]
    stub.say(
        {"QueryExecutionId": "q"},
        {"QueryExecution": {**ended, "QueryExecutionId": "q", "Statistics": {"DataScannedInBytes": 12345}}},
        {"ResultSet": {"Rows": rows[:50]}, "NextToken": "more"},
        {"ResultSet": {"Rows": rows[50:]}},
    )
    code, printed = shown("athena", "--stack", "members", "--sql", tmp_path, "--query", "many")
    assert [line.strip() for line in printed.splitlines() if line.strip().isdigit()] == numbers[:SHOWN_ROWS]
    assert code == 0
    assert "s3://bucket/results/q.csv" in printed
    assert "12,345 bytes scanned" in printed


def test_athena_names_the_queries_that_there_are(deployed: Deployed, shown: Shown) -> None:
    code, printed = ask(shown, "--query", "users_latest")
    assert code == 1
    assert all(query.name in printed for query in saved_queries() if not query.is_view)
    assert deployed.ran() == []


def test_athena_says_that_there_is_no_such_stack(deployed: Deployed, shown: Shown) -> None:
    code, printed = shown("athena", "--stack", "[other]", "--sql", QUERIES)
    assert code == 1
    assert "[other]" in printed


def test_athena_waits_for_the_end_of_a_query_and_tells_athenas_own_reason(
    deployed: Deployed, stub: Stub, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", deployed.aws.endpoint_url)
    reason = "TABLE_NOT_FOUND: line 1:15: Table 'users[b]' does not exist"
    states = [{"State": "QUEUED"}, {"State": "RUNNING"}, {"State": "FAILED", "StateChangeReason": reason}]
    executions = [{"QueryExecution": {"QueryExecutionId": "q", "Status": status}} for status in states]
    stub.say({"QueryExecutionId": "q"}, *executions)
    code, printed = ask(shown)
    assert code == 1
    assert reason in printed
    assert len(stub.asked) == 1 + len(states)
