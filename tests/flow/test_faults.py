"""Every step of the flow broken once, and after each the four questions: which objects exist, is an upload open,
what does the manifest say, does the next run end right."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.processes import free_ports
from sandbox.aws.stack import SECRET, Stack, session_secret
from sandbox.spaaza import answers
from sandbox.spaaza.answers import Answer, csv_answer, generated_users, gzip_answer, refusal, sample_users
from sandbox.spaaza.users import HEADER, gzipped, sample_csv
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME
from spaaza_snapshots.base.clock import RESERVE_SECONDS
from spaaza_snapshots.base.sdk import SDK_CONFIG
from spaaza_snapshots.errors import (
    CredentialsError,
    ExportInterrupted,
    ExportRejected,
    ExportUnavailable,
    NotAnExport,
    SessionExpired,
    SnapshotError,
    StorageError,
)
from tests.support.builders import HeldClock, documented_csv
from tests.support.flow import CHAIN, aftermath, events, invoke

SAMPLE_GZIP = b"".join(gzipped([sample_csv()]))
DENIED = faults.error(403, "AccessDenied")


@dataclass(frozen=True)
class Broken:
    """One way in which Spaaza's answer is no snapshot, and what it is called."""

    answer: Answer
    error: type[SnapshotError]
    says: str


BROKEN_ANSWERS = {
    "redirected": Broken(answers.redirect("https://elsewhere.example/"), ExportRejected, "HTTP 307"),
    "bad request": Broken(refusal(400), ExportRejected, "HTTP 400"),
    "session unknown": Broken(refusal(401, 6), SessionExpired, "code 6"),
    "forbidden": Broken(refusal(403), ExportRejected, "HTTP 403"),
    "permission denied as 500": Broken(refusal(500, 68), ExportRejected, "code 68"),
    "down": Broken(refusal(503), ExportUnavailable, "HTTP 503"),
    "too many requests": Broken(refusal(429), ExportUnavailable, "HTTP 429"),
    "JSON as 200": Broken(answers.json_answer({"result": {"code": 1}}), NotAnExport, "no gzip"),
    "HTML as 200": Broken(answers.html_answer("<html>"), NotAnExport, "text/html"),
    "nothing as 200": Broken(gzip_answer(b""), NotAnExport, "no body"),
    "plain CSV under gzip's header": Broken(gzip_answer(sample_csv()), NotAnExport, "no gzip"),
    "no answer in time": Broken(replace(sample_users(), delay_seconds=30), ExportUnavailable, "did not answer"),
    "cut": Broken(replace(sample_users(), cut_after_bytes=500), ExportInterrupted, "broke off"),
    "reset": Broken(replace(sample_users(), reset_after_bytes=500), ExportInterrupted, "broke off"),
    "stalled": Broken(replace(sample_users(), stall_after_bytes=500), ExportInterrupted, "broke off"),
    "shorter than declared": Broken(
        replace(sample_users(), framing="content-length", cut_after_bytes=500), ExportInterrupted, "broke off"
    ),
    "half a gzip, ended cleanly": Broken(
        replace(sample_users(), clean_end_after_bytes=500), ExportInterrupted, "gzip_ends_at_trailer"
    ),
    "half a gzip, ended with the connection": Broken(
        replace(sample_users(), framing="close", clean_end_after_bytes=500), ExportInterrupted, "gzip_ends_at_trailer"
    ),
    "a flipped byte": Broken(gzip_answer(answers.flip_byte(SAMPLE_GZIP, 500)), ExportInterrupted, "damaged"),
    "a bad CRC": Broken(gzip_answer(answers.bad_crc(SAMPLE_GZIP)), ExportInterrupted, "damaged"),
    "bytes behind the gzip": Broken(
        gzip_answer(answers.trailing_bytes(SAMPLE_GZIP)), ExportInterrupted, "Other bytes follow"
    ),
    "a second member cut": Broken(
        gzip_answer(answers.two_members(sample_csv(), 1000)[:-4]), ExportInterrupted, "gzip_ends_at_trailer"
    ),
    "gzip of JSON": Broken(csv_answer(b'{"result": {"code": 1}}'), NotAnExport, "no gzip CSV"),
    "gzip of JSON that says no session": Broken(csv_answer(b'{"error": {"code": 6}}'), SessionExpired, "code 6"),
    "gzip of HTML": Broken(csv_answer(b"<html>\n<h1>Down</h1>"), NotAnExport, "no gzip CSV"),
    "rows without a header": Broken(
        csv_answer(b"1,Jane,Doe\n2,John,Doe\n"), NotAnExport, "0 of the 68 documented names"
    ),
    "no header": Broken(csv_answer(b""), NotAnExport, "header"),
    "only blank lines": Broken(csv_answer(b"\r\n\n"), NotAnExport, "header"),
    "an open quote": Broken(csv_answer(documented_csv() + b'1,"2'), ExportInterrupted, "csv_ends_outside_quotes"),
    "a first row too wide": Broken(csv_answer(documented_csv("1,2,3", "1,2")), ExportInterrupted, "first_row"),
    "a last row cut": Broken(csv_answer(documented_csv("1,2") + b"1"), ExportInterrupted, "last_row"),
    "a last row too wide": Broken(csv_answer(documented_csv("1,2", "1,2,3")), ExportInterrupted, "last_row"),
}


