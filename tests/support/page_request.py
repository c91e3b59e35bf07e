"""The request of the vendor's page, and what is received for it."""

import gzip
from collections.abc import Callable
from typing import Literal

import urllib3
from urllib3.exceptions import HTTPError

from sandbox.spaaza.users import sample_csv

HEADERS = {
    "X-Spaaza-Session-Chain-Id": "1743",
    "X-Spaaza-Session-Key": "d7d91a80b5dd2cf040adc68bc2cb7974f0107dea35816bb3e14207444bf9e21a",
    "X-Spaaza-Session-User-Id": "1",
    "Content-Type": "application/json",
}
BODY = '{"entity":"people","chain_id":1743,"join":"all","rules":[]}'
SAMPLE_GZIP = gzip.compress(sample_csv(), mtime=0)

Ask = Callable[..., urllib3.BaseHTTPResponse]
Framing = Literal["chunked", "content-length", "close"]


def body_of(response: urllib3.BaseHTTPResponse) -> bytes:
    return response.read(decode_content=False)


def received(response: urllib3.BaseHTTPResponse) -> tuple[bytes, Exception | None]:
    """Read the body as it comes, and what broke it; every position in these tests is a multiple of ten."""
    got = bytearray()
    try:
        for piece in response.stream(10, decode_content=False):
            got += piece
    except HTTPError as error:
        return bytes(got), error
    return bytes(got), None
