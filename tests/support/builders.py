"""The smallest whole things that tests are made of: settings, a session, a manifest, a clock that the test holds."""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.spaaza.users import HEADER
from spaaza_snapshots.base.clock import RESERVE_SECONDS, Clock
from spaaza_snapshots.model.columns import columns_of
from spaaza_snapshots.model.manifest import Manifest, Producer, Raw, Source
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.spaaza.credentials import Session

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)

ENVIRONMENT = {
    "SNAPSHOT_BUCKET": "snapshots",
    "SPAAZA_SECRET_ID": "spaaza/session",
    "SPAAZA_ENVIRONMENT": "test01",
    "SPAAZA_CHAIN_IDS": "1743,1783",
}
"""The variables without which there is no function."""


def settings(**variables: str) -> Settings:
    """Settings of two chains, with these variables besides."""
    return Settings.from_environment({**ENVIRONMENT, **variables})


def session(key: str = "d7d91a80b5dd2cf040adc68bc2cb7974f0107dea35816bb3e14207444bf9e21a") -> Session:
    """A session that the sandbox's Spaaza knows, unless its key says otherwise."""
    return Session("1", key, None)


@dataclass
class HeldClock:
    """Time that passes only where the product sleeps, or where the test says so; real waits take none of it.

    `left_seconds` is what the product's clock calls `seconds_left`: for work, with the reserve on top.
    """

    now: datetime = NOW
    left_seconds: float = 900.0
    slept: list[float] = field(default_factory=list)

    def run_out(self) -> None:
        """Leave 5 seconds of the function's time: far into what is kept for ending cleanly."""
        self.left_seconds = 5 - RESERVE_SECONDS

    def pass_by(self, seconds: float) -> None:
        """Let time go by."""
        self.now += timedelta(seconds=seconds)
        self.left_seconds -= seconds

    def clock(self) -> Clock:
        """Return it as the product's clock."""
        return Clock(
            remaining_ms=lambda: int((self.left_seconds + RESERVE_SECONDS) * 1000),
            now=lambda: self.now,
            monotonic=self._monotonic,
            sleep=self._sleep,
        )

    def _monotonic(self) -> float:
        return self.now.timestamp()

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_by(seconds)


def documented_csv(*records: str, line_end: str = "\n", header: Sequence[str] = HEADER) -> bytes:
    """A CSV with the documented header; each record has the first two of its fields, and the others come out empty."""
    rest = "," * (len(header) - 2)
    return line_end.join([",".join(header), *(f"{record}{rest}" for record in records), ""]).encode()


def manifest(**changes: Any) -> Manifest:
    """A committed manifest of two rows, with these fields in place of its own."""
    header = changes.get("header", ("ID", "Gender"))
    fields: dict[str, Any] = {
        "manifest_version": "1",
        "producer": Producer(),
        "run_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
        "dataset": "users",
        "environment": "test01",
        "chain_id": 1743,
        "snapshot_date": "2026-11-22",
        "header": header,
        "columns": columns_of(header),
        "row_count": 2,
        "rows_with_line_breaks": 0,
        "raw": raw(),
        "header_changes": None,
        "checks": (),
        "source": Source("https://services-test01.spaaza.com/segments/export/users", "text/csv", None, 1),
        "requested_at": "2026-11-22T03:00:00.000Z",
        "started_at": "2026-11-22T03:00:01.000Z",
        "first_byte_at": "2026-11-22T03:00:02.000Z",
        "completed_at": "2026-11-22T03:00:03.000Z",
    }
    return Manifest(**{**fields, **changes})


def raw() -> Raw:
    """The object of that manifest."""
    return Raw(
        bucket="snapshots",
        key="raw/users/chain_id=1743/dt=2026-11-22/users.csv.gz",
        version_id="3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY",
        etag='"3858f62230ac3c915f300c664312c11f-1"',
        gzip_bytes=45,
        csv_bytes=27,
        sha256="00" * 32,
        checksum_algorithm="CRC32",
        checksum="AAAAAA==",
        parts=1,
        gzip_members=1,
    )


def all_texts(error: BaseException) -> str:
    """All that a log could ever show of an error: its traceback, and each error behind it, suppressed or not."""
    texts = ["".join(traceback.format_exception(error))]
    behind: list[BaseException] = [error]
    for each in behind:
        texts += [str(each), repr(each), repr(vars(each))]
        behind += [other for other in (each.__cause__, each.__context__) if other is not None and other not in behind]
    return "\n".join(texts)
