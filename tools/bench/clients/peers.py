"""What others use to put a stream into S3: `python -m tools.bench.clients.peers NAME EXPORT_URL S3_URL`.

`counting` also inflates and counts line ends, which is what most scripts do to know how many rows came. With a
certificate, SSL_CERT_FILE and AWS_CA_BUNDLE name it.
"""

import sys
import urllib.request
import zlib
from collections.abc import Callable
from typing import Any

from tools.bench.clients.meter import metered

CHUNK_BYTES = 65_536
BUCKET, KEY = "bench", "sent"


class _Counting:
    """The stream, inflated on the side; `newlines` counts them, within quotes or not."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._member = zlib.decompressobj(31)
        self.newlines = 0

    def read(self, size: int | None = None) -> bytes:
        """Return the next bytes, after counting in them."""
        chunk: bytes = self._stream.read(size)
        self.newlines += self._member.decompress(chunk).count(b"\n")
        return chunk


def boto(export_url: str, s3_url: str) -> Callable[[], None]:
    """boto3, as its page on uploading a file-like object says."""
    import boto3

    s3 = boto3.client("s3", endpoint_url=s3_url)
    return lambda: s3.upload_fileobj(_opened(export_url), BUCKET, KEY)


def counting(export_url: str, s3_url: str) -> Callable[[], int]:
    """boto3, with the rows counted the naive way."""
    import boto3

    s3 = boto3.client("s3", endpoint_url=s3_url)

    def work() -> int:
        stream = _Counting(_opened(export_url))
        sent: Any = stream  # it has all that boto3 asks of a file
        s3.upload_fileobj(sent, BUCKET, KEY)
        return stream.newlines - 1

    return work


def smart_open(export_url: str, s3_url: str) -> Callable[[], None]:
    """smart_open's writer."""
    import boto3
    import smart_open as library

    s3 = boto3.client("s3", endpoint_url=s3_url)

    def work() -> None:
        address = f"s3://{BUCKET}/{KEY}"
        with library.open(address, "wb", compression="disable", transport_params={"client": s3}) as target:
            _copy(_opened(export_url), target)

    return work


def s3fs(export_url: str, s3_url: str) -> Callable[[], None]:
    """s3fs's writer."""
    import s3fs as library

    files = library.S3FileSystem(endpoint_url=s3_url)

    def work() -> None:
        with files.open(f"{BUCKET}/{KEY}", "wb") as target:
            _copy(_opened(export_url), target)

    return work


def _opened(url: str) -> Any:
    return urllib.request.urlopen(urllib.request.Request(url, data=b"{}"))


def _copy(source: Any, target: Any) -> None:
    while chunk := source.read(CHUNK_BYTES):
        target.write(chunk)


WAYS: dict[str, Callable[[str, str], Callable[[], Any]]] = {
    "boto3": boto,
    "counting": counting,
    "smart_open": smart_open,
    "s3fs": s3fs,
}

if __name__ == "__main__":
    metered(WAYS[sys.argv[1]](*sys.argv[2:4]))
