"""Environment variables, read one by one, with all problems reported at once."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from spaaza_snapshots.errors import BadSettings

T = TypeVar("T")


class EnvironmentReader:
    """Reads variables one by one and collects their problems; call `raise_problems` before using any value."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._problems: list[str] = []

    def required(self, name: str, parse: Callable[[str], T]) -> T:
        """Return the parsed value."""
        value = self._environment.get(name, "").strip()
        if value:
            return self._parsed(name, value, parse)
        stand_in: T = self._problem(f"{name} is not set")
        return stand_in

    def optional(self, name: str, default: str, parse: Callable[[str], T]) -> T:
        """Return the parsed value, or the parsed default if the variable is not set."""
        return self._parsed(name, self._environment.get(name, "").strip() or default, parse)

    def _parsed(self, name: str, value: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(value)
        except ValueError as problem:
            shown = "…" if "@" in value else repr(value)  # a URL may contain a password before its @
            stand_in: T = self._problem(f"{name} {shown} {problem}")
            return stand_in

    def _problem(self, text: str) -> Any:
        """Collect a problem; the placeholder value is never used, because `raise_problems` comes first."""
        self._problems.append(text)
        return None

    def raise_problems(self) -> None:
        """Raise `BadSettings` with all collected problems."""
        if self._problems:
            raise BadSettings(
                "The function's environment variables are wrong",
                "; ".join(self._problems),
                "Set them through the parameters of the stack, and deploy it again.",
            )
