"""What a good run says of itself: each figure that it measures, and the source in its manifest."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import EXPORT_HEADERS, Answer, csv_answer, generated_users
from sandbox.spaaza.users import sample_csv
from tests.support.builders import HeldClock
from tests.support.flow import invoke

SECONDS = 4


def measured(text: str) -> dict[str, Any]:
    """Return the figures of one chain, without the names of their dimensions."""
    lines = [json.loads(line) for line in text.splitlines()]
    of_chain = [line for line in lines if "_aws" in line and "chain_id" in line]
    return {name: value[0] for line in of_chain for name, value in line.items() if isinstance(value, list)}


def slow(answer: Answer, held: HeldClock) -> Answer:
    """The same answer, during which time passes."""
    body = answer.body
    assert isinstance(body, bytes)

    def slowly() -> Iterator[bytes]:
        yield body[:20]
        held.pass_by(SECONDS)
        yield body[20:]

    return replace(answer, body=slowly)


def test_every_figure_of_a_snapshot_is_that_of_its_manifest(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    held = HeldClock()
    stack.spaaza.serve(slow(csv_answer(sample_csv()), held))
    manifest = invoke(stack, held=held)
    raw = manifest["raw"]
    assert measured(capsys.readouterr().out) == {
        "SnapshotsCompleted": 1,
        "Rows": manifest["row_count"],
        "RowsWithLineBreaks": manifest["rows_with_line_breaks"],
        "GzipBytes": raw["gzip_bytes"],
        "CsvBytes": raw["csv_bytes"],
        "RunSeconds": SECONDS,
        "CsvBytesPerSecond": raw["csv_bytes"] / SECONDS,
        "Attempts": 1,
        "HeaderChanges": 0,
        "RawTableSkips": 0,
    }


def test_a_typed_copy_that_is_missing_is_measured_under_its_chain(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    invoke(stack)
    capsys.readouterr()
    invoke(stack)
    assert measured(capsys.readouterr().out) == {"ParquetsMissing": 1}


def test_the_source_tells_what_spaaza_called_its_answer(stack: Stack) -> None:
    stack.spaaza.serve(generated_users(20))
    source = invoke(stack)["source"]
    assert source == {
        "url": f"{stack.spaaza.base_url}/segments/export/users",
        "content_type": EXPORT_HEADERS["Content-Type"],
        "content_disposition": EXPORT_HEADERS.get("Content-Disposition"),
        "attempts": 1,
    }
