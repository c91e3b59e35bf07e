"""`spaaza-snapshots verify`: a good snapshot is proven, a tampered one told by field; nothing changes."""

import gzip
import json
import os
import re
import signal
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import generated_users
from sandbox.spaaza.users import generated_csv
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME
from spaaza_snapshots.cli.main import main
from spaaza_snapshots.errors import SnapshotHeld
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.upkeep.prove_raw import prove_by_reading
from spaaza_snapshots.upkeep.stored import ObjectReader
from spaaza_snapshots.upkeep.verify import Limits, Verifier
from tests.support import builders
from tests.support.conversions import build
from tests.support.deployed import Deployed
from tests.support.flow import CHAIN, SNAPSHOT, TODAY, invoke
from tools.tampered.place import Place
from tools.tampered.ways import USERS, tampered

DAY = ("--chain", CHAIN, "--date", SNAPSHOT.snapshot_date)
YESTERDAY = {"chain_id": CHAIN, "date": "2026-11-21"}
READING = {"HeadObject", "GetObject", "ListObjectsV2", "ListObjectVersions", "DescribeStacks"}

Verify = Callable[..., tuple[int, Any]]


@pytest.fixture
def verify(deployment: Deployed, capsys: pytest.CaptureFixture[str]) -> Verify:
    """Run the command; returns its exit code and its answer, after checking that it only read."""

    def run(*arguments: object) -> tuple[int, Any]:
        capsys.readouterr()
        deployment.stack.wire.clear()
        code = main(["verify", "--stack", "members", "--json", *map(str, arguments)])
        assert {call.operation for call in deployment.stack.wire.calls} <= READING
        return code, json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def snapshot(stack: Stack) -> Place:
    """A committed snapshot with its typed copy."""
    stack.spaaza.serve(generated_users(USERS))
    invoke(stack)
    build(stack)
    return Place(stack.s3, stack.bucket, SNAPSHOT)


@pytest.mark.parametrize("quick", [[], ["--quick"]])
def test_a_good_snapshot_is_proven_by_reading_and_by_s3s_own_checksum(
    stack: Stack, snapshot: Place, verify: Verify, quick: list[str]
) -> None:
    code, answer = verify(*DAY, *quick)
    (day,) = answer["days"]
    assert (code, answer["proven"], day["verdict"], day["state"]) == (0, 1, "proven", "complete")
    assert (day["differences"], day["not_proven"], day["notes"]) == ([], [], [])
    was_read = [call for call in stack.wire.calls if call.operation == "GetObject" and "/users." in call.detail]
    assert bool(was_read) is not bool(quick)


def test_what_was_tampered_with_is_told_by_field_with_both_figures(snapshot: Place, verify: Verify) -> None:
    places = tampered(snapshot)
    code, answer = verify("--chain", CHAIN)
    found = {day["date"]: {told["field"] for told in day["differences"]} for day in answer["days"]}
    assert found.pop(str(TODAY)) == set()
    wanted = {str(place.snapshot_id.snapshot_date): tampering for tampering, place in places.items()}
    assert {wanted[day].what: fields for day, fields in found.items()} == {case.what: case.fields for case in places}
    assert code == 3
    assert all(told["manifest"] != told["found"] for day in answer["days"] for told in day["differences"])
    code, answer = verify("--chain", CHAIN, "--quick")
    missed = {day["date"] for day in answer["days"] if day["verdict"] == "proven"} - {str(TODAY)}
    assert (code, {wanted[day].what for day in missed}) == (3, {case.what for case in places if not case.is_quick})


def test_a_held_export_is_proven_and_said_to_be_held(stack: Stack, verify: Verify) -> None:
    stack.spaaza.serve(generated_users(100))
    invoke(stack, YESTERDAY)
    stack.spaaza.serve(generated_users(50))
    with pytest.raises(SnapshotHeld):
        invoke(stack)
    code, answer = verify(*DAY)
    assert (code, answer["days"][0]["verdict"], answer["days"][0]["state"]) == (0, "proven", "held")
    stack.s3.put_object(Bucket=stack.bucket, Key=SNAPSHOT.raw_key, Body=b"?", Metadata=run_of(stack))
    assert verify(*DAY)[0] == 3


