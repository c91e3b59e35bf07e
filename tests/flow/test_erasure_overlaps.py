"""Two erasures of one chain at the same time, and a write whose answer is lost: no record says more than is so."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.model.erasure import ErasedVersion, Erasure
from spaaza_snapshots.model.manifest import utc_text
from spaaza_snapshots.upkeep.erasure import erase
from spaaza_snapshots.upkeep.erasure_plan import Search
from spaaza_snapshots.upkeep.versions import VersionedBucket
from tests.flow.test_erasure_records import (
    ANN,
    BEN,
    DAY,
    RECORD,
    TODAY,
    Stopping,
    erased,
    export_of,
    proof_of,
    put_day,
    records,
    typed_numbers,
)
from tests.support.builders import NOW


@contextmanager
def before(bucket: VersionedBucket, call: str, act: Callable[..., Any]) -> Iterator[None]:
    """Let something else happen at a call of the SDK."""
    events = bucket.s3.meta.events
    events.register(call, act, unique_id="meanwhile")
    try:
        yield
    finally:
        events.unregister(call, unique_id="meanwhile")


def put(bucket: VersionedBucket, record: Erasure) -> None:
    bucket.s3.put_object(Bucket=bucket.name, Key=record.key, Body=record.to_json())


def begun_by_ann(bucket: VersionedBucket) -> Erasure:
    """Let an erasure of Ann be killed at its first deletion."""
    with pytest.raises(InterruptedError):
        erased(Stopping(bucket.s3, bucket.name), ANN)
    (begun,) = records(bucket)
    return begun


def finishing(bucket: VersionedBucket, begun: Erasure, at_put: int) -> Callable[..., None]:
    puts = count(1)

    def be_faster(params: Mapping[str, Any], **_: object) -> None:
        if begun.erasure_id in params["url_path"] and next(puts) == at_put:
            put(bucket, begun.finished(utc_text(NOW)))

    return be_faster


def test_a_record_that_is_finished_while_a_run_begins_to_continue_it_stays_finished(
    versioned: VersionedBucket, tmp_path: Path
) -> None:
    put_day(versioned, tmp_path)
    begun = begun_by_ann(versioned)
    faster = before(versioned, "before-call.s3.PutObject", finishing(versioned, begun, 1))
    with faster, pytest.raises(StorageError, match="Another erasure"):
        erased(versioned, ANN)
    assert records(versioned) == (begun.finished(utc_text(NOW)),)
    assert erased(versioned, ANN).is_clean
    assert typed_numbers(versioned, tmp_path) == [7, *BEN.ids]


@pytest.mark.parametrize("at_put", [2, 3])
def test_a_record_that_is_finished_while_a_run_goes_on_stays_finished(
    versioned: VersionedBucket, tmp_path: Path, at_put: int
) -> None:
    put_day(versioned, tmp_path)
    begun = begun_by_ann(versioned)
    with before(versioned, "before-call.s3.PutObject", finishing(versioned, begun, at_put)):
        assert erased(versioned, ANN).is_clean
    assert records(versioned) == (begun.finished(utc_text(NOW)),)
    assert typed_numbers(versioned, tmp_path) == [7, *BEN.ids]


def test_an_erasure_of_others_that_tells_when_a_record_was_deleted_stops_nobody(
    versioned: VersionedBucket, tmp_path: Path
) -> None:
    put_day(versioned, tmp_path)
    puts = count(1)

    def erase_ben(params: Mapping[str, Any], **_: object) -> None:
        if "/erasures/" in params["url_path"] and next(puts) == 2:
            erase(versioned, Search(versioned, DAY.chain_id, BEN, TODAY).plan(), BEN, lambda: NOW, lambda _: None)

    with before(versioned, "before-call.s3.PutObject", erase_ben):
        assert erased(versioned, ANN).is_clean
    assert next(puts) > 3
    assert erased(versioned, BEN).is_clean
    assert all(record.finished_at for record in records(versioned))
    assert typed_numbers(versioned, tmp_path) == [7]


def test_a_record_of_what_appeared_during_a_proof_is_not_finished_by_it(versioned: VersionedBucket) -> None:
    recorded: list[Erasure] = []

    def record(params: Mapping[str, Any], **_: object) -> None:
        if "erasures" in str(params["query_string"]) and not recorded:
            there = versioned.s3.put_object(Bucket=versioned.name, Key=DAY.raw_key, Body=export_of(*ANN.ids))
            of_ann = replace(RECORD, people_salt="5a", people_hash=ANN.hashed("5a"))
            deleted_at = utc_text(NOW - timedelta(days=1))
            version = ErasedVersion(DAY.raw_key, there["VersionId"])
            recorded.append(replace(of_ann, versions=(version,), deleted_at=deleted_at))
            put(versioned, recorded[0])

    with before(versioned, "before-call.s3.ListObjectsV2", record):
        assert proof_of(versioned, ANN).open_records == tuple(recorded)
    assert records(versioned) == tuple(recorded)


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_record_is_written_although_the_answer_of_s3_is_lost(
    versioned: VersionedBucket, tmp_path: Path, lost: int
) -> None:
    """The SDK writes it again, and is refused: the record is no longer what was read."""
    put_day(versioned, tmp_path)
    puts = count(1)

    def lose(request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        if "/erasures/" not in request.url or next(puts) != lost:
            return None
        body: Any = request.body
        urllib3.request("PUT", request.url, body=body, headers=dict(request.headers))
        if isinstance(body, BytesIO):
            body.seek(0)
        return AWSResponse(request.url, 503, HTTPHeaders(), urllib3.HTTPResponse(BytesIO(b""), preload_content=False))

    with before(versioned, "before-send.s3.PutObject", lose):
        assert erased(versioned, ANN).is_clean
    assert next(puts) > 4
    (record,) = records(versioned)
    assert (record.finished_at, record.people_hash) == (utc_text(NOW), None)
    assert [found.key for found in versioned.versions("erasures/")] == [record.key]
