"""The body of an export, and what is received of it."""

import gzip
from collections.abc import Callable

from sandbox.spaaza.users import generated_csv
from spaaza_snapshots.errors import SnapshotError
from spaaza_snapshots.spaaza.export_stream import ExportStream
from tests.support.builders import all_texts, session

PLAIN = b"".join(generated_csv(2_000))
WHOLE = gzip.compress(PLAIN, mtime=0)
FRAMINGS = ["chunked", "content-length", "close"]
Open = Callable[..., ExportStream]


def received(stream: ExportStream) -> tuple[bytes, SnapshotError | None]:
    """Read the body as it comes, and what broke it."""
    got = bytearray()
    try:
        for chunk in stream.chunks():
            got += chunk
    except SnapshotError as error:
        return bytes(got), error
    return bytes(got), None


def refused(stream: ExportStream, expected: type[SnapshotError]) -> str:
    """Read until the error, and return its text; it shows the key nowhere."""
    _, error = received(stream)
    assert type(error) is expected
    assert session().key not in all_texts(error)
    assert error.hint
    return str(error)
