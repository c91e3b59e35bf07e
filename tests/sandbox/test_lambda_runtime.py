"""A function in the sandbox starts, runs, fails and is killed as in Lambda."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.launch import launched_by
from sandbox.aws.seaweed import SeaweedS3
from sandbox.wire import faults
from sandbox.wire.wire import Call, Wire
from tests.support.forked import forked

ROOT = Path(__file__).resolve().parents[2]

COUNTING = """
import os
print("starting")
events = []
def handler(event, context):
    events.append(event)
    print("event", len(events))
    return {"events": events, "pid": os.getpid()}
"""
CONTEXT = """
import os
def handler(event, context):
    return {
        "remaining_ms": context.get_remaining_time_in_millis(),
        "memory_mb": context.memory_limit_in_mb,
        "request_id": context.aws_request_id,
        "environment": dict(os.environ),
    }
"""
FAILING = """
class RowsFell(Exception):
    pass
def handler(event, context):
    raise RowsFell("rows fell from 5 to 0")
"""
SLEEPING = """
import time
def handler(event, context):
    print("asleep")
    time.sleep(event["seconds"])
    return "slept"
"""
ALLOCATING = """
def handler(event, context):
    return len(bytearray(b"x") * event["bytes"])
"""
EXITING = """
import os
def handler(event, context):
    os._exit(event["code"])
"""
UPLOADING = """
import boto3
def handler(event, context):
    boto3.client("s3").put_object(Bucket=event["bucket"], Key="k", Body=b"x")
