"""`spaaza-snapshots status`: each source it asks, what it says when that source is broken, and that it only reads."""

import os
import re
import subprocess
import sys
from collections import Counter
from contextlib import closing

from sandbox.aws.stack import SECRET, Stack
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME
from tests.support.deployed import NAME, SCHEDULE, schedule
from tests.support.flow import CHAIN
from tests.support.members import Members, last_line

OTHER = 1783
LOGGED = '{"level": "ERROR", "error": "SessionExpired", "message": "Spaaza refuses.", "chain_id": 1743}'
READS = {
    "DescribeStacks",
    "DescribeStackResource",
    "FilterLogEvents",
    "ListSchedules",
    "GetSchedule",
    "GetQueueAttributes",
    "GetSecretValue",
    "DescribeSecret",
    "ListSecretVersionIds",
    "ListObjectsV2",
    "HeadObject",
    "GetObject",
}


def test_it_asks_every_source_and_only_reads_and_a_day_costs_few_calls(members: Members, stack: Stack) -> None:
    members.log(members.deploy(RenewSession="true"), [LOGGED])
    for days_ago in (3, 2, 1):
        members.take(20, days_ago)
    before = stack.object_keys()
    stack.wire.clear()
    assert members.shown("status")[0] == 4
    operations = Counter(call.operation for call in stack.wire.calls)
    assert operations.keys() == READS
    assert stack.object_keys() == before
    assert operations["ListObjectsV2"] == 7  # whatever the number of days
    assert operations["HeadObject"] + operations["GetObject"] == 3 * 5
    assert operations["FilterLogEvents"] == 1


def test_the_log_is_not_read_when_all_is_good(members: Members, stack: Stack) -> None:
    members.deploy()
    members.take(20)
    stack.wire.clear()
    members.shown("status")
    assert "FilterLogEvents" not in {call.operation for call in stack.wire.calls}


def test_a_session_refused_after_a_day_was_held_comes_before_that_day(members: Members) -> None:
    deployed = members.deploy()
    members.take(50, 1)
    members.take(5)
    held = LOGGED.replace("SessionExpired", "SnapshotHeld")
    members.log(deployed, [held])
    code, printed = members.shown("status")
    assert (code, "SnapshotHeld" in printed, "no error today" in printed) == (3, False, False)
    members.log(deployed, [LOGGED])
    code, printed = members.shown("status")
    assert (code, last_line(printed)) == (4, "First session: make login STACK=members. Spaaza refuses the session.")
    assert re.search(rf"^chain {CHAIN}, 12:\d\d: SessionExpired ", printed, re.MULTILINE)
    assert f"Then {members.day()}: if Spaaza confirms these users" in printed


def test_findings_of_a_typed_copy_that_cannot_be_read_are_made_again(members: Members, stack: Stack) -> None:
    members.deploy()
    members.take(20)
    key = members.day().quality_key
    metadata = stack.s3.head_object(Bucket=stack.bucket, Key=key)["Metadata"]
    stack.s3.put_object(Bucket=stack.bucket, Key=key, Body=b"[]", Metadata=metadata)
    code, printed = members.shown("status")
    rebuild = f"make rebuild CHAIN={CHAIN} DATE={members.today} STACK=members"
    first = f"First {members.day()}: the findings of its typed copy cannot be read: {rebuild} writes them again."
    assert (code, last_line(printed)) == (1, first)
    assert members.data("status")["chains"][0]["typed"] == "unreadable"


def test_records_of_erasures_that_cannot_be_read_hide_no_day(members: Members, stack: Stack) -> None:
    members.deploy()
    members.take(20)
    stack.s3.put_object(Bucket=stack.bucket, Key=f"erasures/users/chain_id={CHAIN}/1.json", Body=b"{}")
    stack.wire.fail("GetObject", faults.error(403, "AccessDenied"), key_contains="erasures/", times=EVERY_TIME)
    code, printed = members.shown("status")
    assert (code, f"First erasures from chain {CHAIN}: find out why" in printed) == (1, True), printed
    assert re.search(rf"^{CHAIN} +complete", printed, re.MULTILINE)


