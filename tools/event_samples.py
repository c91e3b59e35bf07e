"""Write `events/samples`: one real event of each kind, as EventBridge delivers it, from a run of both functions."""

import json
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.stack import Stack, running_stack
from sandbox.spaaza.answers import generated_users, refusal

SAMPLES = Path(__file__).resolve().parents[1] / "events" / "samples"
CHAIN, OTHER_CHAIN = 1743, 1783
EXPORT_HANDLER = "spaaza_snapshots.export_handler.lambda_handler"
PARQUET_HANDLER = "spaaza_snapshots.parquet_handler.lambda_handler"

DELIVERED = ("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail")
"""What EventBridge delivers: https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html"""

EVENT_ID, RUN_ID = "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "0f8fad5b-d9cb-469f-a165-70867728950e"

Event = Mapping[str, Any]


def samples(stack: Stack) -> dict[str, str]:
    """Run both functions on an unused stack, and return the text of each sample by the name of its file.

    The names are those that an EventBridge schema registry would give. What differs from run to run is replaced: the
    ids, the time, and the two days.
    """
    today = datetime.now(UTC).date()
    yesterday = today - timedelta(days=1)
    days = {today.isoformat(): "2026-11-22", yesterday.isoformat(): "2026-11-21"}
    with (
        LambdaFunction(EXPORT_HANDLER, stack.environment((CHAIN, OTHER_CHAIN))) as export,
        LambdaFunction(PARQUET_HANDLER, stack.environment(), memory_mb=1024) as parquet,
    ):
        _first_day(stack, export, parquet, yesterday.isoformat())
        found = _second_day(stack, export, parquet)
    return {f"spaaza.snapshots@{name}.json": _normalised(event, days) for name, event in found.items()}


def _first_day(stack: Stack, export: LambdaFunction, parquet: LambdaFunction, day: str) -> None:
    """Take and convert the snapshots that those of the second day are compared with."""
    stack.spaaza.serve(generated_users(50))
    for chain in (CHAIN, OTHER_CHAIN):
        export.invoke({"chain_id": chain, "date": day})
    for completed in stack.listener.events():
        parquet.invoke(completed)
    stack.listener.events()


def _second_day(stack: Stack, export: LambdaFunction, parquet: LambdaFunction) -> dict[str, Event]:
    """Return what the second day sends: a column more in one chain; in the other a refusal, then too few users."""
    stack.spaaza.serve(generated_users(51, extra_columns=["Favourite colour"]), CHAIN)
    refused = refusal(401, 6)
    stack.spaaza.script(refused, refused, chain_id=OTHER_CHAIN)
    stack.spaaza.serve(generated_users(20), OTHER_CHAIN)
    export.invoke({})
    requests = stack.listener.events()
    for request in (*requests, requests[-1]):
        export.invoke(request)
    completed, expired, held = stack.listener.events()
    parquet.invoke(completed)
    (converted,) = stack.listener.events()
    return {
        "SnapshotRequested": requests[0],
        "SnapshotCompleted": completed,
        "SnapshotFailed": expired,
        "SnapshotFailed-held": held,
        "ParquetCompleted": converted,
    }


def _normalised(event: Event, days: Mapping[str, str]) -> str:
    fixed = {"id": EVENT_ID, "account": "123456789012", "time": "2026-11-22T03:00:12Z"}  # moto leaves out the account
    text = json.dumps({key: {**event, **fixed}[key] for key in DELIVERED}, indent=2, ensure_ascii=False) + "\n"
    text = re.sub("|".join(days), lambda day: days[day[0]], text)
    run_id = event["detail"].get("run_id")
    return text.replace(run_id, RUN_ID) if run_id else text


def main() -> int:
    """Write them all."""
    with running_stack(chains=(CHAIN, OTHER_CHAIN)) as stack:
        for name, text in samples(stack).items():
            (SAMPLES / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
