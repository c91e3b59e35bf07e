"""How an erasure is told: the plan, what it costs, and the proof; never who."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import Any

from rich.console import RenderableType
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from spaaza_snapshots.cli.command import Answer, ExitCode
from spaaza_snapshots.model.erasure import Erasure
from spaaza_snapshots.upkeep.erasure import ErasureProof
from spaaza_snapshots.upkeep.erasure_plan import DayToErase, Plan

LEFT = "[red]Left:[/red] {key}"
UPLOAD = (
    "[yellow]An export is being received at {key},[/yellow] and nobody can say yet who is in it. Run this command again"
    " once that run has ended: in 15 minutes at the latest."
)
CONVERSION = (
    "[yellow]A conversion may be writing {key}[/yellow] from the export that is gone now. Run this command again in"
    " 15 minutes."
)


@dataclass(frozen=True, slots=True)
class _Row:
    """What becomes of one object."""

    date: date
    key: str
    versions: int
    bytes: int
    becomes: str


def erasure_view(plan: Plan, record: Erasure | None, proof: ErasureProof | None, today: date) -> Answer:
    """Return the plan if nothing was erased, else the proof; exit code 1 if anything is left.

    `record`: None if none was needed; `proof`: None if nothing was to be erased.
    """
    rows = [row for day in plan.days for row in _rows(day)]
    unclear = [key for key in plan.unclear if proof is None or key in proof.left]
    body = [*_plan_view(plan, rows), *_warnings(plan, unclear, today), *_end(plan, record, proof)]
    code = ExitCode.GOOD if proof is None or proof.is_clean else ExitCode.FAILED
    return Answer(_data(plan, rows, record, proof), body, code)


def _rows(day: DayToErase) -> Iterator[_Row]:
    export = "deleted, the day's snapshot with it" if day.whole else "replaced versions deleted, the snapshot stays"
    typed = "deleted" if any(version.is_latest for version in day.typed) else "replaced versions deleted"
    typed = typed if day.typed_anew is None else "made again without them"
    going = ((*day.drafts, *day.report), "deleted")
    by_key = attrgetter("key")
    parts = (going, (day.typed, typed), ((*day.exports, *day.exports_last), export))
    for versions, becomes in parts:
        for key, group in groupby(sorted(versions, key=by_key), by_key):
            of_key = list(group)
            size = sum(version.bytes for version in of_key)
            yield _Row(day.snapshot_id.snapshot_date, key, len(of_key), size, becomes)


def _plan_view(plan: Plan, rows: list[_Row]) -> Iterator[RenderableType]:
    yield f"Read: {plan.export_versions} exports and {plan.typed_versions} typed copies, every version of them."
    if not rows:
        yield f"No snapshot of chain {plan.chain_id} holds them" + (" but today's." if plan.today else ".")
    else:
        table = Table("object", "versions", "size", "becomes", box=None)
        for row in rows:
            table.add_row(escape(row.key), str(row.versions), decimal(row.bytes), row.becomes)
        yield table
    if whole := sum(day.whole for day in plan.days):
        days = "1 day" if whole == 1 else f"{whole} days"
        yield f"The exports of {days} go with all their users, because an export is never edited; the manifests stay."
    if results := plan.query_results:
        size = decimal(sum(version.bytes for version in results))
        yield f"Query results: all {len(results)} versions ({size}) go, whoever is in them."


def _warnings(plan: Plan, unclear: Iterable[str], today: date) -> Iterator[RenderableType]:
    if plan.ids_without_record:
        have, they = ("has", "it is") if plan.ids_without_record == 1 else ("have", "they are")
        yield (
            f"[yellow]{plan.ids_without_record} of {plan.ids} ids {have} no record in any export:[/yellow] check that"
            f" {they} the column ID, not Spaaza User ID. After an erasure that was proved, that is as it should be."
        )
    if plan.today:
        yield (
            f"[yellow]Today's export ({today}) holds them too, and is left alone:[/yellow] the next run would bring"
            f" them back. Have Spaaza erase them, run [bold]make snapshot CHAIN={plan.chain_id} FORCE=1[/bold], and"
            " then this command again."
        )
    for key in unclear:
        yield (
            f"[yellow]Nobody can say who is in {escape(key)}:[/yellow] a version of it cannot be read to its end, or it"
            " names no day. Look at it, and delete that version by hand."
        )


def _end(plan: Plan, record: Erasure | None, proof: ErasureProof | None) -> Iterator[RenderableType]:
    if proof is None:
        if plan.days or plan.query_results:
            yield "Nothing was changed. To erase, add [bold]--yes[/bold] (with make: YES=1)."
        return
    for unfinished in proof.open_records:
        yield (
            f"[yellow]The erasure begun at {unfinished.started_at} is not finished[/yellow] ({unfinished.key}). If it"
            " was of other people, or of more or fewer, repeat it with exactly the ids that it was begun with."
        )
    if record is not None:
        yield f"Record: {record.key}"
    for text, found in ((LEFT, proof.left), (UPLOAD, proof.uploads), (CONVERSION, proof.conversions)):
        yield from (text.format(key=escape(key)) for key in found)
    if proof.is_clean:
        gone, results = sum(len(day.versions) for day in plan.days), len(plan.query_results)
        erased_now = f" {gone} versions of {len(plan.days)} days and {results} of query results are gone."
        yield (
            f"[green]Proved:[/green]{erased_now if gone or results else ''}"
            f" {proof.export_versions} exports and {proof.typed_versions} typed copies are left, and none holds them:"
            " each export was read to its end, and so was each typed copy that no export clears."
        )
    else:
        yield (
            "[red]Not finished:[/red] do what is said above, and run the command again; it finds what is left."
            " If it is left a second time, something is still writing it."
        )


def _data(plan: Plan, rows: list[_Row], record: Erasure | None, proof: ErasureProof | None) -> Any:
    return {
        "chain_id": plan.chain_id,
        "export_versions_read": plan.export_versions,
        "ids": plan.ids,
        "ids_without_record": plan.ids_without_record,
        "typed_versions_found": plan.typed_versions,
        "days": [
            {"date": day.snapshot_id.snapshot_date.isoformat(), "whole": day.whole, "typed_anew": bool(day.typed_anew)}
            for day in plan.days
        ],
        "objects": rows,
        "query_results": len(plan.query_results),
        "today_is_left": plan.today,
        "unclear": plan.unclear,
        "erased": proof is not None,
        "proved": proof and proof.is_clean,
        "left": proof and proof.left,
        "uploads": proof and proof.uploads,
        "conversions": proof and proof.conversions,
        "open_records": proof and [unfinished.key for unfinished in proof.open_records],
        "record": record and record.key,
    }
