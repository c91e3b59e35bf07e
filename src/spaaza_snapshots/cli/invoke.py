"""`spaaza-snapshots invoke`: start a run, follow its log to the end, and print its result.

The run is invoked asynchronously. A synchronous call would keep a connection idle for up to 15 minutes; a NAT may drop
it earlier, and then the answer is lost and the outcome unknown.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import date
from typing import Any, Final

import boto3
from botocore.config import Config
from rich.json import JSON
from rich.markup import escape

from spaaza_snapshots.cli import deployed
from spaaza_snapshots.cli.command import Answer, Command, ExitCode, aside, exit_code_of_class
from spaaza_snapshots.cli.early_end import Stopped
from spaaza_snapshots.cli.manifest_view import manifest_view
from spaaza_snapshots.errors import OutOfTime
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.model.snapshot_id import SnapshotId

ONCE: Final = Config(retries={"total_max_attempts": 1})
"""A retry by the SDK could start a second run."""

POLL_SECONDS = 2.0
"""Well below the five calls a second that CloudWatch Logs allows an account."""

START_SECONDS = 3600
"""How long Lambda keeps an event that it cannot start: MaximumEventAgeInSeconds in the template."""

RUN_SECONDS = 900
"""The function's time limit."""

LATE_SECONDS = 60
"""How late a log line may arrive."""

LogEntry = Mapping[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `run`."""
    deployed.add_arguments(parser)
    parser.add_argument("--function", help="name or ARN of the export function; default: the stack's")
    parser.add_argument("--chain", type=int, help="chain id; default: all configured chains")
    parser.add_argument("--date", help="YYYY-MM-DD; default: today")
    parser.add_argument("--force", action="store_true", help="export again and replace the snapshot")
    parser.add_argument("--accept", action="store_true", help="commit the held snapshot")


def run(options: argparse.Namespace) -> Answer:
    """Start a run and wait for its end; raises `Stopped` if it failed, `OutOfTime` if it did not end in time."""
    session, function = _function(options)
    payload = _payload(options)
    with closing(session.client("lambda", config=ONCE)) as functions:
        configuration = functions.get_function_configuration(FunctionName=function)
        started = functions.invoke(FunctionName=function, InvocationType="Event", Payload=payload)
    aside().print(f"[dim]started {escape(function)} {escape(payload)}[/dim]", soft_wrap=True)
    try:
        log_group = configuration["LoggingConfig"]["LogGroup"]
        end = _follow(session, log_group, started["ResponseMetadata"]["RequestId"])
    except KeyboardInterrupt:
        sentence = "The run continues; spaaza-snapshots logs shows how it ends."
        raise Stopped(sentence, ExitCode.INTERRUPTED) from None
    if "error" in end:
        raise Stopped(f"{end['error']} {end['message']}", exit_code_of_class(end["error"]))
    return _good_end(end, session, configuration["Environment"]["Variables"]["SNAPSHOT_BUCKET"])


def _function(options: argparse.Namespace) -> tuple[boto3.Session, str]:
    if options.function:
        return deployed.session_of(options), options.function
    deployment = deployed.deployment_of(options)
    return deployment.session, deployment.output("ExportFunctionName")


def _payload(options: argparse.Namespace) -> str:
    given = {"chain_id": options.chain, "date": options.date, "force": options.force, "accept": options.accept}
    return json.dumps({name: value for name, value in given.items() if value is not None and value is not False})


def _follow(session: boto3.Session, log_group: str, request_id: str) -> LogEntry:
    """Show a run's progress until its log has the final entry, and return that entry."""
    report = ""
    with closing(session.client("logs")) as logs, aside().status("waiting for the function to start") as shown:
        for lines in _polls(logs, log_group, request_id):
            entries = [_entry(line) for line in lines]
            ends = [entry for entry in entries if _tells_the_end(entry)]
            if ends:
                return ends[0]
            if report:  # and another poll has found nothing
                return {"error": "Killed", "message": f"The run was killed before it could log a result. {report}"}
            report = next(filter(_is_report, lines), "").strip()
            for entry in entries:
                shown.update(_progress(entry))
    raise OutOfTime(
        "The log does not show how the run ended",
        f"request {request_id} in {log_group}",
        'If it has no line in the log, the run never started: see "See which runs have failed" in docs/OPERATIONS.md.',
    )


def _polls(logs: Any, log_group: str, request_id: str) -> Iterator[list[str]]:
    """Yield the new log lines of one request, poll by poll, for as long as any may arrive."""
    began = time.monotonic()
    since_ms = int((time.time() - START_SECONDS) * 1000)  # the clocks may differ, the request id cannot
    seen: set[str] = set()
    pages = logs.get_paginator("filter_log_events")
    while time.monotonic() - began < START_SECONDS + RUN_SECONDS + LATE_SECONDS:
        found = pages.paginate(logGroupName=log_group, startTime=since_ms, filterPattern=f'"{request_id}"')
        events = [event for page in found for event in page["events"] if event["eventId"] not in seen]
        seen |= {event["eventId"] for event in events}
        yield [event["message"] for event in events]
        time.sleep(POLL_SECONDS)


def _entry(line: str) -> LogEntry:
    """Return a log line of the function, parsed; empty for lines that Lambda itself wrote."""
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def _tells_the_end(entry: LogEntry) -> bool:
    failed = entry.get("level") == "ERROR" and "error" in entry
    return failed or "snapshot_run_id" in entry or "requested" in entry


def _is_report(line: str) -> bool:
    """Whether Lambda reports the end of the invocation with this line, in either of its two log formats."""
    return line.startswith("REPORT RequestId:") or _entry(line).get("type") == "platform.report"


def _progress(entry: LogEntry) -> str:
    if "csv_bytes" not in entry:
        return "running"
    return f"{entry['rows']:,} rows, {entry['csv_bytes']:,} bytes of CSV after {entry['seconds']:.0f} s"


def _good_end(end: LogEntry, session: boto3.Session, bucket: str) -> Answer:
    if "requested" in end:
        return Answer({"requested": end["requested"]}, [JSON.from_data({"requested": end["requested"]})])
    key = SnapshotId(end["chain_id"], date.fromisoformat(end["snapshot_date"])).manifest_key
    with closing(session.client("s3")) as s3:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    manifest = Manifest.from_json(body, key)
    return Answer({**asdict(manifest), "status": end["status"]}, manifest_view(manifest, end["status"]))


COMMAND = Command("invoke", "run the deployed function, follow it, and print its manifest", add_arguments, run)