@pytest.mark.parametrize("name", BROKEN_ANSWERS)
def test_an_answer_that_is_no_whole_export_leaves_nothing_and_the_next_run_is_whole(stack: Stack, name: str) -> None:
    broken = BROKEN_ANSWERS[name]
    stack.spaaza.serve(broken.answer)
    with pytest.raises(broken.error, match=broken.says) as raised:
        invoke(stack, variables={"SPAAZA_READ_TIMEOUT_SECONDS": "1"})
    assert type(raised.value) is broken.error
    assert all((raised.value.what, raised.value.detail, raised.value.hint))
    assert aftermath(stack).is_nothing
    stack.spaaza.serve(sample_users())
    assert invoke(stack)["header"] == HEADER
    assert aftermath(stack).is_committed


@dataclass(frozen=True)
class Denied:
    """One call that AWS refuses before anything is committed."""

    operation: str
    key_contains: str
    error: type[SnapshotError]


@pytest.mark.parametrize(
    "denied",
    [
        Denied("GetSecretValue", "", CredentialsError),
        Denied("HeadObject", "raw/", StorageError),
        Denied("ListObjectsV2", "", StorageError),
        Denied("CreateMultipartUpload", "raw/", StorageError),
        Denied("UploadPart", "raw/", StorageError),
        Denied("PutObject", "pending/", StorageError),
    ],
    ids=lambda denied: denied.operation,
)
def test_a_call_refused_before_the_commit_leaves_nothing_and_the_next_run_is_whole(
    stack: Stack, denied: Denied
) -> None:
    stack.wire.fail(denied.operation, DENIED, times=EVERY_TIME, key_contains=denied.key_contains)
    with pytest.raises(denied.error) as raised:
        invoke(stack)
    assert type(raised.value) is denied.error
    assert aftermath(stack).is_nothing
    stack.wire.clear()
    assert invoke(stack)["status"] == "complete"
    assert aftermath(stack).is_committed


def test_a_secret_without_a_session_stops_the_run_before_anything_is_asked_for(stack: Stack) -> None:
    stack.aws.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString="{}")
    with pytest.raises(CredentialsError, match="session_user_id"):
        invoke(stack)
    assert aftermath(stack).is_nothing
    assert stack.spaaza.requests == []


def test_nobody_listening_leaves_nothing(stack: Stack) -> None:
    held = HeldClock()
    (port,) = free_ports(1)
    with pytest.raises(ExportUnavailable, match="did not answer"):
        invoke(stack, held=held, variables={"SPAAZA_SERVICES_URL": f"http://127.0.0.1:{port}"})
    assert aftermath(stack).is_nothing
    assert len(held.slept) == 2
    assert all(1 <= seconds <= 20 for seconds in held.slept)


def test_what_fails_twice_is_whole_the_third_time_with_each_attempts_upload_ended(stack: Stack) -> None:
    stack.spaaza.script(refusal(503), replace(sample_users(), cut_after_bytes=500))
    result = invoke(stack)
    assert result["source"]["attempts"] == 3
    assert aftermath(stack).is_committed


def test_a_session_renewed_meanwhile_is_read_afresh_and_used(stack: Stack) -> None:
    old = stack.spaaza.session
    stack.spaaza.session = replace(old, key="0" * 64)
    renewed: Callable[[], object] = lambda: stack.aws.create_secret(SECRET, session_secret(stack.spaaza))  # noqa: E731
    secrets = stack.aws.client("secretsmanager")
    stack.wire.fail(
        "GetSecretValue",
        faults.call(lambda: (secrets.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True), renewed())),
        nth=3,
    )
    assert invoke(stack)["status"] == "complete"
    assert [request.headers["x-spaaza-session-key"] for request in stack.spaaza.requests] == [old.key, "0" * 64]


