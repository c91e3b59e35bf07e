"""The alarms, hour after hour: CloudWatch's evaluation as its user guide has it, on what the functions measure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from tools.template import Deployment, deploy, source

HOUR = 60  # minutes, as all times here
DAY = 24 * HOUR
LOOKS_EVERY = 10
STATISTICS: Mapping[str, Callable[[list[float]], float]] = {
    "Sum": sum,
    "Minimum": min,
    "Maximum": max,
    "SampleCount": len,
}
COMPARISONS = {
    "GreaterThanOrEqualToThreshold": float.__ge__,
    "GreaterThanThreshold": float.__gt__,
    "LessThanThreshold": float.__lt__,
}

Measured = Mapping[int, float]  # minute: value


@dataclass(frozen=True)
class Alarm:
    """An alarm of the template with the one metric that it looks at."""

    properties: Mapping[str, Any]

    @property
    def statistic(self) -> tuple[str, int]:
        """Name of the statistic, and its period in minutes."""
        for query in self.properties.get("Metrics", ()):
            if "MetricStat" in query:
                return query["MetricStat"]["Stat"], query["MetricStat"]["Period"] // 60
        return self.properties["Statistic"], self.properties["Period"] // 60

    @property
    def fill(self) -> float | None:
        """What stands for a period without data; None where nothing does."""
        for query in self.properties.get("Metrics", ()):
            if "Expression" in query:
                return float(query["Expression"].removesuffix(")").rpartition(",")[2])
        return None

    def breaches(self, point: float) -> bool:
        """Whether one point is on the wrong side of the threshold."""
        return COMPARISONS[self.properties["ComparisonOperator"]](float(point), float(self.properties["Threshold"]))

    def is_on(self, measured: Measured, now: int) -> bool:
        """Judge the newest periods; without enough points, older ones of the evaluation range take their place.

        The range is two periods longer than EvaluationPeriods, as in the guide's example (three periods, a range of
        five). TreatMissingData counts only for what even the range lacks.
        """
        periods: int = self.properties["EvaluationPeriods"]
        points = [self._point(measured, now, back) for back in range(periods + 2)]
        real = [point for point in points if point is not None][:periods]
        judged = [self.breaches(point) for point in real]
        judged += [self.properties["TreatMissingData"] == "breaching"] * (periods - len(judged))
        needed: int = self.properties.get("DatapointsToAlarm", periods)
        return sum(judged) >= needed

    def _point(self, measured: Measured, now: int, back: int) -> float | None:
        statistic, minutes = self.statistic
        end = now - back * minutes
        values = [value for minute, value in measured.items() if end - minutes <= minute < end]
        return STATISTICS[statistic](values) if values else self.fill

    def states(self, measured: Measured, until: int) -> list[tuple[int, bool]]:
        """Return when CloudWatch looked, from the first minute on, and whether the alarm was on then."""
        return [(now, self.is_on(measured, now)) for now in range(0, until, LOOKS_EVERY)]

    def mails(self, measured: Measured, until: int) -> list[int]:
        """Return when it went off, which is when its mail is sent."""
        return [now for (_, before), (now, on) in pairwise(self.states(measured, until)) if on and not before]


@pytest.fixture(scope="module")
def stack() -> Deployment:
    return deploy({"ChainIds": "1743,1783"})


def alarm(stack: Deployment, name: str) -> Alarm:
    return Alarm(stack.properties(f"{name}Alarm"))


def hourly(days: Iterable[int], value: float = 1, first_hour: int = 3, last_hour: int = 23) -> dict[int, float]:
    """Measure in every run of these days, up to three minutes late."""
    late = Random(7)
    return {
        day * DAY + hour * HOUR + late.randrange(4): value for day in days for hour in range(first_hour, last_hour + 1)
    }


def daily(days: Iterable[int]) -> dict[int, float]:
    """Measure once a day, when the day's snapshot is made: early, or after some failed hours."""
    late = Random(7)
    return {day * DAY + late.randrange(3, 9) * HOUR + 2: 1.0 for day in days}


# Both measure each hour for as long as the trouble lasts, and the threshold of each is in the value.
EACH_HOUR = {"SessionRejected": 1.0, "SessionEnds": 4.0, "RawTableSkips": 1.0, "TailUndone": 1.0, "ParquetBehind": 1.0}
ONCE_A_DAY = ["RecordsRejected", "ManifestDamaged", "ParquetUnfit", "ColumnsUnfit"]
# Not ParquetFailed: it ends hours after the last event was given up, whether or not the typed copy is there by then.
REPAIRED_BY_SOMEBODY = [
    *("ChainMissing", "NoScheduledRun", "SessionRejected", "SessionEnds", "SnapshotHeld", "ManifestDamaged"),
    *("UndeliveredEvents", "TailUndone", "ParquetBehind", "ParquetUnfit", "ColumnsUnfit"),
]


