"""What the product assumes of S3 holds on the S3 server of the sandbox, but where it is declared to do less."""

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sandbox.aws.seaweed import SeaweedS3
from tools.contract.__main__ import (
    ASSUMPTIONS,
    UNPROVEN_ON_SEAWEEDFS,
    WEAKER_ON_SEAWEEDFS,
    Verdict,
    cleaned,
    is_seaweedfs,
    main,
    results,
)
from tools.contract.place import NotCleaned, Place

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PREFIX = "contract/of-a-test/"
INTERRUPTED = 130


@pytest.fixture
def place(s3: "S3Client", bucket: str) -> Place:
    return Place(s3, bucket, PREFIX, rounds=2)


@pytest.fixture
def credentials(seaweed: SeaweedS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.secret_key)


def arguments(seaweed: SeaweedS3, bucket: str) -> list[str]:
    return ["--bucket", bucket, "--region", seaweed.region, "--endpoint-url", seaweed.endpoint_url, "--rounds", "1"]


def furnished_place(place: Place) -> None:
    """Leave one of each kind: a version, an older one, a delete marker, an open upload."""
    place.put("twice", b"1")
    place.put("twice", b"2")
    place.put("deleted")
    place.s3.delete_object(**place.at("deleted"))
    place.upload("open")


def test_exactly_what_is_declared_is_weaker_on_seaweedfs(place: Place) -> None:
    with cleaned(place):
        found = {result.name: result for result in results(place, on_seaweedfs=True)}
    expected = {assumption.__name__: Verdict.PASSED for assumption in ASSUMPTIONS}
    expected |= dict.fromkeys(WEAKER_ON_SEAWEEDFS, Verdict.WEAKER)
    expected |= dict.fromkeys(UNPROVEN_ON_SEAWEEDFS, Verdict.NOT_PROVEN)
    assert [result for name, result in found.items() if result.verdict is not expected[name]] == []
    assert found.keys() == expected.keys()


def test_what_seaweedfs_is_excused_from_fails_on_any_other_server(place: Place) -> None:
    with cleaned(place):
        found = results(place, on_seaweedfs=False)
        verdicts = {result.name: result.verdict for result in found if result.name not in UNPROVEN_ON_SEAWEEDFS}
    assert {name for name, verdict in verdicts.items() if verdict is Verdict.FAILED} == WEAKER_ON_SEAWEEDFS.keys()


def test_what_s3_refuses_for_another_reason_has_failed_and_the_rest_is_tried(s3: "S3Client") -> None:
    found = list(results(Place(s3, "no-such-bucket", PREFIX, rounds=1), on_seaweedfs=True))
    assert len(found) == len(ASSUMPTIONS)
    assert found[0].verdict is Verdict.FAILED
    assert "NoSuchBucket" in found[0].detail


def test_the_server_says_itself_that_it_is_seaweedfs(s3: "S3Client", bucket: str) -> None:
    assert is_seaweedfs(s3, bucket)


def test_cleaning_leaves_nothing_under_the_prefix_and_everything_beside_it(place: Place) -> None:
    beside = Place(place.s3, place.bucket, "contract/of-another/")
    for each in (place, beside):
        furnished_place(each)
    there = beside.left()
    assert (len(place.left()), len(there)) == (5, 5)
    place.clean()
    assert (place.left(), beside.left()) == ([], there)


def test_an_error_leaves_nothing_under_the_prefix(place: Place) -> None:
    with pytest.raises(ZeroDivisionError), cleaned(place):
        furnished_place(place)
        raise ZeroDivisionError
    assert place.left() == []


def test_what_could_not_be_removed_is_told(s3: "S3Client") -> None:
    with pytest.raises(NotCleaned, match=f"perhaps something under {PREFIX}: .*NoSuchBucket"):
        Place(s3, "no-such-bucket", PREFIX).clean()


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_in_the_bucket(
    seaweed: SeaweedS3, s3: "S3Client", bucket: str, number: signal.Signals
) -> None:
    command = [sys.executable, "-u", "-m", "tools.contract", *arguments(seaweed, bucket)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ.copy()) as program:
        assert program.stdout is not None
        assert any(line.startswith("passed ") for line in program.stdout)
        assert Place(s3, bucket, "contract/").left() != []
        program.send_signal(number)
        program.send_signal(number)
        told = program.stdout.read()
    assert program.returncode == INTERRUPTED, told
    assert "Interrupted" in told
    assert Place(s3, bucket, "").left() == []


@pytest.mark.usefixtures("credentials")
def test_a_bucket_without_versions_fails_and_is_left_empty(
    seaweed: SeaweedS3, s3: "S3Client", monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    s3.create_bucket(Bucket="without-versions", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    monkeypatch.setattr(sys, "argv", ["contract", *arguments(seaweed, "without-versions")])
    assert main() == 1
    failed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("failed ")]
    assert [line.rpartition(": ")[2] for line in failed] == ["the bucket is not versioned, and the stack's is"] * 2
    assert Place(s3, "without-versions", "").left() == []


@pytest.mark.usefixtures("credentials")
def test_a_bucket_that_is_not_there_is_told_in_a_line(
    seaweed: SeaweedS3, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["contract", *arguments(seaweed, "no-such-bucket")])
    assert main() == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("Stopped at s3://no-such-bucket/contract/")
