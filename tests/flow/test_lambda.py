"""The handler inside the real Lambda runtime client: what it returns, reports and leaves when it is killed."""

import json
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import Pause, generated_users, refusal
from sandbox.wire import faults
from spaaza_snapshots.base.clock import RESERVE_SECONDS
from tests.support.flow import CHAIN, Aftermath, aftermath, events
from tests.support.forked import forked

HANDLER = "spaaza_snapshots.export_handler.lambda_handler"
PLAIN: Mapping[str, object] = {"chain_id": CHAIN}
FORCED: Mapping[str, object] = {"chain_id": CHAIN, "force": True}


@pytest.fixture
def function(stack: Stack) -> Iterator[LambdaFunction]:
    with LambdaFunction(HANDLER, stack.environment(), launch=forked) as running:
        yield running


def there(stack: Stack) -> Aftermath:
    return aftermath(stack, datetime.now(UTC).date())


def test_the_schedule_asks_for_each_chain_on_the_bus(stack: Stack, function: LambdaFunction) -> None:
    today = datetime.now(UTC).date().isoformat()
    event = {"chain_ids": [1743, 1783], "scheduled_time": f"{today}T00:00:00Z"}
    requested = [{"chain_id": chain_id, "date": today, "force": False} for chain_id in (1743, 1783)]
    assert function.invoke(event).payload == {"requested": requested}
    assert events(stack, "Snapshot Requested") == requested
    assert stack.spaaza.requests == []


def test_what_the_bus_delivers_is_one_chains_snapshot(stack: Stack, function: LambdaFunction) -> None:
    function.invoke({})
    (first, _) = stack.listener.events()
    invocation = function.invoke(first)
    assert invocation.payload is not None
    assert (invocation.payload["status"], invocation.payload["requested_at"]) == (
        "complete",
        first["time"].replace("Z", ".000Z"),
    )
    assert there(stack).is_committed


def test_an_error_is_reported_by_its_name_with_what_detail_and_hint(stack: Stack, function: LambdaFunction) -> None:
    stack.spaaza.serve(refusal(401, 6))
    invocation = function.invoke(PLAIN)
    assert invocation.error_type == "SessionExpired"
    assert invocation.error_message is not None
    assert "HTTP 401, Spaaza's error code 6" in invocation.error_message
    assert "Log in" in invocation.error_message
    (failed,) = events(stack, "Snapshot Failed")
    assert (failed["chain_id"], failed["error"]) == (CHAIN, "SessionExpired")
    assert there(stack).is_nothing


@pytest.mark.parametrize(("event", "names"), [({"chain_id": "1743"}, "'1743'"), ({"chian_id": 1743}, "chian_id")])
def test_a_bad_event_is_refused_by_name(function: LambdaFunction, event: object, names: str) -> None:
    invocation = function.invoke(event)
    assert invocation.error_type == "InvalidRequest"
    assert names in (invocation.error_message or "")


def test_bad_settings_come_before_the_event_and_all_at_once(stack: Stack) -> None:
    environment = stack.environment() | {"SPAAZA_ENVIRONMENT": "live", "SPAAZA_CHAIN_IDS": ""}
    with LambdaFunction(HANDLER, environment, launch=forked) as function:
        invocation = function.invoke({"nonsense": True})
    assert invocation.error_type == "BadSettings"
    assert "SPAAZA_ENVIRONMENT" in (invocation.error_message or "")
    assert "SPAAZA_CHAIN_IDS" in (invocation.error_message or "")


