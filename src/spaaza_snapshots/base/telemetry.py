"""What the functions say of themselves: JSON log lines, and metrics out of one declared table.

Nothing personal and no key may be said: figures, names, keys of objects, classes of errors.
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

# At DEBUG these log headers and bodies, the session key and the role's token among them, and Lambda's own LogLevel sets
# the level of the root logger, which is theirs too.
for _name in ("boto3", "botocore", "s3transfer", "urllib3"):
    logging.getLogger(_name).setLevel(max(logging.getLogger(_name).getEffectiveLevel(), logging.WARNING))


@dataclass(frozen=True, slots=True)
class Metric:
    """Unit and meaning of one metric; one `by_chain` is also kept for each chain."""

    unit: MetricUnit
    meaning: str
    by_chain: bool = False


METRICS: Final[Mapping[str, Metric]] = {
    "SnapshotsCompleted": Metric(MetricUnit.Count, "snapshots committed", by_chain=True),
    "SnapshotsFailed": Metric(
        MetricUnit.Count, "runs that ended with an error, held ones not among them", by_chain=True
    ),
    "SnapshotsHeld": Metric(MetricUnit.Count, "runs that ended with a snapshot held back as doubtful", by_chain=True),
    "SessionsRejected": Metric(
        MetricUnit.Count, "runs that ended because Spaaza refused the admin session", by_chain=True
    ),
    "ChainsMissingToday": Metric(
        MetricUnit.Count, "configured chains without a committed snapshot, as each scheduled invocation begins"
    ),
    "SessionDaysLeft": Metric(MetricUnit.NoUnit, "days until the admin session ends, as the secret tells"),
    "HeaderChanges": Metric(
        MetricUnit.Count, "snapshots whose header is not that of the snapshot before", by_chain=True
    ),
    "RawTableSkips": Metric(MetricUnit.Count, "snapshots that the raw table cannot show by position", by_chain=True),
    "ParquetsMissing": Metric(
        MetricUnit.Count, "committed snapshots that a later run finds without their typed copy", by_chain=True
    ),
    "TailsUndone": Metric(
        MetricUnit.Count,
        "runs that could not bring the tables or the event of a snapshot up to date, or finish the day before",
        by_chain=True,
    ),
    "DamagedManifests": Metric(MetricUnit.Count, "stored manifests that cannot be read", by_chain=True),
    "Rows": Metric(MetricUnit.Count, "records after the header of a committed snapshot", by_chain=True),
    "RowsWithLineBreaks": Metric(
        MetricUnit.Count, "records with a line break in a field, which the raw table cannot show", by_chain=True
    ),
    "GzipBytes": Metric(MetricUnit.Bytes, "size of the object of a committed snapshot", by_chain=True),
    "CsvBytes": Metric(MetricUnit.Bytes, "size of a committed snapshot, inflated", by_chain=True),
    "RunSeconds": Metric(MetricUnit.Seconds, "from the start of a run until its export was proven", by_chain=True),
    "CsvBytesPerSecond": Metric(MetricUnit.BytesPerSecond, "inflated bytes over those seconds", by_chain=True),
    "Attempts": Metric(
        MetricUnit.Count, "exports started by a run, 1 when nothing had to be tried again", by_chain=True
    ),
    "ParquetsCompleted": Metric(MetricUnit.Count, "typed copies made of committed snapshots", by_chain=True),
    "ParquetsFailed": Metric(MetricUnit.Count, "conversions that ended with an error", by_chain=True),
    "ParquetsUnfit": Metric(
        MetricUnit.Count,
        "typed copies kept out of users_latest because too many of their records could not be read",
        by_chain=True,
    ),
    "RejectedRecords": Metric(
        MetricUnit.Count, "records that could not be read, and that Parquet lacks", by_chain=True
    ),
    "CastErrors": Metric(MetricUnit.Count, "values that are not of their column's type, and are NULL", by_chain=True),
}


def log_failure(error: Exception) -> None:
    """Log the error that ends an invocation; never its traceback, which would show values."""
    logger.error(str(error), extra={"error": type(error).__name__})


class Telemetry:
    """Says metrics at once, so that what was said outlives a run that is killed."""

    def __init__(self, service: str) -> None:
        self._service = service

    def measure(self, values: Mapping[str, float], chain_id: int | None = None) -> None:
        """Say some metrics; KeyError on one that `METRICS` does not declare.

        Metrics that cannot be written are logged and go no further: they must not un-happen a snapshot.
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
    """Logs how far a stream has come, every 10 seconds or 64 MiB of gzip, whichever comes first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self._next_seconds = PROGRESS_SECONDS
        self._next_bytes = PROGRESS_BYTES

    def at(self, gzip_bytes: int, csv_bytes: int, row_count: int) -> None:
        """Log a line if it is time for one."""
        seconds = self._clock.monotonic() - self._began
        if gzip_bytes < self._next_bytes and seconds < self._next_seconds:
            return
        self._next_bytes = gzip_bytes + PROGRESS_BYTES
        self._next_seconds = seconds + PROGRESS_SECONDS
        figures = {"gzip_bytes": gzip_bytes, "csv_bytes": csv_bytes, "rows": row_count, "seconds": round(seconds, 1)}
        logger.info("Streaming", extra=figures)
