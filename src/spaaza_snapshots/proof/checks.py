"""The checks before a snapshot becomes visible; each is data, with its figures, and goes into the manifest.

The *proof* decides whether the export is complete; one failed check ends the attempt. The *guard* decides whether a
complete export is plausible; one failed check holds the snapshot. *Advice* is only told: it stops nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from spaaza_snapshots.errors import ASK_SPAAZA, ExportInterrupted, NotAnExport, SnapshotError
from spaaza_snapshots.model.columns import KNOWN
from spaaza_snapshots.model.manifest import Check, HeaderChanges, Manifest
from spaaza_snapshots.proof.gzip_csv import Inspection

SHOWN_DATES = 3

PREVIOUS_READABLE: Final = "previous_manifest_readable"
"""The check that fails where Spaaza has nothing to confirm: no count of users is in doubt."""

_TRY_AGAIN = "It is retried from the start; nothing of it was kept."


@dataclass(frozen=True, slots=True)
class Proof:
    """What must be true of a complete export, in the order it is checked, grouped by what a failed check means."""

    transfer: tuple[Check, ...]
    header: tuple[Check, ...]
    records: tuple[Check, ...]

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks, in order."""
        return (*self.transfer, *self.header, *self.records)

    def refuse_if_broken(self) -> None:
        """Raise `NotAnExport` or `ExportInterrupted` for the first failed check."""
        _refuse(self.transfer, _not_whole)
        _refuse(self.header, _no_header)
        _refuse(self.records, _not_whole)


def prove(inspection: Inspection, received_bytes: int, declared_end: str | None) -> Proof:
    """Check that the export is complete, from the header to the last record."""
    fields = len(inspection.header)
    known = len(KNOWN.keys() & set(inspection.header))
    gzip_notes = f"{inspection.gzip_members} members, {inspection.gzip_bytes} bytes, {inspection.csv_bytes} inflated"
    end_notes = declared_end or "ended with the connection"
    byte_notes = f"{received_bytes} bytes came, {inspection.gzip_bytes} were inspected"
    return Proof(
        transfer=(
            _check("http_end_declared", declared_end is not None, end_notes, advisory=True),
            _check("all_bytes_inspected", received_bytes == inspection.gzip_bytes, byte_notes),
            _check("gzip_ends_at_trailer", inspection.at_member_end, gzip_notes),
        ),
        header=(
            _check("header_present", fields > 0, f"{fields} columns"),
            _check("header_known", 2 * known >= len(KNOWN), f"{known} of the {len(KNOWN)} documented names are there"),
        ),
        records=(
            _check("csv_ends_outside_quotes", not inspection.open_quote, f"{inspection.row_count} rows"),
            _width_check("first_row_as_wide_as_header", inspection.first_row_fields, fields),
            _width_check("last_row_as_wide_as_header", inspection.last_row_fields, fields),
        ),
    )


def advice(
    header: tuple[str, ...], snapshot_date: date, taken_on: date, changes: HeaderChanges | None
) -> tuple[Check, ...]:
    """Check what may be worth knowing but does not stop a run."""
    repeated = [name for name, times in Counter(header).items() if times > 1]
    unnamed = sum(not name.strip() for name in header)
    return (
        _check(
            "taken_on_snapshot_date",
            taken_on == snapshot_date,
            f"taken on {taken_on} for {snapshot_date}",
            advisory=True,
        ),
        _check(
            "column_names_unique",
            not repeated and not unnamed,
            f"{len(repeated)} names repeated, {unnamed} empty",
            advisory=True,
        ),
        _check("header_unchanged", changes is None or not changes.is_change, _change_notes(changes), advisory=True),
    )


def guard(row_count: int, against: Manifest | None, name: str, max_drop_percent: float) -> Check:
    """Compare the row count with another snapshot of the chain; fails if too many are gone, or all."""
    if against is None:
        return _check(name, passed=True, notes=f"{row_count} rows, nothing to compare with")
    before = against.row_count
    drop_percent = 100 * (before - row_count) / before if before else 0.0
    passed = drop_percent <= max_drop_percent and not (row_count == 0 and before > 0)
    change = f"{-drop_percent:+.2f} %, {-max_drop_percent:g} % allowed"
    notes = f"{row_count} rows, {before} on {against.snapshot_date}: {change}"
    return _check(name, passed, notes)


def previous_readable(damaged: Sequence[date], previous: Manifest | None) -> Check:
    """Check that earlier manifests can be read; required if damage leaves nothing to compare with."""
    dates = ", ".join(map(str, damaged[:SHOWN_DATES]))
    notes = f"{len(damaged)} damaged, such as those of {dates}" if damaged else "none is damaged"
    return _check(PREVIOUS_READABLE, not damaged, notes, advisory=previous is not None)


def _check(name: str, passed: bool, notes: str, *, advisory: bool = False) -> Check:  # noqa: FBT001 # reads as data
    return Check(name, not advisory, passed, notes)


def _width_check(name: str, row_fields: int | None, header_fields: int) -> Check:
    notes = "no rows" if row_fields is None else f"{row_fields} fields, {header_fields} in the header"
    return _check(name, row_fields in (None, header_fields), notes)


def _change_notes(changes: HeaderChanges | None) -> str:
    if changes is None:
        return "no snapshot before"
    order = ", reordered" if changes.reordered else ""
    return f"{len(changes.added)} added, {len(changes.removed)} removed{order} since {changes.previous_date}"


def _refuse(checks: Iterable[Check], error_of: Callable[[Check], SnapshotError]) -> None:
    for check in checks:
        if check.required and not check.passed:
            raise error_of(check)


def _not_whole(check: Check) -> ExportInterrupted:
    return ExportInterrupted("The export is incomplete", f"{check.name}: {check.notes}", _TRY_AGAIN)


def _no_header(check: Check) -> NotAnExport:
    # Without Spaaza's names the first record may be a row, whose cells must not be used as names.
    return NotAnExport("The export has no header", f"{check.name}: {check.notes}", ASK_SPAAZA)
