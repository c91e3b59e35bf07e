"""Parses an invocation's event into a `SnapshotRequest`, or refuses it with an error that names what is wrong.

{"chain_ids": [1743, 1783], "scheduled_time": "2026-11-22T02:00:00Z"}                 the schedule
{"source": "spaaza.snapshots", "detail-type": "Snapshot Requested", "time": …,
 "detail": {"chain_id": 1743, "date": "2026-11-22", "force": false}, …}               one chain, from the bus
{"detail-type": "Scheduled Event", "time": …, …}                                      a scheduled rule
{"chain_id": 1743, "date": "2026-11-22", "force": true} · {"chain_ids": […]} · {}      by hand
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date, datetime
from reprlib import repr as short
from typing import Any

from spaaza_snapshots.errors import InvalidRequest
from spaaza_snapshots.events.messages import SNAPSHOT_REQUESTED, SOURCE
from spaaza_snapshots.events.payload import HINT, is_chain_id, parse_date
from spaaza_snapshots.snapshot.settings import Settings

SCHEDULED_EVENT = "Scheduled Event"

NAMED_KEYS = 10
"""How many unknown keys an error names; it counts the others."""

_KEYS_BY_HAND = frozenset({"chain_id", "chain_ids", "date", "force", "accept", "scheduled_time"})
_KEYS_OF_DETAIL = frozenset({"chain_id", "date", "force"})


@dataclass(frozen=True, slots=True)
class SnapshotRequest:
    """The chains and the date that are requested; `requested_at` is the event's own time, if it has one."""

    chain_ids: tuple[int, ...]
    snapshot_date: date
    force: bool
    accept: bool
    scheduled: bool
    requested_at: datetime | None


def parse_request(event: object, settings: Settings, now: datetime) -> SnapshotRequest:
    """Read any of the payloads above; `now` is an aware instant. Raises `InvalidRequest`."""
    if not isinstance(event, Mapping):
        raise _refusal("The event is not a JSON object", type(event).__name__)
    payload, event_time, scheduled = _unwrap(event)
    zone = settings.time_zone
    today = now.astimezone(zone).date()
    asked_at = event_time or now
    request = SnapshotRequest(
        chain_ids=_chain_ids(payload, settings.chain_ids),
        snapshot_date=parse_date(payload["date"]) if "date" in payload else asked_at.astimezone(zone).date(),
        force=_flag(payload, "force"),
        accept=_flag(payload, "accept"),
        scheduled=scheduled,
        requested_at=event_time,
    )
    _refuse_contradictions(request, today)
    return request


def _unwrap(event: Mapping[str, Any]) -> tuple[Mapping[str, Any], datetime | None, bool]:
    """Return the payload, the event's own time, and whether a schedule sent it."""
    if "detail-type" not in event:
        _refuse_unknown(event, _KEYS_BY_HAND, "the payload")
        return event, _instant(event, "scheduled_time"), "scheduled_time" in event
    if event["detail-type"] == SCHEDULED_EVENT:
        return {}, _instant(event, "time"), True
    if event["detail-type"] != SNAPSHOT_REQUESTED or event.get("source") != SOURCE:
        raise _refusal(
            "This type of event is not supported", f"{short(event.get('source'))} {short(event['detail-type'])}"
        )
    detail = event.get("detail")
    if not isinstance(detail, Mapping):
        raise _refusal("The event has no detail object", type(detail).__name__)
    _refuse_unknown(detail, _KEYS_OF_DETAIL, "detail")
    if "chain_id" not in detail:
        raise _refusal("detail has no chain_id")
    return detail, _instant(event, "time"), False


def _refuse_unknown(payload: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    unknown = sorted(str(key) for key in payload if key not in known)
    if unknown:
        others = len(unknown) - NAMED_KEYS
        named = [*map(short, unknown[:NAMED_KEYS]), *([f"and {others:,} more"] if others > 0 else [])]
        raise _refusal(f"Unknown key in {where}", ", ".join(named))


def _chain_ids(payload: Mapping[str, Any], configured: tuple[int, ...]) -> tuple[int, ...]:
    if "chain_id" in payload and "chain_ids" in payload:
        raise _refusal("chain_id and chain_ids cannot be combined")
    asked = payload.get("chain_ids", configured)
    if "chain_id" in payload:
        asked = [payload["chain_id"]]
    if not isinstance(asked, list | tuple) or not asked:
        raise _refusal("chain_ids is not a list of chain ids, or is empty", short(asked))
    wrong = [chain_id for chain_id in asked if not is_chain_id(chain_id)]
    if wrong:
        raise _refusal("A chain id must be a JSON integer above 0", short(wrong))
    strangers = [chain_id for chain_id in asked if chain_id not in configured]
    if strangers:
        raise _refusal(
            "This chain is not configured", f"{short(strangers)}, not in {list(configured)} (SPAAZA_CHAIN_IDS)"
        )
    return tuple(dict.fromkeys(asked))


def _flag(payload: Mapping[str, Any], name: str) -> bool:
    value = payload.get(name, False)
    if not isinstance(value, bool):
        raise _refusal(f"{name} is neither true nor false", short(value))
    return value


def _instant(event: Mapping[str, Any], name: str) -> datetime | None:
    if name not in event:
        return None
    value = event[name]
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        instant = None
    # in the first and last year of the calendar, the date may not exist in another time zone
    if instant is None or instant.tzinfo is None or not MINYEAR < instant.year < MAXYEAR:
        raise _refusal(f"{name} is not an ISO 8601 instant with a time zone", short(value))
    return instant


def _refuse_contradictions(request: SnapshotRequest, today: date) -> None:
    if request.snapshot_date > today:
        raise _refusal("The date is later than today", f"{request.snapshot_date}, today is {today}")
    if request.force and request.accept:
        raise _refusal("force and accept cannot be combined", hint="force exports again; accept exports nothing.")
    if request.force and request.snapshot_date < today:
        hint = "Leave that day alone: without force, a missing day would be filled with the users of now."
        raise _refusal("force on a past date", f"{request.snapshot_date}: an export is always of now", hint)
    if request.accept and len(request.chain_ids) > 1:
        hint = 'Name one: {"chain_id": …, "date": …, "accept": true}.'
        raise _refusal("accept takes one chain at a time", f"{list(request.chain_ids)}", hint)


def _refusal(what: str, detail: str = "", hint: str = HINT) -> InvalidRequest:
    return InvalidRequest(what, detail, hint)
