"""The queue of asynchronous invocations: what it does with more events than runs, with errors and with old age."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws.async_invocations import AsyncConfig, AsyncInvocations
from sandbox.aws.lambda_runtime import LambdaFunction

NOTING = """
import time
def handler(event, context):
    with open(event["notes"], "a") as notes:
        notes.write(f"{event['number']}\\n")
    time.sleep(0.05)
    if event["number"] in event.get("failing", ()):
        raise ValueError("no")
"""
CONFIG = AsyncConfig(
    maximum_retry_attempts=0,
    maximum_event_age_seconds=60,
    first_interval_seconds=0.02,
    retry_seconds=(0.05, 0.1),
    double_every=5,
    double_seconds=0.2,
)
Queue = Callable[..., AsyncInvocations]


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    """Put a queue in front of two copies of a function that notes the numbers of its events."""
    (tmp_path / "noting.py").write_text(NOTING)
    with ExitStack() as stack:

        def made(**changes: Any) -> AsyncInvocations:
            functions = [
                stack.enter_context(LambdaFunction("noting.handler", {}, pythonpath=[tmp_path])) for _ in range(2)
            ]
            return AsyncInvocations(functions, replace(CONFIG, **changes))

        yield made


def played(queue: AsyncInvocations, folder: Path, numbers: int, **more: object) -> list[int]:
    """Deliver events with these numbers, and return the numbers in the order in which the function noted them."""
    arriving = [[{"number": number, "notes": str(folder / "notes"), **more} for number in range(numbers)]]
    queue.play(lambda: arriving.pop() if arriving else [])
    notes = folder / "notes"
    return [int(line) for line in notes.read_text().split()] if notes.exists() else []


def test_all_events_come_some_of_them_twice_and_what_found_no_room_comes_again(queue: Queue, tmp_path: Path) -> None:
    crowded = queue()
    assert sorted(played(crowded, tmp_path, 10)) == sorted([*range(10), 4, 9])
    assert (crowded.accepted, crowded.doubles, crowded.deliveries) == (10, 2, 12)
    assert crowded.throttles > 0
    assert crowded.undelivered == []


@pytest.mark.parametrize("retries", [0, 2])
def test_an_error_is_retried_as_often_as_configured_and_then_kept(queue: Queue, tmp_path: Path, retries: int) -> None:
    failing = queue(maximum_retry_attempts=retries)
    assert sorted(played(failing, tmp_path, 2, failing=[1])) == [0, *[1] * (1 + retries)]
    (lost,) = failing.undelivered
    assert lost.condition == "RetriesExhausted"
    assert lost.ended is not None
    assert lost.ended.error_type == "ValueError"


def test_an_event_that_has_grown_too_old_never_reaches_the_function(queue: Queue, tmp_path: Path) -> None:
    slow = queue(maximum_event_age_seconds=0)
    assert played(slow, tmp_path, 1) == []
    assert [lost.condition for lost in slow.undelivered] == ["EventAgeExceeded"]
