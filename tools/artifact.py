"""`make artifact`: the built packages, not the sources, in Lambda's runtime client: what they do and how they fail."""

import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from sandbox.aws.lambda_runtime import Invocation, LambdaFunction
from sandbox.aws.launch import launched_by
from sandbox.aws.stack import Stack, running_stack
from sandbox.spaaza.answers import Pause, generated_users, refusal
from sandbox.spaaza.server import CHAINS
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME
from spaaza_snapshots.base.clock import RESERVE_SECONDS
from spaaza_snapshots.cli.manifest_view import result_view
from tools.package import HOST, Build, built, runtime_python
from tools.template import source

WORKING_SECONDS = 5
"""Time for work before the reserve under the short deadlines; one second is enough on an idle machine."""

DEADLINE_SECONDS = RESERVE_SECONDS + WORKING_SECONDS
STARTS = 7
SHOWN_CHAIN, FAILING_CHAIN = CHAINS[:2]


def export_function(stack: Stack, build: Build, variables: Mapping[str, str] | None = None) -> LambdaFunction:
    """Return the template's export function, from the built package."""
    environment = stack.environment() | dict(variables or {})
    return LambdaFunction(
        _handler("ExportFunction"), environment, pythonpath=[build.export], launch=launched_by(str(runtime_python()))
    )


def parquet_function(stack: Stack, build: Build) -> LambdaFunction:
    """Return the template's Parquet function, from the built package and the layer, on Lambda's search path."""
    return LambdaFunction(
        _handler("ParquetFunction"),
        stack.environment(),
        memory_mb=1769,
        pythonpath=[build.parquet, build.layer / "python"],
        launch=launched_by(str(runtime_python())),
    )


def end_before_deadline(stack: Stack, function: LambdaFunction, chain_id: int) -> Invocation:
    """Let Spaaza send too slowly for the time available."""
    slow = replace(generated_users(200_000), bytes_per_second=500_000)
    stack.spaaza.script(slow, chain_id=chain_id)
    return function.invoke({"chain_id": chain_id}, deadline_seconds=DEADLINE_SECONDS)


def be_killed_at_deadline(stack: Stack, function: LambdaFunction, chain_id: int) -> Invocation:
    """Let Spaaza stall in mid-stream and S3 and the bus not answer, so that the reserve for a clean end runs out."""
    standing_still = replace(generated_users(200_000), pause=Pause(after_bytes=6_000_000))
    stack.spaaza.script(standing_still, chain_id=chain_id)
    for operation in ("AbortMultipartUpload", "PutEvents"):
        stack.wire.fail(operation, faults.stall(3600), times=EVERY_TIME)
    return function.invoke({"chain_id": chain_id}, deadline_seconds=DEADLINE_SECONDS)


@dataclass(frozen=True)
class Start:
    """One cold start in seconds: the process until it asks for an event, the first event, and the second."""

    ready_seconds: float
    first_seconds: float
    second_seconds: float


def start(function: LambdaFunction, event: object) -> Start:
    """Start a function and invoke it twice."""
    began = time.monotonic()
    with function:
        first = function.invoke(event)
        ready_seconds = time.monotonic() - began - first.seconds
        second = function.invoke(event)
    for invocation in (first, second):
        if invocation.error_type:
            raise RuntimeError(f"{invocation.error_type}: {invocation.error_message}")
    return Start(ready_seconds, first.seconds, second.seconds)


def main() -> int:
    """Run the packages; the exit code is 0 only if both functions succeed."""
    console = Console(highlight=False)
    console.print(f"Building for this machine ({HOST}) and starting the sandbox ...")
    build = built(HOST)
    console.print(build.printed, end="")
    with running_stack() as stack:
        done = _work(stack, build, console)
        if done:
            console.print(_starts_table(stack, build, console))
            _show_endings(stack, build, console)
    return 0 if done else 1


def _handler(function: str) -> str:
    return str(source()["Resources"][function]["Properties"]["Handler"])


