"""`spaaza-snapshots rebuild`: the real Parquet function makes typed copies again, also over copies of the same run."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import generated_users
from spaaza_snapshots.cli.main import main
from spaaza_snapshots.errors import InvalidRequest
from spaaza_snapshots.parquet.event import parse_event
from tests.support.conversions import build
from tests.support.deployed import Deployed
from tests.support.flow import CHAIN, SNAPSHOT, invoke
from tests.support.lambda_api import Lambda, Lines, report, serving_function

HANDLER = "spaaza_snapshots.parquet_handler.lambda_handler"
DAY = ("--chain", CHAIN, "--date", SNAPSHOT.snapshot_date)

Rebuild = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def functions(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lambda]:
    with serving_function(stack, HANDLER, monkeypatch, memory_mb=512) as served:
        yield served


@pytest.fixture
def rebuild(deployment: Deployed, functions: Lambda, capsys: pytest.CaptureFixture[str]) -> Rebuild:
    """Run the command; returns its exit code, its answer, and what was said beside it."""

    def run(*arguments: object) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = main(["rebuild", "--stack", "members", "--json", *map(str, arguments)])
        printed = capsys.readouterr()
        return code, json.loads(printed.out or "null"), printed.err

    return run


def versions(stack: Stack, key: str) -> list[str]:
    listed = stack.s3.list_object_versions(Bucket=stack.bucket, Prefix=key)
    return [version["VersionId"] for version in listed["Versions"]]


def test_a_copy_of_the_same_run_is_made_anew_and_its_figures_told(
    stack: Stack, functions: Lambda, rebuild: Rebuild
) -> None:
    stack.spaaza.serve(generated_users(50))
    snapshot = invoke(stack)
    build(stack)
    code, answer, _ = rebuild(*DAY)
    assert functions.invoked == [("Event", {"chain_id": CHAIN, "date": "2026-11-22", "rebuild": True})]
    (day,) = answer["days"]
    assert (code, day["outcome"], day["rows"], day["rejected_rows"]) == (0, "rebuilt", 50, 0)
    for key in (SNAPSHOT.parquet_key, SNAPSHOT.quality_key):
        assert len(versions(stack, key)) == 2
        assert stack.s3.head_object(Bucket=stack.bucket, Key=key)["Metadata"] == {"run-id": snapshot["run_id"]}


def test_every_committed_day_is_rebuilt_and_the_others_are_said(
    stack: Stack, functions: Lambda, rebuild: Rebuild
) -> None:
    stack.spaaza.serve(generated_users(20))
    for day in ("2026-11-20", "2026-11-21"):
        invoke(stack, {"chain_id": CHAIN, "date": day})
    damaged = SNAPSHOT.manifest_key
    stack.s3.put_object(Bucket=stack.bucket, Key=damaged, Body=b"[]")
    code, answer, _ = rebuild("--all", "--parallel", 1)
    told = {day["date"]: day["outcome"] for day in answer["days"]}
    assert (code, told) == (0, {"2026-11-20": "rebuilt", "2026-11-21": "rebuilt", "2026-11-22": "skipped"})
    assert len(functions.invoked) == 2
    code, answer, _ = rebuild(*DAY)
    assert (code, [day["outcome"] for day in answer["days"]]) == (1, ["skipped"])
    assert [day["date"] for day in rebuild("--since", "2026-11-21", "--until", "2026-11-21")[1]["days"]] == [
        "2026-11-21"
    ]


def test_a_failure_is_told_by_its_name_and_ends_with_one(stack: Stack, functions: Lambda, rebuild: Rebuild) -> None:
    invoke(stack)
    functions.run = failing
    code, answer, _ = rebuild(*DAY)
    (day,) = answer["days"]
    assert (code, day["outcome"]) == (1, "failed")
    assert day["detail"].startswith("StorageError The disk")


def failing(_: Any) -> Lines:
    error = {"level": "ERROR", "error": "StorageError", "message": "The disk is too small.", "function_request_id": "1"}
    return "1", [json.dumps(error), report("1")]


def test_a_function_that_does_not_know_rebuild_is_said_to_be_old(
    stack: Stack, functions: Lambda, rebuild: Rebuild
) -> None:
    invoke(stack)
    build(stack)
    as_it_is = functions.run
    functions.run = lambda event: as_it_is({name: event[name] for name in ("chain_id", "date")})
    code, answer, _ = rebuild(*DAY)
    assert (code, "deploy this version first" in answer["days"][0]["detail"]) == (1, True)


def test_a_refused_start_fails_that_day(stack: Stack, functions: Lambda, rebuild: Rebuild) -> None:
    invoke(stack)
    functions.status = 403
    code, answer, _ = rebuild(*DAY)
    assert (code, answer["days"][0]["outcome"]) == (1, "failed")


def test_ctrl_c_says_what_continues_and_what_was_not_started(stack: Stack, functions: Lambda, rebuild: Rebuild) -> None:
    for day in ("2026-11-20", "2026-11-21", "2026-11-22"):
        invoke(stack, {"chain_id": CHAIN, "date": day})
    functions.run = interrupting
    code, answer, _ = rebuild("--all", "--parallel", 2)
    running, waiting = ([day["date"] for day in answer[name]] for name in ("still_running", "not_started"))
    assert (code, answer["days"]) == (130, [])
    assert len(running) in {0, 1, 2}
    assert sorted([*running, *waiting]) == ["2026-11-20", "2026-11-21", "2026-11-22"]


def interrupting(_: Any) -> Lines:
    os.kill(os.getpid(), signal.SIGINT)
    return "1", []


def test_without_any_day_it_is_refused(rebuild: Rebuild) -> None:
    code, _, beside = rebuild("--chain", CHAIN)
    assert (code, "No days are named" in beside) == (2, True)


@pytest.mark.parametrize("rebuild", [1, "true", None])
def test_rebuild_is_true_or_false(rebuild: object) -> None:
    with pytest.raises(InvalidRequest):
        parse_event({"chain_id": CHAIN, "date": "2026-11-22", "rebuild": rebuild})
