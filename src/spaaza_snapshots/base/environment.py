"""Environment variables, read one by one, with all problems reported at once."""

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

from spaaza_snapshots.errors import BadSettings

T = TypeVar("T")

ENVIRONMENTS = ("prod", "test01")


class EnvironmentReader:
    """Reads variables one by one and collects their problems, which `reading` raises."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

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
        """Collect a problem; the placeholder value is never used, because `reading` raises."""
        self.problems.append(text)
        return None


@contextmanager
def reading(environment: Mapping[str, str]) -> Iterator[EnvironmentReader]:
    """Yield a reader of the variables; in the end raises `BadSettings` with all the problems that it collected."""
    reader = EnvironmentReader(environment)
    yield reader
    if reader.problems:
        hint = "Set them through the parameters of the stack, and deploy it again."
        raise BadSettings("The function's environment variables are wrong", "; ".join(reader.problems), hint)


def spaaza_environment(value: str) -> str:
    """Accept the names of Spaaza's environments."""
    if value not in ENVIRONMENTS:
        raise ValueError(f"is not one of {', '.join(ENVIRONMENTS)}")
    return value


def base_url(value: str) -> str:
    """Accept https anywhere, http on this machine only: no key and no password may travel in the clear."""
    url = urlsplit(value)
    if url.username is not None or url.query or url.fragment or not url.hostname or url.port == 0:
        raise ValueError("is not a plain base URL")
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.hostname)):
        raise ValueError("is neither https, nor http to a loopback address")
    return value.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