def _work(stack: Stack, build: Build, console: Console) -> bool:
    """Take a snapshot and make its typed copy."""
    console.rule("A snapshot and its typed copy")
    stack.spaaza.serve(generated_users(100_000))
    with export_function(stack, build) as export, parquet_function(stack, build) as parquet:
        exported = export.invoke({"chain_id": SHOWN_CHAIN})
        if not isinstance(exported.payload, Mapping):
            console.print(f"[red]{exported.error_type}[/red] {exported.error_message}")
            return False
        console.print(*result_view(exported.payload), sep="\n")
        converted = parquet.invoke({"chain_id": SHOWN_CHAIN, "date": exported.payload["snapshot_date"]})
    console.print(_memory_table({"export": exported, "Parquet": converted}))
    for key in stack.object_keys():
        console.print(f"  {key}")
    return converted.error_type is None


def _memory_table(invocations: Mapping[str, Invocation]) -> Table:
    table = Table("function", "seconds", "VmHWM MB", "ended as")
    for name, ended in invocations.items():
        megabytes = f"{(ended.peak_memory_bytes or 0) / 1e6:.0f}"
        table.add_row(name, f"{ended.seconds:.1f}", megabytes, ended.error_type or ended.payload["status"])
    return table


def _starts_table(stack: Stack, build: Build, console: Console) -> Table:
    """Measure cold starts in turn, so that other load on the machine affects all alike."""
    event = {"chain_id": SHOWN_CHAIN}  # the day is done by now, so the event takes only a few calls
    with TemporaryDirectory() as folder, console.status("Cold starts"):
        bare = Path(folder) / "export"
        shutil.copytree(build.export, bare, ignore=shutil.ignore_patterns("__pycache__"))
        read_only = {"PYTHONDONTWRITEBYTECODE": "1"}  # as /var/task is
        builds = {"as built": build, "without .pyc": replace(build, export=bare)}
        rounds = [
            {name: start(export_function(stack, each, read_only), event) for name, each in builds.items()}
            for _ in range(STARTS)
        ]
    title = f"Seconds, median of {STARTS} cold starts"
    table = Table("export function", "start", "first event", "second event", title=title)
    for name in builds:
        figures = zip(*(astuple(one[name]) for one in rounds), strict=True)
        table.add_row(name, *(f"{median(column):.2f}" for column in figures))
    ratios = [one["without .pyc"].ready_seconds / one["as built"].ready_seconds for one in rounds]
    table.add_row("ratio of the starts", f"{median(ratios):.1f}")
    return table


def _show_endings(stack: Stack, build: Build, console: Console) -> None:
    """Let runs of one chain fail in different ways, and print what Lambda would show."""
    with export_function(stack, build) as function:
        failing: Mapping[str, Callable[[], Invocation]] = {
            "A bad event": lambda: function.invoke({"chain_id": str(FAILING_CHAIN)}),
            "A session that has ended": lambda: _rejected(stack, function),
            "Too little time, noticed in time": lambda: end_before_deadline(stack, function, FAILING_CHAIN),
            "Killed at the deadline": lambda: be_killed_at_deadline(stack, function, FAILING_CHAIN),
        }
        for name, invoke in failing.items():
            console.rule(name)
            with console.status(name):
                ended = invoke()
            _show_ending(stack, build, ended, console)


def _rejected(stack: Stack, function: LambdaFunction) -> Invocation:
    stack.spaaza.script(refusal(401, 6), refusal(401, 6), chain_id=FAILING_CHAIN)
    return function.invoke({"chain_id": FAILING_CHAIN})


def _show_ending(stack: Stack, build: Build, ended: Invocation, console: Console) -> None:
    frames = [line.replace(str(build.export), "/var/task") for line in ended.stack[-1:]]
    shown = {"errorType": ended.error_type, "errorMessage": ended.error_message}
    console.print_json(data=shown | ({"stackTrace": ["…", *frames]} if frames else {}), ensure_ascii=False)
    visible = [key for key in stack.object_keys() if f"chain_id={FAILING_CHAIN}/" in key]
    console.print(f"{ended.seconds:.1f} s; this chain has {len(visible)} objects, open uploads {stack.open_uploads()}")


if __name__ == "__main__":
    sys.exit(main())
