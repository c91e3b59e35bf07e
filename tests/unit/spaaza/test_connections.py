"""The connection to Spaaza ends with the answer that came over it, however that went."""

import gc
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sandbox.spaaza.answers import Answer, bad_crc, gzip_answer, html_answer, refusal
from sandbox.spaaza.server import SpaazaServer
from spaaza_snapshots.errors import SnapshotError
from tests.support.export_bodies import WHOLE, Open, received

ANSWERS = {
    "whole": gzip_answer(WHOLE),
    "whole, in small chunks": replace(gzip_answer(WHOLE), chunk_bytes=997),
    "cut off": replace(gzip_answer(WHOLE), cut_after_bytes=100),
    "damaged": gzip_answer(bad_crc(WHOLE)),
    "a web page": html_answer("<h1>Maintenance</h1>"),
    "refused": refusal(500),
}


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What only the collector of cycles would free stays: it may not run for hours in a frozen function."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("framing", ["chunked", "content-length"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_no_connection_stays_open_behind_an_answer(
    opened: Open, server: SpaazaServer, answer: Answer, framing: str
) -> None:
    for _ in range(3):
        try:
            with opened(answer, framing=framing) as stream:
                received(stream)
        except SnapshotError:
            pass  # the answer was not an export
    give_up_at = time.monotonic() + 5
    while server.open_connections and time.monotonic() < give_up_at:
        time.sleep(0.01)
    assert server.open_connections == 0
