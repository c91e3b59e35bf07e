"""The parameters and the alarms of template.yaml as Markdown tables: `python -m tools.stack_tables`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from tools.template import deploy, source

COMPARISONS = {
    "GreaterThanOrEqualToThreshold": "≥",
    "GreaterThanThreshold": ">",
    "LessThanOrEqualToThreshold": "≤",
    "LessThanThreshold": "<",
}


def parameters() -> str:
    """Return every parameter with its default, bounds and meaning."""
    rows = [
        (f"`{name}`", _default(parameter), _bounds(parameter), parameter["Description"])
        for name, parameter in source()["Parameters"].items()
    ]
    return _table(("parameter", "default", "allowed", "meaning"), rows)


def alarms() -> str:
    """Return every alarm with its metric, its condition and its symptom."""
    stack = deploy({"ChainIds": "1743"})
    found = stack.of_type("AWS::CloudWatch::Alarm").values()
    rows = [(_name(alarm), _metric(alarm), _condition(alarm), _symptom(alarm)) for alarm in found]
    return _table(("alarm", "metric", "goes off when", "symptom"), rows)


def _default(parameter: Mapping[str, Any]) -> str:
    if "Default" not in parameter:
        return "*required*"
    return f"`{parameter['Default']}`" if str(parameter["Default"]) else "*empty*"


def _bounds(parameter: Mapping[str, Any]) -> str:
    if "AllowedValues" in parameter:
        return ", ".join(map(str, parameter["AllowedValues"]))
    return f"{parameter['MinValue']} to {parameter['MaxValue']}" if "MinValue" in parameter else ""


def _name(alarm: Mapping[str, Any]) -> str:
    return f"`{alarm['AlarmName'].partition('-')[2]}`"


def _metric(alarm: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}` ({statistic})" for name, statistic, _ in _measured(alarm))


def _measured(alarm: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """Return name, statistic and period in seconds of each metric of an alarm."""
    if "MetricName" in alarm:
        return [(alarm["MetricName"], alarm["Statistic"], alarm["Period"])]
    statistics = [query["MetricStat"] for query in alarm["Metrics"] if "MetricStat" in query]
    return [(found["Metric"]["MetricName"], found["Stat"], found["Period"]) for found in statistics]


def _condition(alarm: Mapping[str, Any]) -> str:
    ((_, _, period_seconds),) = _measured(alarm)
    periods = alarm["EvaluationPeriods"]
    needed = alarm.get("DatapointsToAlarm", periods)
    length = _length(period_seconds)
    when = f"in {length}" if periods == 1 else f"in {needed} of {periods} times {length}"
    missing = ", or nothing is measured" if alarm["TreatMissingData"] == "breaching" else ""
    return f"{COMPARISONS[alarm['ComparisonOperator']]} {alarm['Threshold']} {when}{missing}"


def _length(seconds: int) -> str:
    hours, rest = divmod(timedelta(seconds=seconds), timedelta(hours=1))
    return f"{rest.seconds // 60} min" if rest else f"{hours} h"


def _symptom(alarm: Mapping[str, Any]) -> str:
    return str(alarm["AlarmDescription"]).partition(" First look:")[0]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    print(f"{parameters()}\n\n{alarms()}")