"""

Start = Callable[..., LambdaFunction]
STARTED = launched_by(sys.executable)


@pytest.fixture(params=[STARTED, forked], ids=["started", "forked"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """Make a function of the source of a module; forked as in most tests, it is the same to whoever invokes it."""
    with ExitStack() as stack:

        def make(
            source: str, environment: dict[str, str] | None = None, handler: str = "app.handler"
        ) -> LambdaFunction:
            (tmp_path / "app.py").write_text(source, encoding="utf-8")
            return stack.enter_context(
                LambdaFunction(handler, environment or {}, pythonpath=[tmp_path], launch=request.param)
            )

        yield make


def wait_for(fact: Callable[[], bool]) -> None:
    """Return once it is so; the time limit of a test ends it otherwise."""
    while not fact():
        time.sleep(0.01)


def assert_is_gone(pid: int) -> None:
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_process_is_started_once_and_kept(start: Start) -> None:
    function = start(COUNTING)
    cold, warm = function.invoke({"n": 1}), function.invoke([2, "é"])
    assert cold.payload == {"events": [{"n": 1}], "pid": function.pid}
    assert warm.payload == {"events": [{"n": 1}, [2, "é"]], "pid": function.pid}
    assert (cold.cold, warm.cold) == (True, False)
    assert (cold.log_lines, warm.log_lines) == (("starting", "event 1"), ("event 2",))
    assert function.log == "starting\nevent 1\nevent 2\n"


def test_a_function_is_told_what_lambda_tells_it(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INHERITED", "no")
    told = start(CONTEXT, {"SNAPSHOT_BUCKET": "snapshots"}).invoke({}, deadline_seconds=30).payload
    assert 0 < told["remaining_ms"] <= 30_000
    assert told["memory_mb"] == "256"
    assert told["request_id"]
    environment = told["environment"]
    assert environment["SNAPSHOT_BUCKET"] == "snapshots"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert "INHERITED" not in environment
    assert "HOME" not in environment


def test_an_exception_is_reported_and_the_process_kept(start: Start) -> None:
    function = start(FAILING)
    failed = function.invoke({})
    assert (failed.error_type, failed.error_message) == ("RowsFell", "rows fell from 5 to 0")
    assert 'raise RowsFell("rows fell from 5 to 0")' in failed.stack[-1]
    assert "[ERROR] RowsFell: rows fell from 5 to 0" in failed.log_lines[0]
    assert (failed.crashed, failed.timed_out) == (False, False)
    assert not function.invoke({}).cold


@pytest.mark.parametrize(
    ("source", "handler", "error_type"),
    [
        ("import no_such_module", "app.handler", "Runtime.ImportModuleError"),
        ("", "app.handler", "Runtime.HandlerNotFound"),
        ("1 / 0", "app.handler", "ZeroDivisionError"),
    ],
)
def test_a_module_that_does_not_load_is_reported(start: Start, source: str, handler: str, error_type: str) -> None:
    function = start(source, handler=handler)
    failed = function.invoke({})
    assert failed.error_type == error_type
    assert function.invoke({}).cold


def test_a_process_is_killed_at_its_deadline_and_the_next_one_is_new(start: Start) -> None:
    function = start(SLEEPING)
    first = function.invoke({"seconds": 0})
    pid = function.pid
    late = function.invoke({"seconds": 3600}, deadline_seconds=0.3)
    assert (late.timed_out, late.error_type, late.payload) == (True, "Sandbox.Timedout", None)
    assert late.error_message == "Task timed out after 0.30 seconds"
    assert_is_gone(pid)
    again = function.invoke({"seconds": 0})
    assert (first.payload, again.payload, again.cold) == ("slept", "slept", True)


def test_a_process_killed_in_an_invocation_has_crashed(start: Start) -> None:
    function = start(SLEEPING)
    function.invoke({"seconds": 0})
    running = function.invoke_in_background({"seconds": 3600})
    wait_for(lambda: function.log == "asleep\nasleep\n")
    os.kill(function.pid, signal.SIGKILL)
    killed = running.result()
    assert (killed.crashed, killed.timed_out, killed.error_type) == (True, False, "Runtime.ExitError")
    assert killed.error_message == "Runtime exited with error: signal: Killed"
    assert function.invoke({"seconds": 0}).payload == "slept"


def test_a_process_that_ends_itself_has_crashed(start: Start) -> None:
    ended = start(EXITING).invoke({"code": 3})
    assert (ended.crashed, ended.error_message) == (True, "Runtime exited with error: exit status 3")


@pytest.mark.parametrize("start", [STARTED], indirect=True)
def test_the_peak_of_memory_is_that_of_the_process(start: Start) -> None:
    function = start(ALLOCATING)
    small, large, after = (function.invoke({"bytes": size}) for size in (1, 100 << 20, 1))
    assert small.peak_memory_bytes and large.peak_memory_bytes
    assert small.peak_memory_bytes < 100 << 20 < large.peak_memory_bytes
    assert after.peak_memory_bytes == large.peak_memory_bytes


def test_the_sdk_in_a_function_speaks_through_the_wire_and_can_die_there(
    start: Start, wire: Wire, seaweed: SeaweedS3, bucket: str
) -> None:
    environment = {
        "AWS_ENDPOINT_URL_S3": wire.url("s3"),
        "AWS_ACCESS_KEY_ID": seaweed.access_key,
        "AWS_SECRET_ACCESS_KEY": seaweed.secret_key,
    }
    function = start(UPLOADING, environment)
    wire.fail("PutObject", faults.call(lambda: os.kill(function.pid, signal.SIGKILL), when="instead"))
    assert function.invoke({"bucket": bucket}).crashed
    assert function.invoke({"bucket": bucket}).error_type is None
    assert wire.calls == (Call("s3", "PutObject", "k", None), Call("s3", "PutObject", "k", 200))


def test_nothing_is_left_of_a_closed_function(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    (tmp_path / "app.py").write_text(SLEEPING, encoding="utf-8")
    with LambdaFunction("app.handler", {}, pythonpath=[tmp_path]) as function:
        function.invoke({"seconds": 0})
        pid = function.pid
        running = function.invoke_in_background({"seconds": 3600})
        wait_for(lambda: function.log == "asleep\nasleep\n")
    assert running.result().crashed
    assert_is_gone(pid)
    assert set(threading.enumerate()) == before


DRIVER = """
import sys
from pathlib import Path
from sandbox.aws.lambda_runtime import LambdaFunction
from tests.support.forked import forked
with LambdaFunction("app.handler", {}, pythonpath=[Path(sys.argv[1])], launch=LAUNCH) as function:
    function.invoke({"seconds": 0})
    print(function.pid, flush=True)
    function.invoke({"seconds": 3600})
"""

if sys.platform == "linux":  # the only system that ties a process to its parent

    @pytest.mark.parametrize("launch", ["None", "forked"])
    def test_a_function_dies_with_a_killed_parent(tmp_path: Path, launch: str) -> None:
        (tmp_path / "app.py").write_text(SLEEPING, encoding="utf-8")
        command = [sys.executable, "-c", DRIVER.replace("LAUNCH", launch), str(tmp_path)]
        environment = {**os.environ, "TMPDIR": str(tmp_path)}  # for what a killed parent leaves behind
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=environment) as parent:
            assert parent.stdout
            pid = int(parent.stdout.readline())
            assert runs(pid)
            parent.kill()
        wait_for(lambda: not runs(pid))

    def runs(pid: int) -> bool:
        """Whether there is such a process; not so when it is dead, though nobody asked for its exit code yet."""
        try:
            return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        except (FileNotFoundError, ProcessLookupError):
            return False
