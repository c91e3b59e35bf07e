"""Each line that a run logs, with its keys: operators search for them."""

import json
import logging
from datetime import timedelta

import pytest

from sandbox.aws.stack import SECRET, Stack, session_secret
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME
from spaaza_snapshots.base import telemetry
from spaaza_snapshots.base.telemetry import logger
from spaaza_snapshots.model.snapshot_id import SnapshotId
from tests.flow.test_figures import measured
from tests.support.builders import NOW
from tests.support.flow import CHAIN, SNAPSHOT, TODAY, invoke
from tests.support.log_records import logged

DENIED = faults.error(403, "AccessDenied")
SCHEDULED = {"chain_ids": [CHAIN], "scheduled_time": "2026-11-22T03:00:00Z"}
ENDED = "The session has expired according to its own date; trying it anyway"


@pytest.fixture(autouse=True)
def every_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def session_ends(stack: Stack, after: timedelta) -> None:
    ends = f"{NOW + after:%Y-%m-%d %H:%M:%S}"
    secret = {**session_secret(stack.spaaza), "session_expires_date": ends}
    stack.aws.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=json.dumps(secret))


def test_a_good_run_tells_what_it_received_and_that_it_is_done(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    done = invoke(stack)
    assert logged(caplog, "Export received") == [{"gzip_bytes": done["raw"]["gzip_bytes"], "rows": 5}]
    assert logged(caplog, "Done") == [{"status": "complete", "rows": 5, "snapshot_run_id": done["run_id"]}]
    assert logger.get_current_keys()["run_id"] == done["run_id"]
    caplog.clear()
    invoke(stack)
    assert [line["status"] for line in logged(caplog, "Done")] == ["already_complete"]


def test_a_long_export_tells_how_far_it_is(
    stack: Stack, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "PROGRESS_SECONDS", 0.0)
    raw = invoke(stack)["raw"]
    whole = {"gzip_bytes": raw["gzip_bytes"], "csv_bytes": raw["csv_bytes"], "rows": 5, "seconds": 0.0}
    assert logged(caplog, "Streaming")[-1] == whole


def test_a_day_before_that_cannot_be_recovered_is_told_and_measured(
    stack: Stack, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    before = SnapshotId(CHAIN, TODAY - timedelta(days=1)).raw_key
    stack.wire.fail("HeadObject", DENIED, key_contains="dt=2026-11-21", times=EVERY_TIME)
    invoke(stack, SCHEDULED)
    (line,) = logged(caplog, "The previous day could not be recovered")
    assert list(line) == ["error"]
    assert line["error"].startswith(f"AWS failed while checking {before}: 403, HTTP 403. ")
    assert measured(capsys.readouterr().out)["TailsUndone"] == 1


def test_a_session_that_cannot_be_read_is_told_in_a_run_that_needs_none(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    invoke(stack)
    stack.wire.fail("GetSecretValue", faults.error(400, "AccessDeniedException"), times=EVERY_TIME)
    invoke(stack)
    (line,) = logged(caplog, "The session could not be read")
    assert list(line) == ["error"]
    assert f"{SECRET}, AccessDeniedException" in line["error"]


@pytest.mark.parametrize(("seconds", "is_told"), [(-1, True), (0, False), (43_200, False)])
def test_a_session_is_told_to_have_ended_once_its_own_date_is_past(
    stack: Stack, caplog: pytest.LogCaptureFixture, seconds: int, is_told: bool
) -> None:
    session_ends(stack, timedelta(seconds=seconds))
    invoke(stack)
    assert logged(caplog, ENDED) == ([{}] if is_told else [])


def test_a_manifest_that_cannot_be_read_is_told_by_its_key(
    stack: Stack, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.s3.put_object(Bucket=stack.bucket, Key=SNAPSHOT.manifest_key, Body=b"{")
    stack.s3.put_object(Bucket=stack.bucket, Key=SNAPSHOT.raw_key, Body=b"", Metadata={"run-id": "lost"})
    invoke(stack)
    lines = logged(caplog, "A manifest cannot be read")
    assert lines
    assert all(list(line) == ["error"] and SNAPSHOT.manifest_key in line["error"] for line in lines)
    assert measured(capsys.readouterr().out)["DamagedManifests"] == 1
