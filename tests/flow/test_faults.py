"""Every step before the commit broken once, and after each the four questions: which objects exist, is an upload
open, what does the manifest say, does the next run end right."""

import json
from dataclasses import dataclass, replace

import pytest

from sandbox.aws.processes import free_ports
from sandbox.aws.stack import SECRET, Stack, session_secret
from sandbox.spaaza import answers
from sandbox.spaaza.answers import Answer, csv_answer, generated_users, gzip_answer, refusal, sample_users
from sandbox.spaaza.users import HEADER, gzipped, sample_csv
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME
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
from tests.support.flow import aftermath, invoke

SAMPLE_GZIP = b"".join(gzipped([sample_csv()]))
DENIED = faults.error(403, "AccessDenied")


@dataclass(frozen=True)
class Broken:
    """One way in which Spaaza's answer is not a snapshot, and what it is called."""

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
    "JSON as 200": Broken(answers.json_answer({"result": {"code": 1}}), NotAnExport, "not a gzip"),
    "HTML as 200": Broken(answers.html_answer("<html>"), NotAnExport, "text/html"),
    "nothing as 200": Broken(gzip_answer(b""), NotAnExport, "no body"),
    "plain CSV under gzip's header": Broken(gzip_answer(sample_csv()), NotAnExport, "not a gzip"),
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
    "gzip of JSON": Broken(csv_answer(b'{"result": {"code": 1}}'), NotAnExport, "not a gzip CSV"),
    "gzip of JSON that says no session": Broken(csv_answer(b'{"error": {"code": 6}}'), SessionExpired, "code 6"),
    "gzip of HTML": Broken(csv_answer(b"<html>\n<h1>Down</h1>"), NotAnExport, "not a gzip CSV"),
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
    secrets = stack.aws.client("secretsmanager")

    def renew_once_the_old_one_was_refused() -> None:
        if stack.spaaza.requests:
            secrets.put_secret_value(SecretId=SECRET, SecretString=json.dumps(session_secret(stack.spaaza)))

    stack.wire.fail("GetSecretValue", faults.call(renew_once_the_old_one_was_refused), times=EVERY_TIME)
    assert invoke(stack)["status"] == "complete"
    assert [request.headers["x-spaaza-session-key"] for request in stack.spaaza.requests] == [old.key, "0" * 64]


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


def test_a_large_export_that_breaks_off_leaves_none_of_its_parts(stack: Stack) -> None:
    stack.spaaza.serve(replace(generated_users(200_000), cut_after_bytes=20_000_000))
    with pytest.raises(ExportInterrupted, match=r"after 20,000,000 bytes"):
        invoke(stack)
    assert any(call.operation == "UploadPart" for call in stack.wire.calls)
    assert aftermath(stack).is_nothing