def test_a_damaged_record_of_an_erasure_is_not_taken_for_a_finished_one(members: Members, stack: Stack) -> None:
    members.deploy()
    members.take(20)
    key = f"erasures/users/chain_id={CHAIN}/20261120T080000Z-1.json"
    stack.s3.put_object(Bucket=stack.bucket, Key=key, Body=b"{}")
    code, printed = members.shown("status")
    restore = f'restore {key}: "A damaged record" in docs/OPERATIONS.md.'
    assert (code, last_line(printed)) == (1, f"First erasure from chain {CHAIN}: {restore}")
    assert f"chain {CHAIN}: {key} cannot be read: nobody can tell whether that erasure is finished" in printed
    (chain,) = members.data("status")["chains"]
    assert (chain["open_erasures"], chain["damaged_erasures"]) == ([], [key])


def test_one_broken_source_hides_no_other(members: Members, stack: Stack) -> None:
    members.deploy(RenewSession="true")
    members.take(20, 1)
    for operation, shown, about in (
        (
            "GetQueueAttributes",
            r"^undelivered events +unknown: GetQueueAttributes, AccessDenied$",
            "undelivered events",
        ),
        ("GetSecretValue", r"^session +unknown: The secret cannot be read: .*AccessDenied$", "session"),
        ("DescribeSecret", r"^renewal +unknown: DescribeSecret, AccessDenied$", "renewal"),
        ("ListSchedules", r"^schedule +unknown: ListSchedules, AccessDenied$", "schedule"),
        ("FilterLogEvents", rf"^chain {CHAIN}: unknown: FilterLogEvents, AccessDenied$", "log"),
        ("ListObjectsV2", rf"^chain {CHAIN}: unknown: AWS failed while listing .*AccessDenied", f"chain {CHAIN}"),
    ):
        stack.wire.clear()
        stack.wire.fail(operation, faults.error(400, "AccessDenied"), times=EVERY_TIME)
        code, printed = members.shown("status")
        assert code == 1, operation
        assert re.search(shown, printed, re.MULTILINE), printed
        assert re.search(rf"^(Then|First) {about}: find out why", printed, re.MULTILINE), printed


def test_a_chain_that_cannot_be_looked_at_hides_no_other_chain(members: Members, stack: Stack) -> None:
    members.deploy(ChainIds=f"{CHAIN},{OTHER}")
    members.take(20)
    members.take(20, chain_id=OTHER)
    fault = faults.error(403, "AccessDenied")
    stack.wire.fail("HeadObject", fault, times=EVERY_TIME, key_contains=f"chain_id={OTHER}")
    code, printed = members.shown("status")
    assert (code, last_line(printed).startswith(f"First chain {OTHER}: find out why")) == (1, True)
    assert re.search(rf"^{CHAIN} +complete", printed, re.MULTILINE)
    assert re.search(rf"^{OTHER} +unknown *$", printed, re.MULTILINE)
    assert re.search(rf"^chain {OTHER}: unknown: AWS failed while checking .*HTTP 403", printed, re.MULTILINE)


def test_the_session_is_told_by_its_dates_and_never_by_its_key(members: Members, stack: Stack) -> None:
    members.deploy()
    members.take(20)
    secrets = stack.aws.client("secretsmanager")
    for days, code, first in (
        (9, 0, "All good."),
        (3, 1, "First session: make login STACK=members. The session ends in 3.0 days."),
        (-2, 4, "First session: make login STACK=members. The session has ended."),
    ):
        members.put_session(days=days)
        exit_code, printed = members.shown("status")
        assert (exit_code, last_line(printed)) == (code, first)
        assert "THE-KEY" not in printed
    assert "THE-KEY" not in members.shown("status", "--json")[1]
    for text in ("{}", "THE-KEY"):
        secrets.put_secret_value(SecretId=SECRET, SecretString=text)
        exit_code, printed = members.shown("status")
        assert (exit_code, "THE-KEY" in printed) == (4, False)
        assert re.search(r"^session +none: The secret ", printed, re.MULTILINE)


