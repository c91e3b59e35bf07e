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
    """Unit and meaning of one metric; with `by_chain` it is also published for each chain."""

    unit: MetricUnit
    meaning: str
    by_chain: bool = False


METRICS: Final[Mapping[str, Metric]] = {
    "SnapshotsCompleted": Metric(MetricUnit.Count, "snapshots committed", by_chain=True),
    "SnapshotsFailed": Metric(MetricUnit.Count, "runs that ended with an error, except held ones", by_chain=True),
    "SnapshotsHeld": Metric(MetricUnit.Count, "runs that ended with a doubtful snapshot held", by_chain=True),
    "SessionsRejected": Metric(
        MetricUnit.Count, "runs that ended because Spaaza refused the admin session", by_chain=True
    ),
    "ChainsMissingToday": Metric(
        MetricUnit.Count, "configured chains without a committed snapshot when a scheduled invocation starts"
    ),
    "SessionDaysLeft": Metric(MetricUnit.NoUnit, "days until the admin session expires, according to the secret"),
    "HeaderChanges": Metric(
        MetricUnit.Count, "snapshots whose header differs from the previous snapshot's", by_chain=True
    ),
    "RawTableSkips": Metric(MetricUnit.Count, "snapshots that the raw table cannot show by position", by_chain=True),
    "ParquetsMissing": Metric(
        MetricUnit.Count, "committed snapshots that a later run found without a typed copy", by_chain=True
    ),
    "TailsUndone": Metric(
        MetricUnit.Count,
        "runs that could not update a snapshot's tables, send its event, or finish the previous day",
        by_chain=True,
    ),
    "DamagedManifests": Metric(MetricUnit.Count, "stored manifests that cannot be read", by_chain=True),
    "Rows": Metric(MetricUnit.Count, "records after the header of a committed snapshot", by_chain=True),
    "RowsWithLineBreaks": Metric(
        MetricUnit.Count, "records with a line break in a field, which the raw table cannot show", by_chain=True
    ),
    "GzipBytes": Metric(MetricUnit.Bytes, "size of the object of a committed snapshot", by_chain=True),
    "CsvBytes": Metric(MetricUnit.Bytes, "uncompressed size of a committed snapshot", by_chain=True),
    "RunSeconds": Metric(MetricUnit.Seconds, "from the start of a run until its export was proven", by_chain=True),
    "CsvBytesPerSecond": Metric(
        MetricUnit.BytesPerSecond, "uncompressed bytes per second of RunSeconds", by_chain=True
    ),
    "Attempts": Metric(MetricUnit.Count, "exports started by a run; 1 if nothing was retried", by_chain=True),
    "ParquetsCompleted": Metric(MetricUnit.Count, "typed copies made of committed snapshots", by_chain=True),
    "ParquetsFailed": Metric(MetricUnit.Count, "conversions that ended with an error", by_chain=True),
    "ParquetsUnfit": Metric(
        MetricUnit.Count,
        "typed copies kept out of users_latest because too many of their records could not be read",
        by_chain=True,
    ),
    "RejectedRecords": Metric(
        MetricUnit.Count, "records that could not be read and are missing from Parquet", by_chain=True
    ),
    "ColumnsUnfit": Metric(
        MetricUnit.Count, "typed columns of which more than a tenth of the rows could not be read", by_chain=True
    ),
    "CastErrors": Metric(MetricUnit.Count, "values that do not fit their column's type and are NULL", by_chain=True),
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
