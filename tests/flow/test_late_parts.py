"""A part that S3 holds on to for longer than an abort waits."""

from threading import Event

import pytest

from sandbox.aws.stack import Stack
from sandbox.wire import faults
from spaaza_snapshots.s3 import multipart
from spaaza_snapshots.s3.multipart import PART_BYTES, MultipartUpload
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.snapshot.wiring import clients_for
from tests.support.builders import HeldClock

KEY = "raw/users/chain_id=1743/dt=2026-11-22/users.csv.gz"


def test_an_upload_is_aborted_once_more_when_its_last_part_has_landed(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS: a part in flight may still land, so it may be necessary to abort several times."""
    monkeypatch.setattr(multipart, "STRAGGLERS_SECONDS", 0.1)
    s3 = clients_for(Settings.from_environment(stack.environment())).s3
    release, reached, aborted_again = Event(), Event(), Event()
    stack.wire.fail("UploadPart", faults.hold(release, reached=reached))
    stack.wire.fail("AbortMultipartUpload", faults.call(aborted_again.set, when="after"), nth=2)
    with MultipartUpload(s3, s3, stack.bucket, KEY, "run", HeldClock().clock()) as upload:
        upload.write(bytes(PART_BYTES))
        assert reached.wait(20)
    assert not aborted_again.is_set()
    release.set()
    assert aborted_again.wait(20)
    assert stack.open_uploads() == []
