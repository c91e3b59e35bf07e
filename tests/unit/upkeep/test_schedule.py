"""When the schedule runs: whose day it is, whether its first run has started, and when the next one does."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from spaaza_snapshots.upkeep.schedule import Schedule


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "now", "today", "is_due", "next_run"),
    [
        ("UTC", "2026-11-22T02:59:59", "2026-11-22", False, "2026-11-22T03:00:00+00:00"),
        ("UTC", "2026-11-22T03:00:00", "2026-11-22", True, "2026-11-22T04:00:00+00:00"),
        ("UTC", "2026-11-22T23:30:00", "2026-11-22", True, "2026-11-23T03:00:00+00:00"),
        ("Europe/Amsterdam", "2026-11-21T23:30:00", "2026-11-22", False, "2026-11-22T03:00:00+01:00"),
        ("Asia/Kolkata", "2026-11-22T00:15:00", "2026-11-22", True, "2026-11-22T06:00:00+05:30"),
        ("America/New_York", "2026-11-22T04:30:00", "2026-11-21", True, "2026-11-22T03:00:00-05:00"),
        ("Europe/Amsterdam", "2026-10-25T00:30:00", "2026-10-25", False, "2026-10-25T03:00:00+01:00"),
        ("Europe/Amsterdam", "2026-03-29T00:30:00", "2026-03-29", False, "2026-03-29T03:00:00+02:00"),
    ],
)
def test_a_run_comes_every_full_hour_of_the_zone_from_the_first_one_on(
    zone: str, now: str, today: str, is_due: bool, next_run: str
) -> None:
    schedule = Schedule(ZoneInfo(zone), 3)
    assert schedule.today(at(now)) == date.fromisoformat(today)
    assert schedule.is_due(at(now)) is is_due
    assert schedule.next_run(at(now)).isoformat() == next_run


def test_the_day_began_at_midnight_of_the_zone() -> None:
    schedule = Schedule(ZoneInfo("Europe/Amsterdam"), 3)
    assert schedule.day_began(at("2026-11-21T23:30:00")).isoformat() == "2026-11-21T23:00:00+00:00"