def test_every_line_is_json_and_names_the_invocation_the_chain_and_from_its_start_the_attempt(
    stack: Stack, function: LambdaFunction
) -> None:
    today = datetime.now(UTC).date().isoformat()
    invocation = function.invoke({"chain_ids": [CHAIN], "scheduled_time": f"{today}T00:00:00Z"})
    lines = [json.loads(line) for line in invocation.log_lines]
    said = [line for line in lines if "_aws" not in line]
    assert invocation.payload is not None
    assert len({line["function_request_id"] for line in said}) == 1
    of_attempt = [line["run_id"] for line in said if "run_id" in line]
    assert set(of_attempt) == {invocation.payload["run_id"]}
    assert of_attempt == [line.get("run_id") for line in said][-len(of_attempt) :]
    assert {line["chain_id"] for line in said} == {CHAIN}


def test_the_metrics_of_a_scheduled_run_count_missing_chains_and_days_left(
    stack: Stack, function: LambdaFunction
) -> None:
    today = datetime.now(UTC).date().isoformat()
    event = {"chain_ids": [1743], "scheduled_time": f"{today}T00:00:00Z"}
    for missing in (2, 1):
        lines = [json.loads(line) for line in function.invoke(event).log_lines]
        metrics = {name: value for line in lines if "_aws" in line for name, value in line.items()}
        assert metrics["ChainsMissingToday"] == [missing]
        assert metrics["SessionDaysLeft"][0] > 0


def killed_at(stack: Stack, function: LambdaFunction, operation: str, when: faults.When, key: str) -> None:
    kill = faults.call(lambda: os.kill(function.pid, signal.SIGKILL), when=when)
    stack.wire.fail(operation, kill, key_contains=key)


STEPS = [
    ("CreateMultipartUpload", "raw/"),
    ("UploadPart", "raw/"),
    ("PutObject", "pending/"),
    ("CompleteMultipartUpload", "raw/"),
    ("PutObject", "manifests/"),
    ("DeleteObject", "pending/"),
    ("GetTable", "users"),
    ("PutEvents", ""),
]


@pytest.mark.parametrize("event", [PLAIN, FORCED], ids=["plain", "forced"])
@pytest.mark.parametrize(("operation", "key"), STEPS, ids=[f"{operation} {key}" for operation, key in STEPS])
@pytest.mark.parametrize("when", ["instead", "after"])
def test_a_function_killed_at_any_step_is_made_good_by_the_next_run(
    stack: Stack, function: LambdaFunction, operation: str, key: str, when: faults.When, event: Mapping[str, object]
) -> None:
    if event is FORCED:
        assert function.invoke(PLAIN).payload is not None
    stack.spaaza.serve(generated_users(50))
    killed_at(stack, function, operation, when, key)
    killed = function.invoke(event)
    assert killed.payload is None
    before = there(stack)
    assert before.raw_run_id is None or before.manifest is not None or before.raw_run_id in before.pending
    stack.wire.clear()
    again = function.invoke(PLAIN)
    assert again.payload is not None
    after = there(stack)
    assert after.manifest is not None
    assert after.manifest["run_id"] == after.raw_run_id == again.payload["run_id"]


def test_a_function_killed_in_mid_stream_leaves_nothing_to_see(stack: Stack, function: LambdaFunction) -> None:
    pause = Pause(after_bytes=20_000_000)
    stack.spaaza.script(replace(generated_users(200_000), pause=pause))
    running = function.invoke_in_background(PLAIN)
    assert pause.reached.wait(60)
    os.kill(function.pid, signal.SIGKILL)
    assert running.result(30).payload is None
    before = there(stack)
    assert (before.raw_run_id, before.manifest, before.pending) == (None, None, {})
    assert function.invoke(PLAIN).payload is not None
    after = there(stack)
    assert after.manifest is not None
    assert after.manifest["run_id"] == after.raw_run_id


def test_a_deadline_is_met_by_ending_cleanly_before_it(stack: Stack, function: LambdaFunction) -> None:
    stack.spaaza.script(replace(generated_users(200_000), bytes_per_second=2_000_000))
    invocation = function.invoke(PLAIN, deadline_seconds=RESERVE_SECONDS + 3)
    assert invocation.error_type == "OutOfTime"
    assert there(stack).is_nothing
