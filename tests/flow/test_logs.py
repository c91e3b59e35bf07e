"""`spaaza-snapshots logs`: what the real functions have logged, as an operator reads it."""

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import pytest

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.spaaza.answers import generated_users, refusal
from spaaza_snapshots.cli.main import main
from tests.support.deployed import NAME, Deployed
from tests.support.flow import CHAIN
from tests.support.forked import forked

HANDLER = "spaaza_snapshots.export_handler.lambda_handler"
OTHER = 1783
KILLED = "REPORT RequestId: 1\tDuration: 900000.00 ms\tMax Memory Used: 99 MB\tStatus: timeout\n"

Put = Callable[..., None]
Shown = Callable[..., tuple[int, str, str]]


@pytest.fixture
def put(deployment: Deployed) -> Iterator[Put]:
    """Put lines into the log of a function, by default as of now."""
    with closing(deployment.client("logs")) as logs, closing(deployment.client("cloudformation")) as cloudformation:
        resources = cloudformation.describe_stack_resources(StackName=NAME)["StackResources"]
        groups = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}

        def put_lines(lines: Sequence[str], function: str = "Export", hours_ago: float = 0) -> None:
            group = groups[f"{function}Log"]
            stream = f"stream-{time.monotonic_ns()}"
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
            since_ms = int((time.time() - hours_ago * 3600) * 1000)
            entries = [{"timestamp": since_ms + number, "message": line} for number, line in enumerate(lines)]
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=entries)

        yield put_lines


@pytest.fixture
def shown(deployment: Deployed, capsys: pytest.CaptureFixture[str]) -> Shown:
    """Run `logs` on the deployed stack."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main(["logs", "--stack", NAME, *map(str, arguments)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_a_failed_run_is_told_by_time_function_chain_and_reason(deployment: Deployed, put: Put, shown: Shown) -> None:
    stack = deployment.stack
    with LambdaFunction(HANDLER, stack.environment(), launch=forked) as function:
        stack.spaaza.serve(generated_users(30))
        put(function.invoke({"chain_id": OTHER}).log_lines)
        stack.spaaza.serve(refusal(401, 6))
        put(function.invoke({"chain_id": CHAIN}).log_lines)
    code, printed, beside = shown()
    assert (code, beside) == (0, "")
    (error,) = [line for line in printed.splitlines() if " ERROR " in line]
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC  Export    ERROR", error)
    assert f"chain {CHAIN}, " in error
    assert "error=SessionExpired" in error
    assert f"chain {OTHER}, " in printed
    assert '"_aws"' not in printed
    assert "REPORT" not in printed
    assert f"chain {OTHER}" not in shown("--chain", CHAIN)[1]


def test_what_is_about_no_chain_is_shown_for_every_chain(put: Put, shown: Shown) -> None:
    settings = {"level": "ERROR", "message": "SNAPSHOT_BUCKET is missing.", "error": "BadSettings"}
    missing = {"level": "INFO", "message": "Missing so far", "missing_chain_ids": [CHAIN, OTHER], "chain_id": [OTHER]}
    put([json.dumps(settings), json.dumps(missing)])
    printed = shown("--chain", CHAIN)[1]
    assert "SNAPSHOT_BUCKET is missing." in printed
    assert "Missing so far" in printed


def test_a_run_that_lambda_killed_is_told_although_it_could_say_nothing(put: Put, shown: Shown) -> None:
    put([KILLED, KILLED.replace("\tStatus: timeout", "")])
    (line,) = shown()[1].splitlines()
    assert "KILLED" in line
    assert "Status: timeout" in line


def test_the_functions_are_read_together_in_the_order_of_time_or_one_alone(put: Put, shown: Shown) -> None:
    for hours_ago, function, message in ((4, "Export", "first"), (3, "Parquet", "second"), (2, "Export", "third")):
        put([line(message)], function, hours_ago)
    put([line("fourth")], "Parquet", hours_ago=1)
    assert re.findall("first|second|third|fourth", shown()[1]) == ["first", "second", "third", "fourth"]
    assert re.findall("first|second|third|fourth", shown("--function", "Parquet")[1]) == ["second", "fourth"]


@pytest.mark.parametrize(
    ("since", "found"),
    [((), ["of 7"]), (("--since", "90m"), []), (("--since", "3 days ago"), ["of 30", "of 7"])],
)
def test_twelve_hours_are_shown_or_as_many_as_asked_for(
    put: Put, shown: Shown, since: tuple[str, ...], found: list[str]
) -> None:
    put([line("of 7")], hours_ago=7)
    put([line("of 30")], hours_ago=30)
    code, printed, _ = shown(*since)
    assert code == 0
    assert re.findall(r"of \d+", printed) == found
    assert bool(found) or "Nothing was logged since" in printed


def test_every_line_is_there_as_json(put: Put, shown: Shown) -> None:
    put([json.dumps({"level": "INFO", "message": "Done", "chain_id": CHAIN, "rows": 5, "snapshot_date": "2026-11-22"})])
    (entry,) = json.loads(shown("--json")[1])
    assert (entry["chain_ids"], entry["snapshot_date"], entry["details"]) == ([CHAIN], "2026-11-22", {"rows": 5})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "yesterday"), "Write 90m, 12h or 3d."),
        (("--follow", "--json"), "--follow and --json"),
        (("--function", "Rotation"), "RenewSession=true"),
    ],
)
def test_what_cannot_be_shown_is_a_usage_error(shown: Shown, arguments: tuple[str, ...], said: str) -> None:
    code, printed, beside = shown(*arguments)
    assert (code, printed) == (2, "")
    assert said in beside


def line(message: str) -> str:
    return json.dumps({"level": "INFO", "message": message})


def test_following_shows_each_line_once_until_ctrl_c(put: Put, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    put([line("old")])
    polls = iter(["new", "newer"])

    def pause(_seconds: float) -> None:
        for message in polls:
            put([line(message)])
            return
        raise KeyboardInterrupt

    monkeypatch.setattr("spaaza_snapshots.cli.logs.time.sleep", pause)
    code, printed, beside = shown("--follow")
    assert (code, beside.strip()) == (130, "Stopped.")
    assert re.findall(r"old|newer|new", printed) == ["old", "new", "newer"]
