"""What others do while a person is erased: nothing brings the person back, and nothing unread is called clean."""

import gzip
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from datetime import UTC, date, datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING

import pytest

from sandbox import person
from sandbox.aws.stack import Stack
from sandbox.person import AFTER, CHAIN, OTHERS, PERSON, UNREADABLE, WITH
from sandbox.wire.faults import Exchange
from sandbox.wire.proxy import HttpAnswer
from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.parquet.build import build_parquet
from spaaza_snapshots.upkeep.erasure import RUN_LIMIT, erase, prove
from spaaza_snapshots.upkeep.erasure_plan import DayToErase, Plan, Search
from spaaza_snapshots.upkeep.person import People
from spaaza_snapshots.upkeep.versions import VersionedBucket
from tests.support.builders import NOW
from tests.support.conversions import services
from tests.support.deployed import Deployed
from tests.support.erasures import Eraser, everything, of_day, typed_ids

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

WITH_PERSON = person.csv_of((*OTHERS, PERSON))
BY_A_CONVERSION = "x-amz-checksum-sha256"
KEY = SnapshotId(CHAIN, WITH).raw_key


@pytest.fixture
def erase_person(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Eraser:
    return Eraser(capsys, monkeypatch)


def convert(stack: Stack, day: date) -> None:
    with suppress(StorageError):
        build_parquet(services(stack), SnapshotId(CHAIN, day), rebuild=True)


@pytest.mark.parametrize("has_copy", [True, False])
def test_a_conversion_whose_export_is_erased_meanwhile_publishes_nothing(
    deployment: Deployed, erase_person: Eraser, has_copy: bool
) -> None:
    stack = deployment.stack
    person.take(stack, WITH, WITH_PERSON)
    if has_copy:
        person.type_copy(stack, WITH)
    codes = []

    def erased(exchange: Exchange) -> HttpAnswer:
        answer = exchange.forward()
        codes.append(erase_person("--yes")[0])
        return answer

    stack.wire.fail("GetObject", erased, key_contains="raw/")
    with pytest.raises(StorageError, match="If it was erased"):
        build_parquet(services(stack), SnapshotId(CHAIN, WITH), rebuild=True)
    assert codes == [0 if has_copy else 1]  # without a copy, the proof cannot tell that nothing will be written
    assert len(of_day(stack, "parquet", WITH)) == has_copy
    assert not has_copy or typed_ids(stack, WITH) == list(OTHERS)


def test_a_conversion_that_is_about_to_publish_at_any_moment_of_an_erasure_writes_nothing(
    deployment: Deployed, erase_person: Eraser
) -> None:
    """Begin one before each of the two deletions of a day, and let it write only when the person is proven gone."""
    stack = deployment.stack
    wrote: list[date] = []
    for moment, day in enumerate((WITH, UNREADABLE), start=1):
        person.take(stack, day, WITH_PERSON)
        person.type_copy(stack, day)
        reached, release = Event(), Event()

        def held(exchange: Exchange, day: date = day, reached: Event = reached, release: Event = release) -> HttpAnswer:
            if BY_A_CONVERSION in exchange.request.headers:
                wrote.append(day)
                reached.set()
                release.wait(30)
            return exchange.forward()

        with ThreadPoolExecutor(1) as conversions:

            def begun(exchange: Exchange, day: date = day, reached: Event = reached) -> HttpAnswer:
                conversions.submit(convert, stack, day).add_done_callback(lambda _: reached.set())
                reached.wait(30)
                return exchange.forward()

            stack.wire.fail("DeleteObjects", begun, nth=moment)
            stack.wire.fail("PutObject", held, key_contains="parquet/", times=9)
            code, _ = erase_person("--yes")
            release.set()
        stack.wire.clear()
        assert (code, typed_ids(stack, day), of_day(stack, "raw", day)) == (0, list(OTHERS), [])
    assert wrote == [WITH]  # and S3 refused it


def test_a_first_typed_copy_that_a_conversion_is_writing_leaves_the_proof_open(
    deployment: Deployed, erase_person: Eraser
) -> None:
    """S3 lets it write: nothing was there. So the command finds the person when it is repeated, as it says."""
    stack, snapshot_id = deployment.stack, SnapshotId(CHAIN, WITH)
    person.take(stack, WITH, WITH_PERSON)
    ended = []

    def erased(exchange: Exchange) -> HttpAnswer:
        ended.append(erase_person("--yes"))
        return exchange.forward()

    stack.wire.fail("PutObject", erased, key_contains="parquet/")
    build_parquet(services(stack), snapshot_id)
    ((code, said),) = ended
    assert (code, f"A conversion may be writing {snapshot_id.parquet_key}" in said, "Proved" in said) == (
        1,
        True,
        False,
    )
    assert PERSON in typed_ids(stack, WITH)

    assert erase_person("--yes")[0] == 0
    assert (of_day(stack, "raw", WITH), str(PERSON) in everything(stack, lambda _: True)) == ([], False)


def test_a_conversion_that_has_written_nothing_in_its_time_is_waited_for_no_longer(
    deployment: Deployed,
) -> None:
    stack = deployment.stack
    person.take(stack, WITH, WITH_PERSON)
    versioned, people = VersionedBucket(stack.s3, stack.bucket), People((PERSON,))
    search = Search(versioned, CHAIN, people, NOW.date())
    erase(versioned, search.plan(), people, lambda: NOW, lambda _: None)
    again = Search(versioned, CHAIN, people, NOW.date())

    def proven(at: datetime) -> bool:
        return prove(versioned, again.plan(), again, lambda: at).is_clean

    assert (proven(NOW + RUN_LIMIT), proven(NOW + RUN_LIMIT + timedelta(seconds=1))) == (False, True)


@pytest.mark.parametrize("killed", [False, True])
def test_a_conversion_is_waited_for_from_when_the_exports_are_known_to_be_gone(
    deployment: Deployed, killed: bool
) -> None:
    """Either the deletion takes an hour, or its run is killed before it says when, and the next comes an hour later."""
    stack, gone = deployment.stack, NOW + timedelta(hours=1)
    person.take(stack, WITH, WITH_PERSON)
    versioned, people = VersionedBucket(stack.s3, stack.bucket), People((PERSON,))
    now = [NOW]

    def deleted(_: DayToErase) -> None:
        now[0] = gone
        if killed:
            raise InterruptedError

    plan = Search(versioned, CHAIN, people, NOW.date()).plan()
    with pytest.raises(InterruptedError) if killed else nullcontext():
        erase(versioned, plan, people, lambda: now[0], deleted)
    again = Search(versioned, CHAIN, people, NOW.date())
    if killed:
        erase(versioned, again.plan(), people, lambda: now[0], deleted)

    def proven(at: datetime) -> bool:
        return prove(versioned, again.plan(), again, lambda: at).is_clean

    assert (proven(gone), proven(gone + RUN_LIMIT + timedelta(seconds=1))) == (False, True)


def test_an_export_that_is_being_received_is_told_and_one_of_a_killed_run_aborted(s3: "S3Client", bucket: str) -> None:
    s3.create_multipart_upload(Bucket=bucket, Key=KEY)
    s3.create_multipart_upload(Bucket=bucket, Key=KEY.replace(str(CHAIN), "174"))
    versioned, people = VersionedBucket(s3, bucket), People((PERSON,))
    search = Search(versioned, CHAIN, people, NOW.date())
    plan = search.plan()
    begun = datetime.now(UTC)

    def erased(at: datetime) -> tuple[bool, tuple[str, ...]]:
        erase(versioned, plan, people, lambda: at, lambda _: None)
        proof = prove(versioned, plan, search, lambda: at)
        return proof.is_clean, proof.uploads

    assert erased(begun) == (False, (KEY,))
    assert erased(begun + RUN_LIMIT + timedelta(minutes=1)) == (True, ())
    assert len(s3.list_multipart_uploads(Bucket=bucket)["Uploads"]) == 1


def test_a_run_in_the_middle_of_its_export_leaves_the_proof_open(deployment: Deployed, erase_person: Eraser) -> None:
    stack = deployment.stack
    person.take(stack, AFTER, person.csv_of(OTHERS))
    upload = stack.s3.create_multipart_upload(Bucket=stack.bucket, Key=KEY)
    code, said = erase_person("--yes")
    assert (code, f"An export is being received at {KEY}" in said, "Proved" in said) == (1, True, False)
    stack.s3.abort_multipart_upload(Bucket=stack.bucket, Key=KEY, UploadId=upload["UploadId"])
    assert erase_person("--yes")[0] == 0


def test_an_unreadable_version_that_went_with_its_day_is_not_complained_of(
    deployment: Deployed, erase_person: Eraser
) -> None:
    stack = deployment.stack
    stack.s3.put_object(Bucket=stack.bucket, Key=KEY, Body=b"?")
    stack.s3.put_object(Bucket=stack.bucket, Key=KEY, Body=gzip.compress(WITH_PERSON))
    assert "Nobody can say who is in" in erase_person()[1]
    code, said = erase_person("--yes")
    assert (code, "Nobody can say" in said, of_day(stack, "raw", WITH)) == (0, False, [])
    assert str(PERSON) not in everything(stack, lambda _: True)


def test_without_versioning_an_export_that_was_written_over_is_read_again(s3: "S3Client") -> None:
    s3.create_bucket(Bucket="unversioned", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    versioned = VersionedBucket(s3, "unversioned")

    def plan_over(number: int) -> tuple[Plan, Search]:
        body = gzip.compress(b"ID,First name\n%d,Ann\n" % number, mtime=0)
        s3.put_object(Bucket="unversioned", Key=KEY, Body=body)
        search = Search(versioned, CHAIN, People((PERSON,)), NOW.date())
        return search.plan(), search

    plan, search = plan_over(PERSON + 1)
    assert prove(versioned, plan, search, lambda: NOW).left == ()
    plan_over(PERSON)
    assert prove(versioned, plan, search, lambda: NOW).left == (KEY,)
