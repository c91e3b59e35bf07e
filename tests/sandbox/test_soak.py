"""The parts of `make soak`: exports of any length, an S3 that checks what it forgets, and what is printed."""

import gzip
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from isal import isal_zlib

from sandbox.wire.ears import listening
from spaaza_snapshots.s3.objects import checksum_text
from tools.bench.http_places import Place
from tools.bench.report import MET, MISSED, page_with
from tools.soak.__main__ import MEASURE, PAGE
from tools.soak.bounds import Bound, bounds_table
from tools.soak.checking_s3 import LEAST_PART_BYTES, CheckingS3
from tools.soak.endless import Endless
from tools.soak.options import PARTS, USUAL_PARTS, options
from tools.soak.part_bombs import every_bomb

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PART = bytes(range(256)) * (LEAST_PART_BYTES // 256)
KEY = {"Bucket": "soak", "Key": "users.csv.gz"}


@pytest.mark.parametrize("level", [0, 6])
@pytest.mark.parametrize("times", [0, 1, 37])
def test_an_endless_export_is_one_sound_member_of_the_length_that_it_says(times: int, level: int) -> None:
    export = Endless(b"ID,Name\n", b'1,"a\nb"\n' * 100, times, level)
    body = b"".join(export.gzip())
    assert gzip.decompress(body) == b"ID,Name\n" + b'1,"a\nb"\n' * 100 * times
    assert (len(body), len(gzip.decompress(body))) == (export.gzip_bytes, export.csv_bytes)


def test_every_bomb_inflates_to_what_its_row_says() -> None:
    bombs = list(every_bomb(1, 100))
    for bomb in bombs:
        body = bomb.answer.body if isinstance(bomb.answer.body, bytes) else b"".join(bomb.answer.body())
        assert (len(body), len(gzip.decompress(body))) == (bomb.gzip_bytes, bomb.csv_bytes), bomb.name
    assert max(bomb.csv_bytes / bomb.gzip_bytes for bomb in bombs) > 300


@pytest.fixture(scope="module")
def forgetful() -> Iterator["S3Client"]:
    with Place(CheckingS3, None) as place, listening(place, name="checking"):
        client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{place.port}",
            region_name="eu-west-1",
            aws_access_key_id="soak",
            aws_secret_access_key="soak",
        )
        yield client
        client.close()


def completed(s3: Any, *parts: bytes, numbers: tuple[int, ...] = (1, 2), **changes: Any) -> None:
    """Upload these parts as a sound client does, but for what is changed."""
    created = s3.create_multipart_upload(**KEY, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    upload_id, listed = created["UploadId"], []
    for number, part in zip(numbers, parts, strict=False):
        checksum = changes.get("part_checksum", checksum_text(isal_zlib.crc32(part)))
        sent = s3.upload_part(**KEY, UploadId=upload_id, PartNumber=number, Body=part, ChecksumCRC32=checksum)
        listed.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumCRC32": checksum})
    answer = s3.complete_multipart_upload(
        **KEY,
        UploadId=upload_id,
        MultipartUpload={"Parts": changes.get("listed", listed)},
        ChecksumCRC32=changes.get("checksum", checksum_text(isal_zlib.crc32(b"".join(parts)))),
        ChecksumType="FULL_OBJECT",
        MpuObjectSize=changes.get("size", sum(map(len, parts))),
    )
    assert answer["ETag"].strip('"').endswith(f"-{len(parts)}")


def test_a_sound_upload_is_completed_and_forgotten(forgetful: "S3Client") -> None:
    completed(forgetful, PART, b"the rest")
    there = forgetful.head_object(Bucket=KEY["Bucket"], Key=KEY["Key"])
    assert there["ContentLength"] == len(PART) + len(b"the rest")


@pytest.mark.parametrize(
    ("code", "parts", "changes"),
    [
        ("BadDigest", (PART,), {"part_checksum": "AAAAAA=="}),
        ("BadDigest", (PART, b"rest"), {"checksum": "AAAAAA=="}),
        ("EntityTooSmall", (PART[1:], b"rest"), {}),
        ("InvalidRequest", (PART, b"rest"), {"size": len(PART)}),
        ("InvalidPart", (PART,), {"listed": [{"PartNumber": 2, "ETag": "x", "ChecksumCRC32": "AAAAAA=="}]}),
        ("InvalidPart", (PART,), {"listed": [{"PartNumber": 1, "ETag": "x", "ChecksumCRC32": "AAAAAA=="}]}),
        ("InvalidPartOrder", (PART, PART), {"numbers": (2, 1)}),
        ("InvalidArgument", (PART,), {"numbers": (10_001,)}),
    ],
)
def test_an_upload_that_s3_would_refuse_is_refused(
    forgetful: "S3Client", code: str, parts: tuple[bytes, ...], changes: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as refused:
        completed(forgetful, *parts, **changes)
    assert refused.value.response["Error"]["Code"] == code


def test_a_bound_is_met_up_to_its_most_and_an_exact_one_only_there() -> None:
    bounds = [Bound("a", 2, 2), Bound("b", 2.5, 2.0, " MB"), Bound("c", 1, 2, exact=True), Bound("d", 2, 2, exact=True)]
    assert [row[-1] for row in bounds_table(bounds).rows] == [MET, MISSED, MISSED, MET]
    assert bounds[1].row() == ("b", "2.5 MB", "≤ 2.0 MB", MISSED)


def test_the_page_has_a_place_for_every_part() -> None:
    assert tuple(MEASURE) == PARTS
    page = page_with(PAGE.read_text(encoding="utf-8"), dict.fromkeys(USUAL_PARTS, "measured now"))
    assert page.count("measured now") == len(USUAL_PARTS)


def test_only_a_part_of_full_length_goes_into_the_page_and_its_words_are_kept() -> None:
    assert options([]).parts == USUAL_PARTS
    assert [part for part in PARTS if not options([]).fills_page(part)] == ["limit"]
    small = options(["--snapshots", "10", "--gb", "0.5", "--chains", "12", "--parts", "load,warm"])
    assert [part for part in PARTS if small.fills_page(part)] == ["bombs"]
    assert small.parts == ("warm", "load")
    assert small.command == "make soak SNAPSHOTS=10 GB=0.5 CHAINS=12 PARTS=load,warm"


@pytest.mark.parametrize("words", [["--parts", "speed"], ["--gb", "0"]])
def test_what_cannot_be_measured_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options(words)
    assert "unknown parts speed" in (said := capsys.readouterr().err) or "above 0" in said
