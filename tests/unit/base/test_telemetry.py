"""What the functions say of themselves: metrics out of the declared table, and progress."""

import json
import logging
import sys
from typing import Any

import pytest

from spaaza_snapshots.base.telemetry import METRICS, NAMESPACE, Progress, Telemetry
from tests.support.builders import HeldClock

MIB = 1024 * 1024


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The EMF documents on standard output; log lines have no `_aws`."""
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [document for document in documents if "_aws" in document]


def directives(document: dict[str, Any]) -> Any:
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    return directive


def test_a_metric_by_chain_is_kept_for_all_chains_and_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    Telemetry("exports").measure({"Rows": 68, "GzipBytes": 1000}, 1743)
    (document,) = said(capsys)
    directive = directives(document)
    assert directive["Namespace"] == NAMESPACE
    assert sorted(map(sorted, directive["Dimensions"])) == [["chain_id", "service"], ["service"]]
    assert {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]} == {
        "Rows": "Count",
        "GzipBytes": "Bytes",
    }
    assert (document["service"], document["chain_id"]) == ("exports", "1743")
    assert (document["Rows"], document["GzipBytes"]) == ([68.0], [1000.0])


def test_a_metric_of_the_whole_product_has_no_chain(capsys: pytest.CaptureFixture[str]) -> None:
    Telemetry("exports").measure({"SessionDaysLeft": 3.5}, 1743)
    (document,) = said(capsys)
    assert directives(document)["Dimensions"] == [["service"]]
    assert "chain_id" not in document
    assert document["SessionDaysLeft"] == [3.5]


def test_metrics_of_both_kinds_go_each_its_own_way(capsys: pytest.CaptureFixture[str]) -> None:
    Telemetry("exports").measure({"SessionDaysLeft": 3, "Rows": 68}, 1743)
    named = {
        metric["Name"]: "chain_id" in document
        for document in said(capsys)
        for metric in directives(document)["Metrics"]
    }
    assert named == {"SessionDaysLeft": False, "Rows": True}


def test_nothing_said_before_is_said_again(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry("exports")
    telemetry.measure({"SnapshotsFailed": 1}, 1743)
    telemetry.measure({"SnapshotsFailed": 1}, 1783)
    assert [document["chain_id"] for document in said(capsys)] == ["1743", "1783"]
    telemetry.measure({"SnapshotsFailed": 1})
    (document,) = said(capsys)
    assert "chain_id" not in document


def test_every_declared_metric_is_said_with_its_unit(capsys: pytest.CaptureFixture[str]) -> None:
    Telemetry("exports").measure(dict.fromkeys(METRICS, 1), 1743)
    units = {metric["Name"]: metric["Unit"] for document in said(capsys) for metric in directives(document)["Metrics"]}
    assert units == {name: metric.unit.value for name, metric in METRICS.items()}
    assert all(metric.meaning for metric in METRICS.values())


def test_an_undeclared_metric_is_a_defect_and_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError, match="Row"):
        Telemetry("exports").measure({"Row": 68, "Rows": 68}, 1743)
    assert said(capsys) == []


class BrokenOutput:
    """A standard output whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")

    def flush(self) -> None:
        raise BrokenPipeError(32, "Broken pipe")


def test_metrics_that_can_not_be_written_are_logged_and_un_happen_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", BrokenOutput())
        Telemetry("exports").measure({"Rows": 68}, 1743)
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert vars(record)["metrics"] == ["Rows"]


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[int, int, int]]:
    """The progress told since the last look: bytes of gzip, bytes of CSV, rows."""
    found = [vars(record) for record in caplog.records if "gzip_bytes" in vars(record)]
    caplog.clear()
    return [(line["gzip_bytes"], line["csv_bytes"], line["rows"]) for line in found]


def test_progress_is_told_every_10_seconds(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    held = HeldClock()
    progress = Progress(held.clock())
    for second in range(31):
        progress.at(second, 10 * second, second)
        held.pass_by(1)
    assert lines(caplog) == [(10, 100, 10), (20, 200, 20), (30, 300, 30)]


def test_progress_is_told_every_64_mib(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    progress = Progress(HeldClock().clock())
    for mib in range(0, 200, 4):
        progress.at(mib * MIB, 0, 0)
    assert [gzip_bytes // MIB for gzip_bytes, _, _ in lines(caplog)] == [64, 128, 192]


def test_a_short_export_tells_no_progress(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    held = HeldClock()
    progress = Progress(held.clock())
    held.pass_by(9.9)
    progress.at(64 * MIB - 1, 10**9, 10**6)
    assert lines(caplog) == []
