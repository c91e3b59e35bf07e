"""When a stack's schedule runs, as its template has it: every full hour of a day from FirstHour to 23."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The time zone whose midnight ends a snapshot date, and the hour of a day's first run there."""

    zone: ZoneInfo
    first_hour: int

    def today(self, now: datetime) -> date:
        """Return the snapshot date of an instant."""
        return now.astimezone(self.zone).date()

    def day_began(self, now: datetime) -> datetime:
        """Return when the snapshot date of an instant began, in UTC."""
        return datetime.combine(self.today(now), time(), self.zone).astimezone(UTC)

    def is_due(self, now: datetime) -> bool:
        """Whether the first run of the day has started."""
        return now.astimezone(self.zone).hour >= self.first_hour

    def next_run(self, now: datetime) -> datetime:
        """Return when the next run starts, in the schedule's zone."""
        local = now.astimezone(self.zone)
        since_the_hour = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        last_hour = now.astimezone(UTC) - since_the_hour  # UTC: adding to local times would ignore changes of the clock
        hours = ((last_hour + number * HOUR).astimezone(self.zone) for number in count(1))
        return next(hour for hour in hours if hour.hour >= self.first_hour)
