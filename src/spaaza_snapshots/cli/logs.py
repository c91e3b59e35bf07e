"""`spaaza-snapshots logs`: what the functions of a deployed stack have logged, one readable line each."""

import argparse
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from rich.markup import escape

from spaaza_snapshots.cli import deployed
from spaaza_snapshots.cli.command import Answer, Command
from spaaza_snapshots.cli.deployed import Deployment
from spaaza_snapshots.errors import BadSettings, InvalidRequest
from spaaza_snapshots.upkeep.log_lines import chains_in, entry_of, is_report

FUNCTIONS: Final = ("Export", "Parquet", "Rotation")
POLL_SECONDS: Final = 5.0
"""With three functions well below the five calls a second that CloudWatch Logs allows an account."""

LATE_MS: Final = 60_000
"""How late a line may arrive, so how far back each poll looks again."""

STYLES: Final = {"ERROR": "bold red", "KILLED": "bold red", "WARNING": "yellow"}
_SINCE: Final = re.compile(r"(\d{1,5}) ?(m|h|d)[a-z]*( ago)?")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_SAID_ANYWAY: Final = {
    "level", "location", "message", "timestamp", "service", "sampling_rate", "xray_trace_id", "cold_start",
    "function_name", "function_memory_size", "function_arn", "function_request_id", "chain_id", "snapshot_date",
}  # fmt: skip
_BAD_END: Final = re.compile(r"Status: (timeout|error)|Task timed out|signal: killed|\"status\": ?\"(timeout|error)")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log. `chain_ids` is empty where the line is about none; `at` is UTC."""

    at: datetime
    function: str
    level: str
    chain_ids: tuple[int, ...]
    snapshot_date: str
    message: str
    details: Mapping[str, Any]

    def is_about(self, chain_id: int | None) -> bool:
        """Whether it is about this chain, or about the run as a whole."""
        return chain_id is None or not self.chain_ids or chain_id in self.chain_ids


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    deployed.add_arguments(parser)
    parser.add_argument("--since", default="12h", help="how far back: 90m, 12h or 3d; default: 12h")
    parser.add_argument("--chain", type=int, help="only what is about this chain, or about no chain at all")
    parser.add_argument("--function", choices=FUNCTIONS, help="only this function; default: all of the stack")
    parser.add_argument("--follow", action="store_true", help="keep printing new lines as they come, until Ctrl-C")


def _run(options: argparse.Namespace) -> Answer:
    """Read the logs of the stack; raises `InvalidRequest`."""
    since = datetime.now(UTC) - _ago(options.since)
    if options.follow and options.json:
        raise InvalidRequest("Only one of --follow and --json can be used", "", "JSON has an end.")
    deployment = deployed.deployment_of(options)
    groups, session, zone = _log_groups(deployment, options.function), deployment.session, _zone(deployment)
    if options.follow:
        lines_to_come = (line for line in _followed(session, groups, since) if line.is_about(options.chain))
        return Answer(None, (_text(line, zone) for line in lines_to_come))
    with closing(session.client("logs")) as logs:
        lines = [line for line in _lines(logs, groups, since, set()) if line.is_about(options.chain)]
    if not lines:
        return Answer([], [f"Nothing was logged since {since.astimezone(zone):%-d %B %Y, %H:%M %Z}."])
    return Answer(lines, (_text(line, zone) for line in lines))


def _zone(deployment: Deployment) -> tzinfo:
    """Return the stack's time zone, as everywhere else; UTC if it has none that can be told: the log says so."""
    try:
        return deployment.zone
    except BadSettings:
        return UTC


def _ago(text: str) -> timedelta:
    match = _SINCE.fullmatch(text.strip())
    if match is None:
        raise InvalidRequest("This is not a length of time", text, "Write 90m, 12h or 3d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _log_groups(deployment: Deployment, function: str | None) -> Mapping[str, str]:
    """Return the log group of each function, by its name."""
    with closing(deployment.session.client("cloudformation")) as cloudformation:
        resources = cloudformation.describe_stack_resources(StackName=deployment.stack)["StackResources"]
    found = {resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "") for resource in resources}
    groups = {name: found[f"{name}Log"] for name in FUNCTIONS if f"{name}Log" in found and function in (None, name)}
    if not groups:
        hint = "RotationFunction exists only with RenewSession=true." if function == "Rotation" else ""
        raise InvalidRequest("This stack has no such function", f"{deployment.stack}, {function or 'any'}", hint)
    return groups


def _followed(session: Any, groups: Mapping[str, str], since: datetime) -> Iterator[Line]:
    """Yield lines for ever."""
    seen: set[str] = set()
    with closing(session.client("logs")) as logs:
        while True:
            yield from _lines(logs, groups, since, seen)
            since = max(since, datetime.now(UTC) - timedelta(milliseconds=LATE_MS))
            time.sleep(POLL_SECONDS)


def _lines(logs: Any, groups: Mapping[str, str], since: datetime, seen: set[str]) -> list[Line]:
    """Return the lines of all groups in the order of time, without those seen before, and remember these."""
    lines = []
    paginator, since_ms = logs.get_paginator("filter_log_events"), int(since.timestamp() * 1000)
    for function, group in groups.items():
        for event in paginator.paginate(logGroupName=group, startTime=since_ms).search("events[]"):
            if event["eventId"] not in seen:
                seen.add(event["eventId"])
                at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                lines.append(_line(function, at, event["message"]))
    return sorted(filter(None, lines), key=lambda line: line.at)


def _line(function: str, at: datetime, text: str) -> Line | None:
    """Read one line of a log; None for metrics, and for what Lambda says of a run that ended well."""
    entry = entry_of(text)
    if not entry or is_report(entry):
        is_bad = _BAD_END.search(text) is not None
        return Line(at, function, "KILLED", (), "", text.strip(), {}) if is_bad else None
    if "_aws" in entry or "message" not in entry:
        return None
    details = {name: value for name, value in entry.items() if name not in _SAID_ANYWAY}
    return Line(
        at,
        function,
        str(entry.get("level", "")),
        chains_in(entry.get("chain_id")) + chains_in(entry.get("missing_chain_ids")),
        str(entry.get("snapshot_date", "")),
        str(entry["message"]),
        details,
    )


def _text(line: Line, zone: tzinfo) -> str:
    """Return a line as people read it: the stack's time, and what is known beside the message."""
    style = STYLES.get(line.level, "dim" if line.level == "DEBUG" else "default")
    chains = f"chain {', '.join(map(str, line.chain_ids))}" if line.chain_ids else ""
    about = ", ".join(filter(None, (chains, line.snapshot_date)))
    details = " ".join(f"{name}={value}" for name, value in line.details.items())
    parts = (about, line.message, details)
    text = "  ".join(escape(part) for part in parts if part)
    return f"{line.at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}  {line.function:<8}  [{style}]{line.level:<7}[/]  {text}"


COMMAND = Command("logs", "print what the functions have logged, and follow it", _add_arguments, _run)