def run_of(stack: Stack) -> dict[str, str]:
    return stack.s3.head_object(Bucket=stack.bucket, Key=SNAPSHOT.raw_key)["Metadata"]


def test_what_is_not_there_is_not_proven(deployment: Deployed, verify: Verify) -> None:
    code, answer = verify(*DAY)
    assert (code, answer["days"][0]["not_proven"]) == (1, ["nothing is stored"])
    code, answer = verify()
    assert (code, answer["days"]) == (1, [])


def test_replaced_manifests_are_proven_as_long_as_their_export_is_there(stack: Stack, verify: Verify) -> None:
    runs = []
    for users in (30, 31, 32):
        stack.spaaza.serve(generated_users(users))
        runs.append(invoke(stack, {"chain_id": CHAIN, "force": True}))
    build(stack)
    oldest = runs[0]["raw"]["version_id"]
    stack.s3.delete_object(Bucket=stack.bucket, Key=SNAPSHOT.raw_key, VersionId=oldest)
    code, answer = verify(*DAY, "--versions")
    told = {day["run_id"]: day["verdict"] for day in answer["days"]}
    assert [told[run["run_id"]] for run in runs] == ["expired", "proven", "proven"]
    assert (code, [day["old_manifest"] is None for day in answer["days"]]) == (0, [True, False, False])


def test_an_expired_export_is_said_and_is_no_damage(stack: Stack, verify: Verify) -> None:
    long_ago = SnapshotId(CHAIN, date(2024, 1, 1))
    invoke(stack, {"chain_id": CHAIN, "date": "2024-01-01"})
    there = stack.s3.head_object(Bucket=stack.bucket, Key=long_ago.raw_key)
    stack.s3.delete_object(Bucket=stack.bucket, Key=long_ago.raw_key)
    code, answer = verify("--all")
    assert (code, answer["days"][0]["verdict"], answer["days"][0]["state"]) == (0, "proven", "expired")
    stack.s3.delete_object(Bucket=stack.bucket, Key=long_ago.raw_key, VersionId=there["VersionId"])
    code, answer = verify("--all")
    assert (code, answer["days"][0]["verdict"]) == (0, "expired")


