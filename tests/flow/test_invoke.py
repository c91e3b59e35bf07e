"""`spaaza-snapshots invoke`: the real function is started as an event, followed by its log, and its end is printed."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import generated_users, refusal
from spaaza_snapshots.cli.main import main
from spaaza_snapshots.upkeep import run_log
from tests.support.flow import CHAIN
from tests.support.lambda_api import Lambda, report, serving_function
from tools import template

HANDLER = "spaaza_snapshots.export_handler.lambda_handler"


@pytest.fixture
def functions(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lambda]:
    with serving_function(stack, HANDLER, monkeypatch) as served:
        yield served


Invoke = Callable[..., tuple[int, str, str]]


@pytest.fixture
def invoke(functions: Lambda, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Run the command; returns its exit code, the answer, and what was said beside it."""
    monkeypatch.setenv("COLUMNS", "400")

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main(["invoke", "--function", "export", *map(str, arguments)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_a_run_is_started_as_an_event_and_its_manifest_printed(stack: Stack, functions: Lambda, invoke: Invoke) -> None:
    stack.spaaza.serve(generated_users(50))
    code, printed, _ = invoke("--chain", CHAIN)
    assert functions.invoked == [("Event", {"chain_id": CHAIN})]
    assert code == 0
    assert re.search(r"status +complete\b", printed)
    assert re.search(r"rows +50,", printed)
    assert f"s3://{stack.bucket}/raw/users/chain_id={CHAIN}/" in printed
    assert re.search(r"status +already_complete\b", invoke("--chain", CHAIN)[1])


@pytest.mark.parametrize(
    ("arguments", "payload"),
    [
        (["--chain", 0], {"chain_id": 0}),
        (
            ["--chain", 1743, "--date", "2026-11-22", "--accept"],
            {"chain_id": 1743, "date": "2026-11-22", "accept": True},
        ),
        (["--chain", 1743, "--force"], {"chain_id": 1743, "force": True}),
    ],
)
def test_the_function_is_asked_for_what_was_said_and_for_nothing_else(
    functions: Lambda, invoke: Invoke, arguments: list[object], payload: Any
) -> None:
    functions.run = lambda _: ("1", [report("1")])
    invoke(*arguments)
    assert functions.invoked == [("Event", payload)]


def test_without_a_chain_it_prints_what_was_requested(functions: Lambda, invoke: Invoke) -> None:
    code, printed, _ = invoke()
    assert code == 0
    assert [request["chain_id"] for request in json.loads(printed)["requested"]] == [1743, 1783]


def test_the_functions_error_is_printed_as_it_is_beside_the_answer(functions: Lambda, invoke: Invoke) -> None:
    code, printed, beside = invoke("--chain", 9)
    assert (code, printed) == (2, "")
    assert "InvalidRequest This chain is not configured: [9], not in [1743, 1783] (SPAAZA_CHAIN_IDS)." in beside


def test_an_ended_session_and_a_held_snapshot_have_exit_codes_of_their_own(
    stack: Stack, functions: Lambda, invoke: Invoke
) -> None:
    stack.spaaza.serve(refusal(401, 6))
    assert invoke("--chain", CHAIN)[0] == 4
    stack.spaaza.serve(generated_users(50))
    assert invoke("--chain", CHAIN, "--date", "2026-11-21")[0] == 0
    stack.spaaza.serve(generated_users(5))
    code, _, beside = invoke("--chain", CHAIN, "--date", "2026-11-22")
    assert code == 3
    assert "make snapshot CHAIN=1743 DATE=2026-11-22 ACCEPT=1" in beside


def test_a_run_that_was_killed_is_told_by_what_lambda_says_of_it(functions: Lambda, invoke: Invoke) -> None:
    functions.run = lambda _: ("1", ["START RequestId: 1 Version: $LATEST\n", report("1", "Status: timeout")])
    code, _, beside = invoke("--chain", CHAIN)
    assert code == 1
    assert "Status: timeout" in beside


def test_lines_of_other_runs_are_not_taken_for_ones_own(functions: Lambda, invoke: Invoke) -> None:
    other = json.dumps({"level": "ERROR", "error": "SnapshotHeld", "message": "of another", "function_request_id": "2"})
    functions.run = lambda _: ("1", [other, report("1", "Status: error")])
    code, _, beside = invoke("--chain", CHAIN)
    assert (code, "of another" in beside) == (1, False)


def test_a_run_that_never_starts_is_told_of_when_lambda_has_given_it_up(
    functions: Lambda, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = template.deploy({"ChainIds": "1743"})
    kept = limits.properties("ExportFunctionEventInvokeConfig")["MaximumEventAgeInSeconds"]
    assert (kept, limits.properties("ExportFunction")["Timeout"]) == (run_log.START_SECONDS, run_log.RUN_SECONDS)
    for name in ("START_SECONDS", "RUN_SECONDS", "LATE_SECONDS"):
        monkeypatch.setattr(run_log, name, 0.1)
    functions.run = lambda _: ("1", [])
    code, _, beside = invoke("--chain", CHAIN)
    assert code == 1
    assert "See which runs have failed" in beside


@pytest.mark.parametrize("status", [429, 500, 503])
def test_the_function_is_never_asked_twice_by_itself(functions: Lambda, invoke: Invoke, status: int) -> None:
    functions.run = lambda _: ("1", [])
    functions.status = status
    assert invoke("--chain", CHAIN)[0] == 1
    assert len(functions.invoked) == 1
