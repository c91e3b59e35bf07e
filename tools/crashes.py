"""`make crash`: kill -9 the function at the worst moments; print the bucket before and after the next run."""

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from rich.console import Console
from rich.table import Table

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.stack import Stack, running_stack
from sandbox.spaaza.answers import Pause, generated_users
from sandbox.wire import faults

HANDLER = "spaaza_snapshots.export_handler.lambda_handler"
CHAIN = 1743
PLAIN: Mapping[str, object] = {"chain_id": CHAIN}
FORCED: Mapping[str, object] = {"chain_id": CHAIN, "force": True}

Kill = Callable[[Stack, LambdaFunction, Mapping[str, object]], None]


@dataclass(frozen=True)
class Crash:
    """One moment at which the function is killed."""

    moment: str
    event: Mapping[str, object]
    kill: Kill


def in_mid_stream(stack: Stack, function: LambdaFunction, event: Mapping[str, object]) -> None:
    """Kill the function while parts of the export are already in S3."""
    pause = Pause(after_bytes=20_000_000)
    stack.spaaza.script(replace(generated_users(200_000), pause=pause))
    running = function.invoke_in_background(event)
    pause.reached.wait()
    os.kill(function.pid, signal.SIGKILL)
    running.result()


def between_complete_and_promote(stack: Stack, function: LambdaFunction, event: Mapping[str, object]) -> None:
    """Kill the function when its object is in place but its manifest is not."""
    stack.spaaza.script(generated_users(200_000, seed=2))
    kill = faults.call(lambda: os.kill(function.pid, signal.SIGKILL), when="after")
    stack.wire.fail("CompleteMultipartUpload", kill)
    function.invoke(event)


CRASHES = (
    Crash("in mid-stream, plain", PLAIN, in_mid_stream),
    Crash("in mid-stream, forced", FORCED, in_mid_stream),
    Crash("between complete and promote, plain", PLAIN, between_complete_and_promote),
    Crash("between complete and promote, forced", FORCED, between_complete_and_promote),
)


def main() -> int:
    """Show every crash; the exit code is 0 only if the next run repairs each of them."""
    console = Console(highlight=False)
    healed = True
    with running_stack() as stack:
        for crash in CRASHES:
            console.rule(f"kill -9 {crash.moment}")
            healed = _show(stack, crash, console) and healed
    return 0 if healed else 1


def _show(stack: Stack, crash: Crash, console: Console) -> bool:
    _empty_bucket(stack)
    stack.spaaza.serve(generated_users(200_000))
    with LambdaFunction(HANDLER, stack.environment()) as function:
        if crash.event is FORCED:
            function.invoke(PLAIN)
        crash.kill(stack, function, crash.event)
        stack.wire.clear()
        console.print(_bucket(stack, "before the next run"))
        invocation = function.invoke(PLAIN)
        console.print(_bucket(stack, "after it"))
    payload = invocation.payload if isinstance(invocation.payload, Mapping) else {}
    console.print(f"The next run returned status {payload.get('status')!r}, run {payload.get('run_id')}.\n")
    return payload.get("run_id") is not None


def _bucket(stack: Stack, when: str) -> Table:
    table = Table("what", "key", "of run", title=when, title_justify="left", box=None)
    for key in stack.object_keys():
        table.add_row("object", key, _run_of(stack, key))
    for key in stack.open_uploads():
        table.add_row("open upload", key, "invisible, removed by the lifecycle rule")
    return table


def _run_of(stack: Stack, key: str) -> str:
    if key.startswith("raw/"):
        return stack.s3.head_object(Bucket=stack.bucket, Key=key)["Metadata"]["run-id"]
    return str(json.loads(stack.read(key))["run_id"])


def _empty_bucket(stack: Stack) -> None:
    for key in stack.object_keys():
        stack.s3.delete_object(Bucket=stack.bucket, Key=key)
    for upload in stack.s3.list_multipart_uploads(Bucket=stack.bucket).get("Uploads", ()):
        stack.s3.abort_multipart_upload(Bucket=stack.bucket, Key=upload["Key"], UploadId=upload["UploadId"])


if __name__ == "__main__":
    sys.exit(main())
