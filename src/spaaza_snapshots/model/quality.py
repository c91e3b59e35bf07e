"""The findings of one snapshot's conversion: one line of JSON, a row of the table users_quality."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Final

from spaaza_snapshots.base.typed_json import read_as

KEPT_REJECTS: Final = 1_000
"""How many rejected records are listed; all are counted."""

FIT_RECORDS_PER_REJECT: Final = 10
"""A typed copy that lacks more than one record in this many is not shown; the view users_latest has the same figure."""

FIT_ROWS_PER_CAST_ERROR: Final = 10
"""A column with more than one value in this many rows that is not of its type is sent in another form by now."""


@dataclass(frozen=True, slots=True)
class CastErrors:
    """How many values of one column are not of its type."""

    column: str
    count: int


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that could not be read; `record` counts from 1 after the header."""

    record: int
    reason: str


@dataclass
class Rejects:
    """The records of an export that could not be read: a count for each reason, and the first ones."""

    reasons: Counter[str] = field(default_factory=Counter)
    first: list[Reject] = field(default_factory=list)

    @property
    def count(self) -> int:
        """The number of rejected records."""
        return self.reasons.total()

    def add(self, record: int, reason: str) -> None:
        """Count one more, and keep it if it is among the first."""
        self.reasons[str(reason)] += 1
        if len(self.first) < KEPT_REJECTS:
            self.first.append(Reject(record, str(reason)))


@dataclass(frozen=True, slots=True)
class Quality:
    """The findings: `row_count` is the manifest's, and the sum of the other two. Never contains cell values."""

    run_id: str
    row_count: int
    parquet_rows: int
    rejected_rows: int
    cast_errors: tuple[CastErrors, ...]
    rejects: tuple[Reject, ...]
    completed_at: str

    @property
    def is_unfit(self) -> bool:
        """Whether the typed copy lacks too many records to represent the users of its day."""
        return self.rejected_rows * FIT_RECORDS_PER_REJECT > self.row_count

    @property
    def unfit_columns(self) -> tuple[str, ...]:
        """The typed columns of which too many rows are NULL in place of what was sent, by name; the day stays fit."""
        unfit = (each.column for each in self.cast_errors if each.count * FIT_ROWS_PER_CAST_ERROR > self.parquet_rows)
        return tuple(sorted(unfit))

    def to_json(self) -> bytes:
        """Return one line, including its line end: Athena's JSON SerDe reads each line as a row."""
        return json.dumps(asdict(self), separators=(",", ":")).encode() + b"\n"


def quality_of(body: bytes) -> Quality | None:
    """Return the findings of a conversion, or None if they cannot be read."""
    try:
        return read_as(Quality, json.loads(body))
    except (ValueError, TypeError, RecursionError):
        return None