def test_a_day_that_s3_fails_on_is_told_and_the_others_are_proven(
    stack: Stack, snapshot: Place, deployment: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot.copied(1)
    stack.wire.clear()
    denied = faults.error(403, "AccessDenied")
    stack.wire.fail("GetObject", denied, key_contains=before.key("raw"), times=EVERY_TIME)
    capsys.readouterr()
    code = main(["verify", "--stack", "members", "--json", "--since", "2026-11-21", "--until", "2026-11-22"])
    failed, proven = json.loads(capsys.readouterr().out)["days"]
    assert (code, failed["verdict"], proven["verdict"]) == (1, "not proven", "proven")
    assert "AccessDenied" in failed["not_proven"][0]


def test_without_a_checksum_of_s3s_own_quick_proves_nothing(stack: Stack, snapshot: Place, verify: Verify) -> None:
    put = stack.s3.put_object(
        Bucket=stack.bucket,
        Key=SNAPSHOT.raw_key,
        Body=snapshot.read("raw"),
        Metadata=run_of(stack),
        ChecksumAlgorithm="SHA256",
    )
    snapshot.edit_raw(version_id=put["VersionId"], etag=put["ETag"], parts=1)
    code, answer = verify(*DAY, "--quick")
    assert (code, answer["days"][0]["verdict"]) == (1, "not proven")
    assert "no CRC-32" in answer["days"][0]["not_proven"][0]
    assert verify(*DAY)[0] == 0


def test_a_run_that_replaces_the_snapshot_meanwhile_is_no_damage(
    stack: Stack, deployment: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    invoke(stack)
    stack.wire.clear()
    replace = faults.call(lambda: invoke(stack, {"chain_id": CHAIN, "force": True}), when="before")
    stack.wire.fail("HeadObject", replace, nth=2, key_contains=SNAPSHOT.raw_key)
    assert main(["verify", "--stack", "members", "--quick", "--json", *map(str, DAY)]) == 1
    printed = capsys.readouterr().out
    (day,) = json.loads(printed[printed.index("{\n") :])["days"]
    assert (day["differences"], day["verdict"]) == ([], "not proven")
    assert day["not_proven"] == ["there is no typed copy; spaaza-snapshots rebuild makes it again"]


def test_an_export_from_before_its_bucket_had_versions_is_no_damage(stack: Stack, snapshot: Place) -> None:
    bucket = "before-versions"
    stack.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    body, run_id = snapshot.read("raw"), run_of(stack)
    put = stack.s3.put_object(
        Bucket=bucket, Key=SNAPSHOT.raw_key, Body=body, Metadata=run_id, ChecksumAlgorithm="CRC32"
    )
    manifest = json.loads(snapshot.read("manifest"))
    manifest["raw"] |= {"bucket": bucket, "version_id": None, "etag": put["ETag"], "parts": 1}
    stack.s3.put_object(Bucket=bucket, Key=SNAPSHOT.manifest_key, Body=json.dumps(manifest).encode())
    stack.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    verified = Verifier(stack.s3, bucket, Limits(date.min, date.min), quick=True).verify(SNAPSHOT, lambda _: None)
    assert (verified.state, verified.findings.differences) == ("complete", ())


def test_names_of_a_strange_object_are_never_told(snapshot: Place, verify: Verify) -> None:
    snapshot.rot(lambda _: gzip.compress(b"Jane Doe,jane@example.com\n1,2\n"))
    code, answer = verify(*DAY)
    assert (code, "Jane" in json.dumps(answer)) == (3, False)


def test_options_that_name_different_days_are_refused(deployment: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--stack", "members", "--all", "--date", "2026-11-22"]) == 2
    with pytest.raises(SystemExit, match="2"):
        main(["verify", "--stack", "members", "--date", "22.11.2026"])


def test_ctrl_c_tells_what_was_proven_until_then(
    stack: Stack, snapshot: Place, deployment: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot.copied(1)
    stack.wire.clear()
    stack.wire.fail("GetObject", faults.call(signal_me, when="before"), key_contains=snapshot.key("raw"))
    capsys.readouterr()
    code = main(["verify", "--stack", "members", "--json", "--chain", str(CHAIN)])
    answer = json.loads(capsys.readouterr().out)
    assert (code, answer["stopped"]) == (130, True)
    assert [day["date"] for day in answer["days"]] == [str(before.snapshot_id.snapshot_date)]


def signal_me() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_memory_does_not_grow_with_the_export(stack: Stack) -> None:
    body = gzip.compress(b"".join(generated_csv(50_000)), 1)
    put = stack.s3.put_object(Bucket=stack.bucket, Key=SNAPSHOT.raw_key, Body=body)
    manifest = builders.manifest(raw=replace(builders.raw(), version_id=put["VersionId"]))
    read_bytes: list[int] = []
    tracemalloc.start()
    findings = prove_by_reading(ObjectReader(stack.s3, stack.bucket), manifest, read_bytes.append)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert findings is not None
    assert ("row_count", 50_000) in {(told.field, told.found) for told in findings.differences}
    assert peak_bytes < 4_500_000 < sum(read_bytes) == len(body)


def test_people_read_one_line_a_day_and_a_sum(
    snapshot: Place, deployment: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot.copied(1).edit("manifest", rows_with_line_breaks=10_000)
    capsys.readouterr()
    assert main(["verify", "--stack", "members", "--chain", str(CHAIN)]) == 3
    damaged, proven, total = capsys.readouterr().out.splitlines()
    assert re.match(rf"{CHAIN} +2026-11-21 +damaged +rows_with_line_breaks: manifest 10,000, found \d+ *$", damaged)
    assert re.match(rf"{CHAIN} +2026-11-22 +proven *$", proven)
    assert total == "1 proven, 1 damaged."
