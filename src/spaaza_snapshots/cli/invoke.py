"""`spaaza-snapshots invoke`: start a run as an event, follow its log to the end, and print its result."""

import argparse
import json
import time
from contextlib import closing
from dataclasses import asdict
from datetime import date
from typing import Final

import boto3
from botocore.config import Config
from rich.json import JSON
from rich.markup import escape

from spaaza_snapshots.cli import deployed
from spaaza_snapshots.cli.command import Answer, Command, ExitCode, Stopped, aside, exit_code_of_class
from spaaza_snapshots.cli.days_asked import a_date
from spaaza_snapshots.cli.manifest_view import manifest_view
from spaaza_snapshots.model.manifest import Manifest
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.upkeep import run_log
from spaaza_snapshots.upkeep.log_lines import LogEntry
from spaaza_snapshots.upkeep.run_log import RunLog

ONCE: Final = Config(retries={"total_max_attempts": 1})
"""A retry by the SDK could start a second run."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    deployed.add_arguments(parser)
    parser.add_argument("--function", help="name or ARN of the export function; default: the stack's")
    parser.add_argument("--chain", type=int, help="chain id; default: all configured chains")
    parser.add_argument("--date", type=a_date, help="YYYY-MM-DD; default: today")
    parser.add_argument("--force", action="store_true", help="export again and replace the snapshot")
    parser.add_argument("--accept", action="store_true", help="commit the held snapshot")


def _run(options: argparse.Namespace) -> Answer:
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
    day = None if options.date is None else options.date.isoformat()
    given = {"chain_id": options.chain, "date": day, "force": options.force, "accept": options.accept}
    return json.dumps({name: value for name, value in given.items() if value is not None and value is not False})


def _follow(session: boto3.Session, log_group: str, request_id: str) -> LogEntry:
    """Show a run's progress until its log has the final entry, and return that entry."""
    with closing(session.client("logs")) as logs, aside().status("waiting for the function to start") as shown:
        log = RunLog(logs, log_group, request_id, _tells_the_end)
        while (end := log.poll()) is None:
            for entry in log.entries:
                shown.update(_progress(entry))
            time.sleep(run_log.POLL_SECONDS)
        return end


def _tells_the_end(entry: LogEntry) -> bool:
    return "snapshot_run_id" in entry or "requested" in entry


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


COMMAND = Command("invoke", "run the deployed function, follow it, and print its manifest", _add_arguments, _run)