@pytest.mark.parametrize(
    "fault",
    [faults.error(400, "InvalidPart"), faults.error(400, "BadDigest"), faults.error(400, "EntityTooSmall")],
    ids=["InvalidPart", "BadDigest", "EntityTooSmall"],
)
def test_a_complete_that_s3_refuses_leaves_no_object_and_the_next_run_is_whole(
    stack: Stack, fault: faults.Fault
) -> None:
    stack.wire.fail("CompleteMultipartUpload", fault)
    with pytest.raises(StorageError, match="completing the upload"):
        invoke(stack)
    there = aftermath(stack)
    assert (there.raw_run_id, there.open_uploads, there.manifest) == (None, 0, None)
    assert len(there.pending) == 1  # names no object that is there: harmless, and ended by the lifecycle
    again = invoke(stack)
    after = aftermath(stack)
    assert again["status"] == "complete"
    assert after.manifest is not None
    assert after.manifest["run_id"] == after.raw_run_id == again["run_id"]


@pytest.mark.parametrize(
    "fault",
    [
        faults.lose_answer,
        faults.error_in_200("InternalError", forwarded=True),
        faults.error(404, "NoSuchUpload", forwarded=True),
    ],
    ids=["no answer", "an error in a 200", "no such upload"],
)
def test_a_complete_that_happened_and_says_otherwise_is_a_snapshot(stack: Stack, fault: faults.Fault) -> None:
    stack.wire.fail("CompleteMultipartUpload", fault, times=EVERY_TIME)
    assert invoke(stack)["status"] == "complete"
    assert aftermath(stack).is_committed


def test_a_complete_that_takes_longer_than_any_other_call_may_is_waited_for(stack: Stack) -> None:
    stack.wire.fail("CompleteMultipartUpload", faults.stall(SDK_CONFIG.read_timeout + 1), times=EVERY_TIME)  # type: ignore[attr-defined] # its stub leaves out what was set
    assert invoke(stack)["status"] == "complete"
    assert [call.operation for call in stack.wire.calls].count("CompleteMultipartUpload") == 1
    assert aftermath(stack).is_committed


@pytest.mark.parametrize("fault", [faults.drop_request, faults.error_in_200("InternalError")], ids=["lost", "in a 200"])
def test_a_complete_that_never_happened_leaves_no_object(stack: Stack, fault: faults.Fault) -> None:
    stack.wire.fail("CompleteMultipartUpload", fault, times=EVERY_TIME)
    with pytest.raises(StorageError):
        invoke(stack)
    there = aftermath(stack)
    assert (there.raw_run_id, there.manifest) == (None, None)
    stack.wire.clear()
    assert invoke(stack)["status"] == "complete"


def test_an_abort_that_fails_hides_nothing_and_the_next_run_is_whole(stack: Stack) -> None:
    stack.spaaza.serve(csv_answer(documented_csv() + b'1,"2'))
    stack.wire.fail("AbortMultipartUpload", DENIED, times=EVERY_TIME)
    with pytest.raises(ExportInterrupted, match="csv_ends_outside_quotes"):
        invoke(stack)
    there = aftermath(stack)
    assert (there.raw_run_id, there.manifest, there.open_uploads) == (None, None, 3)
    stack.wire.clear()
    stack.spaaza.serve(sample_users())
    assert invoke(stack)["status"] == "complete"


def test_a_manifest_that_cannot_be_put_is_promoted_by_the_next_run_without_an_export(stack: Stack) -> None:
    stack.wire.fail("PutObject", DENIED, key_contains="manifests/")
    with pytest.raises(StorageError, match="manifests/"):
        invoke(stack)
    there = aftermath(stack)
    assert there.manifest is None
    assert list(there.pending) == [there.raw_run_id]
    assert invoke(stack)["run_id"] == there.raw_run_id
    assert aftermath(stack).is_committed
    assert len(stack.spaaza.requests) == 1


def test_a_record_that_cannot_be_removed_is_removed_by_the_next_run(stack: Stack) -> None:
    stack.wire.fail("DeleteObject", DENIED)
    with pytest.raises(StorageError, match="removing pending/"):
        invoke(stack)
    assert aftermath(stack).manifest is not None
    assert invoke(stack)["status"] == "already_complete"
    assert aftermath(stack).is_committed


