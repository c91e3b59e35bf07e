"""`spaaza-snapshots list`: the days of the chains, one a line, as real runs leave them."""

import re

from sandbox.aws.stack import Stack
from tests.support.flow import CHAIN
from tests.support.members import Members

OTHER = 1783


def test_each_day_has_a_line_from_a_chains_first_one_on(members: Members) -> None:
    members.deploy()
    members.take(20, 2)
    members.take(20, typed=False)
    members.take(30, 1, chain_id=OTHER)  # no longer configured
    code, printed = members.shown("list")
    assert code == 0
    shown = [(int(line.split()[0]), *line.split()[1:4]) for line in printed.splitlines()[1:]]
    assert [(line[0], line[1], line[2]) for line in shown] == [
        (CHAIN, str(members.day(2).snapshot_date), "complete"),
        (CHAIN, str(members.day(1).snapshot_date), "missing"),
        (CHAIN, str(members.today), "complete"),
        (OTHER, str(members.day(1).snapshot_date), "complete"),
        (OTHER, str(members.today), "missing"),
    ]
    data = members.data("list", "--chain", CHAIN)
    assert [(day["rows"], day["typed"]) for day in data] == [(20, True), (None, False), (20, False)]
    assert re.fullmatch(r"[0-9a-f-]{36}", data[0]["run_id"])
    assert data[0]["gzip_bytes"] > 0


def test_a_day_that_needs_a_person_has_an_exit_code_if_it_is_among_those_asked_for(
    members: Members, stack: Stack
) -> None:
    members.deploy()
    members.take(20, 3)
    members.take(20, 1)
    stack.s3.put_object(Bucket=stack.bucket, Key=members.day(3).manifest_key, Body=b"[]")
    members.take(5)
    day_before = members.day(1).snapshot_date
    assert [day["state"] for day in members.data("list")] == ["damaged", "missing", "complete", "held"]
    assert members.shown("list")[0] == 3
    assert members.shown("list", "--until", day_before, "--since", members.day(2).snapshot_date)[0] == 0
    assert members.shown("list", "--until", day_before)[0] == 3


def test_nothing_at_all_is_said_so(members: Members) -> None:
    members.deploy()
    assert members.shown("list") == (0, "There is nothing in these days.\n")
    assert members.data("list") == []


def test_what_cannot_be_listed_is_refused(members: Members) -> None:
    members.deploy()
    code, printed = members.shown("list", "--chain", 9)
    assert (code, "There is no such chain: 9. There are 1743." in printed) == (2, True)
    code, printed = members.shown("list", "--since", "2026-11-22", "--until", "2026-11-21")
    assert (code, "--since is after --until" in printed) == (2, True)
