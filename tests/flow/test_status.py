"""`spaaza-snapshots status`: every way a day can stand, as real runs leave it, and the first thing to do about it."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import csv_answer, refusal
from sandbox.spaaza.users import generated_csv
from spaaza_snapshots.model.erasure import Erasure
from tests.support.flow import CHAIN
from tests.support.forked import forked
from tests.support.members import Members, last_line, zone_where_it_is

EXPORT = "spaaza_snapshots.export_handler.lambda_handler"
OTHER = 1783
MANUAL = (Path(__file__).resolve().parents[2] / "docs" / "OPERATIONS.md").read_text(encoding="utf-8")


def marks(printed: str, chain_id: int = CHAIN) -> str:
    """The row of marks of a chain."""
    found = re.search(rf"^{chain_id} .* (\S{{14}})$", printed, re.MULTILINE)
    assert found
    return found[1]


def test_all_is_good_when_today_has_its_snapshot_and_its_typed_copy(members: Members) -> None:
    members.deploy()
    members.take(40, 1)
    members.take(50, typed=False)
    members.convert()
    code, printed = members.shown("status")
    assert (code, last_line(printed)) == (0, "All good.")
    assert re.search(rf"^{CHAIN} +complete +50 +\d\d-\d\d +\+10 \(\+25.00%\) +there", printed, re.MULTILINE)
    assert marks(printed) == "·" * 12 + "●●"
    assert "● complete   · before the first snapshot" in printed


def test_before_the_first_hour_a_day_is_not_missing_and_nothing_is_wrong(members: Members) -> None:
    members.zone = zone_where_it_is(1)
    members.deploy()
    members.take(40, 1)
    code, printed = members.shown("status")
    assert (code, last_line(printed)) == (0, "All good.")
    assert "next run at 03:00" in printed
    assert marks(printed) == "·" * 12 + "●…"


def test_a_missing_day_shows_the_error_of_its_last_run_from_the_functions_own_log_as_the_manual_shows(
    members: Members, stack: Stack
) -> None:
    deployed = members.deploy(ChainIds=f"{CHAIN},{OTHER}")
    for users, days_ago in ((1200, 4), (1180, 2), (1204, 1)):
        members.take(users, days_ago)
    for users, days_ago in ((950, 5), (951, 4), (951, 3), (951, 1), (958, 0)):
        members.take(users, days_ago, chain_id=OTHER)
    members.put_session(days=9, minutes=1)
    stack.spaaza.serve(refusal(401, 6))
    with LambdaFunction(EXPORT, stack.environment() | {"SNAPSHOT_TIME_ZONE": members.zone}, launch=forked) as function:
        members.log(deployed, function.invoke({"chain_id": CHAIN}).log_lines)
    code, printed = members.shown("status")
    assert code == 4
    assert last_line(printed) == "First session: make login STACK=members. Spaaza refuses the session."
    assert re.search(rf"^chain {CHAIN}, 12:\d\d: SessionExpired Spaaza ", printed, re.MULTILINE)
    assert f"chain {CHAIN}, {members.today}: make login STACK=members, then make snapshot CHAIN={CHAIN}" in printed
    assert (marks(printed), marks(printed, OTHER)) == ("·" * 9 + "●○●●○", "·" * 8 + "●●●○●●")
    assert any(undated(printed) == undated(block) for block in re.findall(r"```\n(.*?)```", MANUAL, re.DOTALL)), printed


def undated(text: str) -> list[str]:
    """What stays the same whenever it is run."""
    at_any_time = re.sub(r"\d\d:\d\d|\d{4}-\d\d-\d\d|\b\d\d-\d\d\b|\S+/\S+, (?=next)", "", text)
    return [" ".join(line.split()) for line in at_any_time.splitlines()]


def test_a_session_put_there_since_the_refusal_only_waits_for_a_run(members: Members) -> None:
    deployed = members.deploy()
    line = '{"level": "ERROR", "error": "SessionExpired", "message": "Spaaza refuses.", "chain_id": 1743}'
    members.log(deployed, [line], at=datetime.now(UTC) - timedelta(minutes=5))
    members.put_session(days=14)
    code, printed = members.shown("status")
    assert code == 1
    assert "a new session is in the secret since: make snapshot CHAIN=1743 STACK=members" in last_line(printed)


def test_errors_of_another_chain_or_of_another_date_are_not_taken_for_todays(members: Members) -> None:
    deployed = members.deploy()
    of_another = '{"level": "ERROR", "error": "StorageError", "message": "x", "chain_id": 9}'
    of_yesterday = f'{{"level": "ERROR", "error": "OutOfTime", "chain_id": 1743, "snapshot_date": "{members.day(1)}"}}'
    members.log(deployed, [of_another, of_yesterday, "START", "[1]", '{"level": "ERROR", "message": "no end"}'])
    assert "chain 1743: no error today in the log of the export function" in members.shown("status")[1]
    members.log(deployed, ["2026-11-22T03:15:00Z 1 Task timed out after 900.00 seconds"])
    assert members.data("status")["chains"][0]["error"]["name"] == "Killed"


def test_a_held_day_shows_its_figures_and_the_command_that_accepts_it_as_long_as_it_can_be_accepted(
    members: Members,
) -> None:
    members.deploy()
    members.take(50, 21)
    members.take(5, 20)
    members.take(50, 1)
    members.take(5)
    code, printed = members.shown("status")
    held_today, held_before = members.day(), members.day(20)
    assert code == 3
    assert last_line(printed).startswith(
        f"First {held_today}: if Spaaza confirms these users, make snapshot CHAIN=1743"
    )
    for day in (held_today, held_before):
        assert f"CHAIN=1743 DATE={day.snapshot_date} ACCEPT=1 STACK=members" in printed
        assert re.search(rf"^{day}: held, rows_kept_since_previous: .*50", printed, re.MULTILINE)
    assert marks(printed).endswith("●◐")


def test_a_damaged_manifest_of_today_or_of_an_older_day_is_told_with_its_cure(members: Members, stack: Stack) -> None:
    members.deploy()
    members.take(50, 3)
    members.take(50)
    stack.s3.put_object(Bucket=stack.bucket, Key=members.day(3).manifest_key, Body=b"[]")
    code, printed = members.shown("status")
    assert code == 3
    assert (
        last_line(printed) == f"First {members.day(3)}: restore its manifest: manifest-damaged in docs/OPERATIONS.md."
    )
    stack.s3.put_object(Bucket=stack.bucket, Key=members.day().manifest_key, Body=b"[]")
    code, printed = members.shown("status")
    assert last_line(printed).startswith(
        f"First {members.day()}: make snapshot CHAIN=1743 STACK=members exports it again"
    )
    assert marks(printed) == "·" * 10 + "✗○○✗"


def test_a_day_whose_export_is_gone_never_leads_to_its_sound_manifest(members: Members, stack: Stack) -> None:
    members.deploy()
    members.take(50, 3)
    members.take(50)
    stack.s3.delete_object(Bucket=stack.bucket, Key=members.day(3).raw_key)
    code, printed = members.shown("status")
    assert (code, last_line(printed)) == (
        3,
        f"First {members.day(3)}: restore its export, which was replaced or deleted: "
        '"Restore what was replaced or deleted" in docs/OPERATIONS.md. Its manifest is sound: leave it.',
    )


def test_a_day_held_as_no_earlier_manifest_can_be_read_is_no_question_for_spaaza(
    members: Members, stack: Stack
) -> None:
    members.deploy()
    members.take(50, 1)
    stack.s3.put_object(Bucket=stack.bucket, Key=members.day(1).manifest_key, Body=b"[]")
    members.take(50)
    code, printed = members.shown("status")
    assert (code, "if Spaaza confirms" in printed) == (3, False)
    assert last_line(printed).startswith(f"First {members.day()}: its rows were compared with nothing. First restore")


def test_an_unfinished_day_is_finished_by_the_next_run(members: Members, stack: Stack) -> None:
    members.deploy()
    members.take(50)
    manifest = stack.read(members.day().manifest_key)
    run_id = members.data("status")["chains"][0]["run_id"]
    stack.s3.put_object(Bucket=stack.bucket, Key=members.day().pending_key(run_id), Body=manifest)
    stack.s3.delete_object(Bucket=stack.bucket, Key=members.day().manifest_key)
    code, printed = members.shown("status")
    assert (code, marks(printed)[-1]) == (1, "◒")
    assert last_line(printed) == f"First {members.day()}: make snapshot CHAIN=1743 STACK=members finishes it."


def test_a_typed_copy_that_is_behind_is_asked_for_again(members: Members) -> None:
    members.deploy()
    members.take(50, 2, typed=False)
    members.take(50, typed=False)
    code, printed = members.shown("status")
    assert (code, marks(printed)[-3:]) == (1, "◍○◍")
    assert re.search(rf"^{CHAIN} +complete .* behind ", printed, re.MULTILINE)
    assert f"Then {members.day(2)}: make snapshot CHAIN=1743 DATE={members.day(2).snapshot_date}" in printed
    assert last_line(printed).startswith(f"First {members.day()}: make snapshot CHAIN=1743 STACK=members asks")


def test_a_typed_copy_that_is_unfit_is_told_of_as_the_view_leaves_it_out(members: Members) -> None:
    members.deploy()
    header, *records = b"".join(generated_csv(20)).splitlines(keepends=True)
    broken = [b"\xff" + record for record in records[:5]]
    members.take(csv_answer(b"".join([header, *broken, *records[5:]])), typed=False)
    members.convert()
    code, printed = members.shown("status")
    assert code == 3
    assert "parquet-unfit in docs/OPERATIONS.md" in last_line(printed)


def test_an_erasure_that_is_not_finished_is_told_with_the_command_that_finishes_it(
    members: Members, stack: Stack
) -> None:
    members.deploy()
    members.take(50)
    record = Erasure("20261120T080000Z-1", CHAIN, "2026-11-20T08:00:00Z", None, (), ())
    stack.s3.put_object(Bucket=stack.bucket, Key=record.key, Body=record.to_json())
    code, printed = members.shown("status")
    finish = "make erase CHAIN=1743 YES=1 STACK=members, with the ids that it was begun with, finishes it."
    assert (code, last_line(printed)) == (1, f"First erasure from chain {CHAIN}: {finish}")
    assert f"chain {CHAIN}: the erasure begun at 2026-11-20T08:00:00Z is not finished" in printed
    finished = replace(record, finished_at="2026-11-20T08:05:00Z")
    stack.s3.put_object(Bucket=stack.bucket, Key=record.key, Body=finished.to_json())
    assert last_line(members.shown("status")[1]) == "All good."


def test_of_several_troubles_the_session_comes_first_then_data_then_what_is_missing(members: Members) -> None:
    members.deploy(ChainIds=f"{CHAIN},{OTHER}")
    members.take(50, 1)
    members.take(5)
    members.put_session(days=-1)
    found = members.data("status")
    assert [step["trouble"] for step in found["steps"]] == ["credentials", "data", "lack"]
    assert [step["about"] for step in found["steps"]] == ["session", str(members.day()), str(members.day(0, OTHER))]


def test_commands_name_the_place_that_was_given(members: Members) -> None:
    members.deploy()
    assert (
        "make snapshot CHAIN=1743 STACK=members REGION=eu-west-1" in members.shown("status", "--region", "eu-west-1")[1]
    )


def test_a_stack_whose_time_zone_is_none_is_told_by_its_parameter(members: Members) -> None:
    members.deploy(TimeZone="Europe/Amsterdm")
    for command in (["status"], ["list"], ["verify"], ["rebuild", "--all"]):
        code, printed = members.shown(*command)
        assert (code, "BadSettings The stack's time zone is not an IANA name: Europe/Amsterdm" in printed) == (2, True)
    assert members.shown("logs")[0] == 0  # where the runs say so


def test_more_steps_than_a_screen_holds_are_counted(members: Members) -> None:
    members.deploy()
    for days_ago in range(10, -1, -1):
        members.take(20, days_ago, typed=False)
    printed = members.shown("status")[1]
    assert (printed.count("\nThen "), "\nand 2 more: spaaza-snapshots status --json\n" in printed) == (8, True)
