"""The model of S3: it keeps S3's rules, plays a seed the same way each time, and judges the commit."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.model import mends, world
from sandbox.model.__main__ import main
from sandbox.model.faults import Fate, Faults
from sandbox.model.interleaving import Interleaving
from sandbox.model.s3 import Bucket, crc32_text
from sandbox.model.schedule import Network, Schedule
from sandbox.model.sdk import Client
from spaaza_snapshots.base.aws_errors import code_of

KEY = "raw/users/chain_id=1743/dt=2026-11-22/users.csv.gz"
FOUND = (4289,)
"""Interleavings that broke a promise once: two acceptances of one export, whose later upload stayed open."""


@pytest.fixture
def s3() -> Client:
    network = Network(Bucket(), Random(0))
    return Client("test", network, Schedule(network, Random(0)), Faults(Random(0), Counter()), Fate())


@pytest.fixture
def model() -> Iterator[None]:
    """The product as the model needs it, and as it was afterwards."""
    with world.prepared():
        yield


def uploaded(s3: Client, body: bytes) -> dict[str, Any]:
    """Upload all parts; return what completes them."""
    created = s3.create_multipart_upload(Key=KEY, Metadata={"run-id": "ours"})
    upload = {"Key": KEY, "UploadId": created["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=body, ChecksumCRC32=crc32_text(body))
    parts = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": crc32_text(body)}]
    whole = {"ChecksumCRC32": crc32_text(body), "ChecksumType": "FULL_OBJECT", "MpuObjectSize": len(body)}
    return upload | whole | {"MultipartUpload": {"Parts": parts}}


def refusal(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    return code_of(raised.value)


def test_a_condition_is_judged_when_the_write_takes_effect(s3: Client) -> None:
    first = s3.put_object(Key=KEY, Body=b"1", IfNoneMatch="*")
    upload = uploaded(s3, b"2")
    assert refusal(s3.put_object, Key=KEY, Body=b"3", IfNoneMatch="*") == "PreconditionFailed"
    second = s3.put_object(Key=KEY, Body=b"3", IfMatch=first["ETag"])
    assert refusal(s3.complete_multipart_upload, **upload, IfMatch=first["ETag"]) == "PreconditionFailed"
    s3.complete_multipart_upload(**upload, IfMatch=second["ETag"])  # still open behind a 412
    assert s3.head_object(Key=KEY)["Metadata"] == {"run-id": "ours"}
    assert refusal(s3.put_object, Key="other", Body=b"", IfMatch=second["ETag"]) == "NoSuchKey"


def test_an_upload_that_was_aborted_becomes_no_object(s3: Client) -> None:
    upload = uploaded(s3, b"1")
    s3.abort_multipart_upload(Key=KEY, UploadId=upload["UploadId"])
    assert refusal(s3.complete_multipart_upload, **upload) == "NoSuchUpload"
    assert refusal(s3.abort_multipart_upload, Key=KEY, UploadId=upload["UploadId"]) == "NoSuchUpload"
    assert refusal(s3.head_object, Key=KEY) == "404"


@pytest.mark.parametrize(
    ("wrong", "code"), [({"ChecksumCRC32": "AAAAAA=="}, "BadDigest"), ({"MpuObjectSize": 9}, "InvalidRequest")]
)
def test_a_complete_of_other_bytes_than_were_sent_is_refused(s3: Client, wrong: dict[str, Any], code: str) -> None:
    assert refusal(s3.complete_multipart_upload, **uploaded(s3, b"1") | wrong) == code


def test_equal_bytes_have_equal_etags_as_in_s3(s3: Client) -> None:
    etags = [s3.complete_multipart_upload(**uploaded(s3, body))["ETag"] for body in (b"1", b"1", b"2")]
    assert etags[0] == etags[1] != etags[2]


@pytest.mark.usefixtures("model")
def test_a_seed_gives_the_same_interleaving_every_time() -> None:
    one, other = (Interleaving(17, Counter(), told=True).play() for _ in range(2))
    assert one == other
    assert one.lines != Interleaving(18, Counter(), told=True).play().lines


@pytest.mark.usefixtures("model")
def test_the_commit_keeps_its_promises_in_whatever_order_and_whatever_fails() -> None:
    counts: Counter[tuple[str, str]] = Counter()
    violations = {seed: told for seed in range(600) if (told := Interleaving(seed, counts).play().violations)}
    assert violations == {}
    assert counts.total() > 1_000


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("seed", FOUND)
def test_what_was_found_once_is_kept(seed: int) -> None:
    assert Interleaving(seed, Counter()).play().violations == ()


def test_what_it_prints_ends_with_the_three_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--count", "20"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("20 interleavings, ")


@pytest.mark.parametrize("mend", mends.MENDS)
def test_without_a_mend_the_model_finds_what_that_is_for(mend: str) -> None:
    printed = mends.search(mend)
    assert "VIOLATION" in printed
    assert printed.splitlines()[-1].endswith(" 1 violations")


def test_a_mend_whose_text_is_not_there_any_more_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not have this text exactly once"):
        mends.take_out((mends.Edit("snapshot/commit.py", "no such text", ""),), tmp_path)
