"""What the conversion of one snapshot found: one line of JSON, a row of the table users_quality."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Final

KEPT_REJECTS: Final = 1_000
"""So many rejected records are kept one by one; all are counted."""

FIT_RECORDS_PER_REJECT: Final = 10
"""A typed copy that lacks more than one record of so many is not shown; the view users_latest has the same figure."""


@dataclass(frozen=True, slots=True)
class CastErrors:
    """How many values of one column are not exactly of its type."""

    column: str
    count: int


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that could not be read; `record` counts from 1 behind the header."""

    record: int
    reason: str


@dataclass
class Rejects:
    """All the records of an export that could not be read: how many for which reason, and the first of them."""

    reasons: Counter[str] = field(default_factory=Counter)
    first: list[Reject] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many there are."""
        return self.reasons.total()

    def add(self, record: int, reason: str) -> None:
        """Take one more."""
        self.reasons[str(reason)] += 1
        if len(self.first) < KEPT_REJECTS:
            self.first.append(Reject(record, str(reason)))


@dataclass(frozen=True, slots=True)
class Quality:
    """The findings: `row_count` is the manifest's, and the sum of the other two. Never a value of a cell."""

    run_id: str
    row_count: int
    parquet_rows: int
    rejected_rows: int
    cast_errors: tuple[CastErrors, ...]
    rejects: tuple[Reject, ...]
    completed_at: str

    @property
    def is_unfit(self) -> bool:
        """Whether the typed copy lacks too many records to be taken for the users of its day."""
        return self.rejected_rows * FIT_RECORDS_PER_REJECT > self.row_count

    def to_json(self) -> bytes:
        """Return one line, with its line end: Athena's JSON SerDe takes each line for a row."""
        return json.dumps(asdict(self), separators=(",", ":")).encode() + b"\n"