@pytest.mark.parametrize("operation", ["GetTable", "CreateTable"])
def test_a_table_that_cannot_be_made_raises_and_the_snapshot_stays_and_is_told_of_later(
    stack: Stack, operation: str
) -> None:
    stack.wire.fail(operation, faults.error(400, "AccessDeniedException"), times=EVERY_TIME)
    with pytest.raises(StorageError):
        invoke(stack)
    assert aftermath(stack).is_committed
    assert len(events(stack, "Snapshot Completed")) == 1  # the tables stop nobody who reads the bus
    stack.wire.clear()
    assert invoke(stack)["status"] == "already_complete"
    assert len(events(stack, "Snapshot Completed")) == 1


def test_an_event_that_cannot_be_put_raises_and_the_next_run_puts_it(stack: Stack) -> None:
    stack.wire.fail("PutEvents", faults.failed_entries(0), times=3)
    with pytest.raises(StorageError, match=r"\[1743\]"):
        invoke(stack)
    assert aftermath(stack).is_committed
    assert invoke(stack)["status"] == "already_complete"
    assert len(events(stack, "Snapshot Completed")) == 1


def test_an_entry_that_the_bus_refuses_once_is_put_again(stack: Stack) -> None:
    stack.wire.fail("PutEvents", faults.failed_entries(0))
    assert invoke(stack)["status"] == "complete"
    assert len(events(stack, "Snapshot Completed")) == 1


def test_metrics_that_cannot_be_written_do_not_unhappen_a_snapshot(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Closed:
        def write(self, _text: str) -> int:
            raise OSError("closed")

        def flush(self) -> None:
            raise OSError("closed")

    monkeypatch.setattr("sys.stdout", Closed())
    assert invoke(stack)["status"] == "complete"
    assert aftermath(stack).is_committed


def test_a_large_export_that_breaks_off_leaves_none_of_its_parts(stack: Stack) -> None:
    stack.spaaza.serve(replace(generated_users(200_000), cut_after_bytes=20_000_000))
    with pytest.raises(ExportInterrupted, match=r"after 20,000,000 bytes"):
        invoke(stack)
    assert any(call.operation == "UploadPart" for call in stack.wire.calls)
    assert aftermath(stack).is_nothing


@pytest.mark.parametrize(
    ("status", "code", "attempts"), [(412, "PreconditionFailed", 1), (409, "ConditionalRequestConflict", 2)]
)
def test_a_complete_that_loses_to_a_run_which_then_left_nothing_is_tried_again_in_the_run(
    stack: Stack, status: int, code: str, attempts: int
) -> None:
    """What was uploaded can be completed on another condition; only a conflict wants it uploaded again."""
    stack.wire.fail("CompleteMultipartUpload", faults.error(status, code))
    assert invoke(stack)["source"]["attempts"] == attempts
    there = aftermath(stack)
    assert there.manifest is not None
    assert (there.manifest["run_id"], there.open_uploads) == (there.raw_run_id, 0)


@pytest.mark.parametrize("nth", [2, 3, 4])
def test_a_look_at_the_object_that_is_refused_later_is_made_good_by_the_next_run(stack: Stack, nth: int) -> None:
    """The second is before the commit, the third in the promotion; a plain run has no fourth before it is done."""
    stack.wire.fail("HeadObject", DENIED, nth=nth)
    if nth < 4:
        with pytest.raises(StorageError, match="checking raw/"):
            invoke(stack)
    else:
        assert invoke(stack)["status"] == "complete"
    there = aftermath(stack)
    assert (there.raw_run_id is None) is (nth == 2)
    assert there.open_uploads == 0
    stack.wire.clear()
    invoke(stack)
    assert aftermath(stack).is_committed


def test_a_manifest_that_cannot_be_read_in_the_promotion_is_made_good_by_the_next_run(stack: Stack) -> None:
    stack.wire.fail("GetObject", DENIED, key_contains="manifests/")
    with pytest.raises(StorageError, match="reading manifests/"):
        invoke(stack)
    assert invoke(stack)["status"] == "already_complete"
    assert aftermath(stack).is_committed


def test_a_record_that_was_put_and_not_answered_changes_nothing(stack: Stack) -> None:
    stack.wire.fail("PutObject", faults.lose_answer, key_contains="pending/")
    assert invoke(stack)["status"] == "complete"
    assert aftermath(stack).is_committed


def test_s3_that_does_not_answer_ends_the_run_before_the_function_is_killed(stack: Stack) -> None:
    stack.wire.fail("PutObject", faults.stall(60), key_contains="pending/", times=EVERY_TIME)
    with LambdaFunction("spaaza_snapshots.export_handler.lambda_handler", stack.environment()) as function:
        invocation = function.invoke({"chain_id": CHAIN}, deadline_seconds=RESERVE_SECONDS + 2)
    assert invocation.error_type == "StorageError"
    assert "writing pending/" in (invocation.error_message or "")
