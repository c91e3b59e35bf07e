"""The upload: parts of one size, a bounded number of bytes in memory, and in every case an end."""

import hashlib
import os
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Event

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from isal import isal_zlib

from sandbox.aws.stack import Stack
from sandbox.wire import faults
from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.s3 import multipart
from spaaza_snapshots.s3.multipart import PART_BYTES, THREADS, MultipartUpload
from spaaza_snapshots.s3.objects import checksum_text
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.snapshot.wiring import clients_for
from tests.support.builders import HeldClock

KEY = "raw/users/chain_id=1743/dt=2026-11-22/users.csv.gz"
MIB = 1024 * 1024


@pytest.fixture
def upload(stack: Stack) -> MultipartUpload:
    s3 = clients_for(Settings.from_environment(stack.environment())).s3
    return MultipartUpload(s3, s3, stack.bucket, KEY, "run", HeldClock().clock())


def chunks_of(body: bytes, seed: int) -> Iterator[bytes]:
    """Cut a body at random places."""
    random = Random(seed)
    start = 0
    while start < len(body):
        end = start + random.choice((1, 1000, 65_536, 3 * PART_BYTES))
        yield body[start:end]
        start = end


@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size_bytes=st.sampled_from([1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES]), seed=st.integers())
def test_chunks_of_any_length_become_parts_of_one_size_and_the_same_bytes(
    stack: Stack, size_bytes: int, seed: int
) -> None:
    s3 = clients_for(Settings.from_environment(stack.environment())).s3
    body = Random(seed).randbytes(size_bytes)
    with MultipartUpload(s3, s3, stack.bucket, KEY, "run", HeldClock().clock()) as upload:
        for chunk in chunks_of(body, seed):
            upload.write(chunk)
        stored = upload.complete(checksum_text(isal_zlib.crc32(body)), {})
    assert stored is not None
    assert stack.read(KEY) == body
    assert stored.etag.endswith(f'-{-(-size_bytes // PART_BYTES)}"')


def test_a_write_waits_while_parts_are_on_their_way_so_that_memory_is_bounded(
    stack: Stack, upload: MultipartUpload
) -> None:
    release, reached = Event(), Event()
    stack.wire.fail("UploadPart", faults.hold(release, reached=reached), times=THREADS)
    written_bytes = 0

    def write_all() -> None:
        nonlocal written_bytes
        for _ in range(16 * PART_BYTES // MIB):
            upload.write(bytes(MIB))
            written_bytes += MIB

    with ThreadPoolExecutor(1) as pool, upload:
        tracemalloc.start()
        writing = pool.submit(write_all)
        assert reached.wait(20)
        while not writing.running() or written_bytes < THREADS * PART_BYTES:
            assert not writing.done()
        with pytest.raises(TimeoutError):
            writing.result(timeout=1)
        held_bytes, _ = tracemalloc.get_traced_memory()
        assert written_bytes <= (THREADS + 1) * PART_BYTES
        release.set()
        writing.result(timeout=60)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert held_bytes < peak_bytes
    # the wire is in this process too, and holds each part that it hands on in two copies
    assert peak_bytes < PART_BYTES * (THREADS * 2 + 2) + THREADS * 3 * PART_BYTES


def test_a_part_that_is_sent_again_is_the_same(stack: Stack, upload: MultipartUpload) -> None:
    body = os.urandom(2 * PART_BYTES + 5)
    stack.wire.fail("UploadPart", faults.drop_request)
    stack.wire.fail("UploadPart", faults.lose_answer, nth=3)
    with upload:
        upload.write(body)
        assert upload.complete(checksum_text(isal_zlib.crc32(body)), {}) is not None
    assert hashlib.sha256(stack.read(KEY)).digest() == hashlib.sha256(body).digest()


def test_an_object_whose_bytes_are_not_those_that_were_inspected_never_appears(
    stack: Stack, upload: MultipartUpload
) -> None:
    with pytest.raises(StorageError, match="completing the upload"), upload:
        upload.write(b"some bytes")
        upload.complete(checksum_text(isal_zlib.crc32(b"other bytes")), {})
    assert stack.object_keys() == stack.open_uploads() == []


def test_more_than_the_largest_upload_is_refused_and_aborted(
    stack: Stack, upload: MultipartUpload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart, "MAX_PARTS", 2)
    with pytest.raises(StorageError, match="10,485,760 bytes in 2 parts of 5,242,880"), upload:
        upload.write(bytes(3 * PART_BYTES))
    assert stack.object_keys() == stack.open_uploads() == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
def test_whatever_leaves_the_upload_aborts_it(
    stack: Stack, upload: MultipartUpload, error: type[BaseException]
) -> None:
    with pytest.raises(error), upload:
        upload.write(bytes(PART_BYTES + 1))
        raise error
    assert stack.object_keys() == stack.open_uploads() == []


def test_leaving_without_a_word_aborts_too(stack: Stack, upload: MultipartUpload) -> None:
    with upload:
        upload.write(bytes(PART_BYTES + 1))
    assert stack.object_keys() == stack.open_uploads() == []


def test_an_upload_that_has_ended_takes_no_more(stack: Stack, upload: MultipartUpload) -> None:
    with upload:
        upload.write(b"a")
        upload.complete(checksum_text(isal_zlib.crc32(b"a")), {})
        upload.write(b"b")
        with pytest.raises(StorageError, match="has ended"):
            upload.flush()
    assert stack.read(KEY) == b"a"


def test_an_upload_cannot_complete_over_what_it_did_not_see(stack: Stack, upload: MultipartUpload) -> None:
    stack.s3.put_object(Bucket=stack.bucket, Key=KEY, Body=b"another's")
    with upload:
        upload.write(b"ours")
        assert upload.complete(checksum_text(isal_zlib.crc32(b"ours")), {"IfNoneMatch": "*"}) is None
    assert stack.read(KEY) == b"another's"
    assert stack.open_uploads() == []


def test_of_two_uploads_that_accept_the_same_export_the_later_one_is_ended_too(stack: Stack) -> None:
    s3 = clients_for(Settings.from_environment(stack.environment())).s3
    held_etag = s3.put_object(Bucket=stack.bucket, Key=KEY, Body=b"held")["ETag"]

    def accepting() -> MultipartUpload:
        return MultipartUpload(s3, s3, stack.bucket, KEY, "run", HeldClock().clock(), accepted=True)

    with accepting() as late:
        late.write(b"held")
        with accepting() as quick:
            quick.write(b"held")
            there = quick.complete(checksum_text(isal_zlib.crc32(b"held")), {"IfMatch": held_etag})
        assert late.complete(checksum_text(isal_zlib.crc32(b"held")), {"IfMatch": held_etag}) == there
    assert stack.open_uploads() == []