@pytest.mark.parametrize("first_hour", range(source()["Parameters"]["FirstHour"]["MaxValue"] + 1))
@pytest.mark.parametrize("name", EACH_HOUR)
def test_a_trouble_of_every_hour_is_mailed_once_through_its_nights(
    stack: Deployment, name: str, first_hour: int
) -> None:
    measured = hourly(range(1, 5), EACH_HOUR[name], first_hour)
    assert len(alarm(stack, name).mails(measured, 6 * DAY)) == 1


@pytest.mark.parametrize("name", EACH_HOUR)
def test_the_alarm_of_a_trouble_of_every_hour_ends_within_six_hours_of_its_cure(stack: Deployment, name: str) -> None:
    cured_at = DAY + 12 * HOUR
    measured = hourly([1], EACH_HOUR[name], last_hour=12)
    measured |= {cured_at + HOUR * hour: 13.0 for hour in range(1, 8)} if name == "SessionEnds" else {}
    states = dict(alarm(stack, name).states(measured, 3 * DAY))
    assert states[cured_at]
    assert not any(on for now, on in states.items() if now > cured_at + 6 * HOUR + 4)


@pytest.mark.parametrize("name", ["TailUndone", "ParquetBehind"])
def test_what_the_next_hour_makes_good_is_not_mailed(stack: Deployment, name: str) -> None:
    for hours in ((23,), (3, 4), (22, 23)):
        measured = {DAY + hour * HOUR: 1.0 for hour in hours}
        assert alarm(stack, name).mails(measured, 3 * DAY) == []


@pytest.mark.parametrize("name", ONCE_A_DAY)
def test_a_trouble_of_every_day_is_mailed_once_and_ends_a_day_and_a_half_after_the_last(
    stack: Deployment, name: str
) -> None:
    measured = daily(range(1, 5))
    states = alarm(stack, name).states(measured, 8 * DAY)
    assert len(alarm(stack, name).mails(measured, 8 * DAY)) == 1
    assert not any(on for now, on in states if now > max(measured) + 36 * HOUR)


def test_columns_that_change_on_two_days_are_mailed_on_both(stack: Deployment) -> None:
    assert len(alarm(stack, "HeaderChanged").mails({DAY + 3 * HOUR: 1, 2 * DAY + 3 * HOUR: 1}, 4 * DAY)) == 2


@pytest.mark.parametrize("first_hour", [2, 3])
def test_every_held_day_sounds_the_alarm(stack: Deployment, first_hour: int) -> None:
    mails = alarm(stack, "SnapshotHeld").mails(hourly(range(1, 4), first_hour=first_hour), 6 * DAY)
    assert [mail // DAY for mail in mails] == [1, 2, 3]


def test_the_alarm_of_a_held_snapshot_ends_two_hours_after_it_was_accepted(stack: Deployment) -> None:
    states = alarm(stack, "SnapshotHeld").states(hourly([1], last_hour=9), 3 * DAY)
    assert not any(on for now, on in states if now > DAY + 11 * HOUR + 4)


def test_a_failed_conversion_is_mailed_when_its_event_is_given_up_and_not_before(stack: Deployment) -> None:
    dropped = alarm(stack, "ParquetFailed")
    (query,) = (query for query in dropped.properties["Metrics"] if "MetricStat" in query)
    assert query["MetricStat"]["Metric"]["MetricName"] == "AsyncEventsDropped"
    assert len(dropped.mails({DAY: 1.0, DAY + HOUR: 1.0}, 3 * DAY)) == 1


def test_what_a_person_has_repaired_is_mailed_as_well(stack: Deployment) -> None:
    for name in REPAIRED_BY_SOMEBODY:
        properties = alarm(stack, name).properties
        assert properties["OKActions"] == properties["AlarmActions"]


FILLED = [
    name
    for name, found in source()["Resources"].items()
    if found["Type"] == "AWS::CloudWatch::Alarm" and name != "UndeliveredEventsAlarm"
]


@pytest.mark.parametrize("name", FILLED)
def test_no_older_point_ever_stands_in_for_a_missing_one(stack: Deployment, name: str) -> None:
    found = Alarm(stack.properties(name))
    assert found.fill is not None
    assert found.breaches(found.fill) is (found.properties["TreatMissingData"] == "breaching")


def test_a_queue_that_was_not_looked_at_for_hours_keeps_its_alarm(stack: Deployment) -> None:
    """SQS stops measuring a queue that nothing touches for six hours: to fill that with 0 would end the alarm."""
    found = Alarm(stack.properties("UndeliveredEventsAlarm"))
    assert (found.fill, found.properties["TreatMissingData"]) == (None, "ignore")
