"""Parameters against the template's own bounds, so that a wrong one is refused before anything is built or sent."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")  # CloudFormation takes 1.5 and 03 as numbers too; the stack does not


def problems(parameters: Mapping[str, Mapping[str, Any]], values: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with values, by the parameter's name; `parameters` are those of the template."""
    found = {}
    for name, value in values.items():
        problem = _problem(parameters[name], value) if name in parameters else _unknown(name, parameters)
        if problem:
            found[name] = problem
    return found


def missing(parameters: Mapping[str, Mapping[str, Any]], values: Mapping[str, str]) -> list[str]:
    """Return the parameters that have neither a value nor a default."""
    return [name for name, parameter in parameters.items() if "Default" not in parameter and name not in values]


def alike(name: str, known: Iterable[str]) -> str:
    """Return `; do you mean …?` where a known name is much like the wrong one, else nothing."""
    by_folded = {other.casefold(): other for other in known}
    near = get_close_matches(name.casefold(), by_folded, n=1)
    return f"; do you mean {by_folded[near[0]]}?" if near else ""


def _unknown(name: str, parameters: Mapping[str, Any]) -> str:
    return f"is not a parameter of the template{alike(name, list(parameters))}"


def _problem(parameter: Mapping[str, Any], value: str) -> str | None:
    if "AllowedValues" in parameter:
        allowed = [str(choice) for choice in parameter["AllowedValues"]]
        return None if value in allowed else _sentence(parameter, f"must be {', '.join(allowed[:-1])} or {allowed[-1]}")
    if parameter["Type"] == "Number":
        least, most = parameter["MinValue"], parameter["MaxValue"]
        fits = _INTEGER.fullmatch(value) and least <= int(value) <= most
        return None if fits else _sentence(parameter, f"must be a whole number from {least} to {most}")
    fits = re.fullmatch(parameter["AllowedPattern"], value)
    return None if fits else str(parameter["ConstraintDescription"])


def _sentence(parameter: Mapping[str, Any], bounds: str) -> str:
    return f"{bounds}. {parameter['Description']}"