def test_a_session_that_renews_itself_shows_when_it_last_did(members: Members, stack: Stack) -> None:
    members.deploy(RenewSession="true")
    members.take(20)
    secrets = stack.aws.client("secretsmanager")
    function = "arn:aws:lambda:eu-west-1:123456789012:function:rotation"
    secrets.rotate_secret(SecretId=SECRET, RotationLambdaARN=function, RotateImmediately=False)
    code, printed = members.shown("status")
    assert (code, bool(re.search(r"^renewal +never yet", printed, re.MULTILINE))) == (0, True)
    members.put_session(days=3)
    assert "make logs FUNCTION=Rotation STACK=members says why it was not renewed" in members.shown("status")[1]


def test_a_session_that_should_renew_itself_and_cannot_is_told_before_it_ends(members: Members) -> None:
    members.deploy(RenewSession="true")
    members.take(20)
    code, printed = members.shown("status")
    assert (code, re.search(r"^renewal +off", printed, re.MULTILINE) is not None) == (1, True)
    assert last_line(printed).startswith("First renewal: RenewSession is true, but the secret does not rotate.")


def test_what_lies_in_the_queues_is_counted_and_stays_there(members: Members, stack: Stack) -> None:
    deployed = members.deploy()
    members.take(20)
    sqs = stack.aws.client("sqs")
    sqs.send_message(QueueUrl=deployed.outputs["FailedRunsUrl"], MessageBody="{}")
    assert members.shown("status")[0] == 0  # a later run has done it
    for _ in range(2):
        sqs.send_message(QueueUrl=deployed.outputs["UndeliveredEventsUrl"], MessageBody="{}")
    for _ in range(2):
        code, printed = members.shown("status")
        assert (code, "undelivered-events in docs/OPERATIONS.md" in last_line(printed)) == (1, True)
        assert re.search(r"^undelivered events +2$", printed, re.MULTILINE)
        assert re.search(r"^failed runs +1 ", printed, re.MULTILINE)


def test_a_schedule_that_starts_no_run_is_told_and_no_next_run_is_promised(members: Members) -> None:
    deployed = members.deploy()
    members.take(20)
    assert "next run at" in members.shown("status")[1]
    with closing(deployed.client("scheduler")) as scheduler:
        for wrong, told in (
            (schedule(str(CHAIN), "DISABLED"), f"{SCHEDULE} is disabled. Enable schedule"),
            (schedule("9"), f"it does not ask for the chains [{CHAIN}]. Somebody has changed it by hand"),
        ):
            scheduler.update_schedule(**wrong)
            code, printed = members.shown("status")
            assert (code, "next run" in printed) == (1, False)
            assert last_line(printed).startswith(f"First schedule: {told}")
        scheduler.delete_schedule(Name=SCHEDULE)
    assert members.data("status")["next_run"] is None
    assert "it does not exist: nothing takes a snapshot" in members.shown("status")[1]


def test_json_has_everything_even_if_a_manifest_cannot_be_read(members: Members, stack: Stack) -> None:
    members.deploy()
    members.take(20, 1)
    members.take(22)
    found = members.data("status")
    assert (found["all_good"], found["steps"], found["undelivered_events"]) == (True, [], 0)
    (chain,) = found["chains"]
    assert (chain["state"], chain["rows"], chain["previous"]["rows"], chain["typed"]) == ("complete", 22, 20, "there")
    assert [day["state"] for day in chain["days"]][-3:] == ["before the first snapshot", "complete", "complete"]
    stack.s3.put_object(Bucket=stack.bucket, Key=members.day(1).manifest_key, Body=b"[]")
    assert members.data("status")["steps"][0]["trouble"] == "data"


def test_a_terminal_without_the_marks_gets_plain_ones(members: Members, stack: Stack) -> None:
    members.deploy()
    members.take(20)
    ascii_only = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "NO_COLOR": "1", "COLUMNS": "200"}
    script = f"import sys; from spaaza_snapshots.cli.main import main; sys.exit(main(['status', '--stack', '{NAME}']))"
    command, environment = [sys.executable, "-c", script], {**os.environ, **ascii_only}
    ended = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr, ended.stdout.isascii()) == (0, b"", True)
    assert re.search(rb"^1743 .* \.{13}#\n", ended.stdout, re.MULTILINE)
