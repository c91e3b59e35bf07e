"""Logs and metrics: JSON log lines, and metrics from one declared table.

Never personal data or a session key: only figures, names, object keys and error classes.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.metrics.exceptions import SchemaValidationError

from spaaza_snapshots.base.clock import Clock

NAMESPACE = "SpaazaSnapshots"

PROGRESS_SECONDS = 10.0
PROGRESS_BYTES = 64 * 1024 * 1024

logger = Logger(name="spaaza_snapshots", utc=True, log_uncaught_exceptions=False)

# At DEBUG these log headers and bodies, including the session key and the role's token. Lambda's LogLevel sets the
# root logger's level, which they inherit.
for _name in ("boto3", "botocore", "s3transfer", "urllib3"):
    logging.getLogger(_name).setLevel(max(logging.getLogger(_name).getEffectiveLevel(), logging.WARNING))


@dataclass(frozen=True, slots=True)
class Metric:
    """Meaning and unit of one metric; with `by_chain` it is also published for each chain."""

    meaning: str
    unit: MetricUnit = MetricUnit.Count
    by_chain: bool = True


METRICS: Final[Mapping[str, Metric]] = {
    "SnapshotsCompleted": Metric("snapshots committed"),
    "SnapshotsFailed": Metric("runs that ended with an error, except held ones"),
    "SnapshotsHeld": Metric("runs that ended with a doubtful snapshot held"),
    "SessionsRejected": Metric("runs that ended because Spaaza refused the admin session"),
    "ChainsMissingToday": Metric(
        "configured chains without a committed snapshot when a scheduled invocation starts", by_chain=False
    ),
    "SessionDaysLeft": Metric(
        "days until the admin session expires, according to the secret", MetricUnit.NoUnit, by_chain=False
    ),
    "HeaderChanges": Metric("snapshots whose header differs from the previous snapshot's"),
    "RawTableSkips": Metric("snapshots that the raw table cannot show by position"),
    "ParquetsMissing": Metric("committed snapshots that a later run found without a typed copy"),
    "TailsUndone": Metric("runs that could not update a snapshot's tables, send its event, or finish the previous day"),
    "DamagedManifests": Metric("stored manifests that cannot be read"),
    "Rows": Metric("records after the header of a committed snapshot"),
    "RowsWithLineBreaks": Metric("records with a line break in a field, which the raw table cannot show"),
    "GzipBytes": Metric("size of the object of a committed snapshot", MetricUnit.Bytes),
    "CsvBytes": Metric("uncompressed size of a committed snapshot", MetricUnit.Bytes),
    "RunSeconds": Metric("from the start of a run until its export was proven", MetricUnit.Seconds),
    "CsvBytesPerSecond": Metric("uncompressed bytes per second of RunSeconds", MetricUnit.BytesPerSecond),
    "Attempts": Metric("exports started by a run; 1 if nothing was retried"),
    "ParquetsCompleted": Metric("typed copies made of committed snapshots"),
    "ParquetsFailed": Metric("conversions that ended with an error"),
    "ParquetsUnfit": Metric(
        "typed copies kept out of users_latest because too many of their records could not be read"
    ),
    "RejectedRecords": Metric("records that could not be read and are missing from Parquet"),
    "ColumnsUnfit": Metric("typed columns of which more than a tenth of the rows could not be read"),
    "CastErrors": Metric("values that do not fit their column's type and are NULL"),
}


def log_failure(error: Exception) -> None:
    """Log the error that ends an invocation, without its traceback, which could contain values."""
    logger.error(str(error), extra={"error": type(error).__name__})


class Telemetry:
    """Writes metrics immediately, so that they survive if the run is killed."""

    def __init__(self, service: str) -> None:
        self._service = service

    def measure(self, values: Mapping[str, float], chain_id: int | None = None) -> None:
        """Write metrics; KeyError for one that `METRICS` does not declare.

        A write error is only logged: it must not fail a committed snapshot.
        """
        for by_chain in (False, True):
            chosen = {name: value for name, value in values.items() if METRICS[name].by_chain is by_chain}
            if chosen:
                self._say(chosen, chain_id if by_chain else None)

    def _say(self, values: Mapping[str, float], chain_id: int | None) -> None:
        metrics = EphemeralMetrics(namespace=NAMESPACE, service=self._service)
        for name, value in values.items():
            metrics.add_metric(name, METRICS[name].unit, value)
        if chain_id is not None:
            metrics.add_dimensions(service=self._service, chain_id=str(chain_id))
        try:
            metrics.flush_metrics()
        except (OSError, ValueError, SchemaValidationError):
            logger.exception("Metrics could not be written", extra={"metrics": sorted(values)})


class Progress:
    """Logs the progress of a stream, every 10 seconds or 64 MiB of gzip, whichever comes first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self._next_seconds = PROGRESS_SECONDS
        self._next_bytes = PROGRESS_BYTES

    def at(self, gzip_bytes: int, csv_bytes: int, row_count: int) -> None:
        """Log a line if one is due."""
        seconds = self._clock.monotonic() - self._began
        if gzip_bytes < self._next_bytes and seconds < self._next_seconds:
            return
        self._next_bytes = gzip_bytes + PROGRESS_BYTES
        self._next_seconds = seconds + PROGRESS_SECONDS
        figures = {"gzip_bytes": gzip_bytes, "csv_bytes": csv_bytes, "rows": row_count, "seconds": round(seconds, 1)}
        logger.info("Streaming", extra=figures)
