"""samconfig.toml: which stacks were deployed from this folder, one section an environment.

`make deploy` writes it. The SDK does not read that file: on its own it would use the shell's region.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from spaaza_snapshots.errors import InvalidRequest

SAMCONFIG: Final = Path("samconfig.toml")


@dataclass(frozen=True, slots=True)
class Section:
    """One environment of samconfig.toml; what it leaves out is None."""

    environment: str
    stack: str | None
    region: str | None


def sections() -> list[Section]:
    """Return every section that names a stack; none without the file; raises `InvalidRequest` if it is not TOML."""
    if not SAMCONFIG.exists():
        return []
    try:
        document = tomllib.loads(SAMCONFIG.read_text(encoding="utf-8"))
    except ValueError as error:
        hint = "Correct it, or give the stack with --stack and --region."
        raise InvalidRequest(f"{SAMCONFIG} is not valid TOML", str(error), hint) from error
    found = [_section(name, commands) for name, commands in document.items() if isinstance(commands, Mapping)]
    return [section for section in found if section.stack is not None]


def _section(environment: str, commands: Mapping[str, Any]) -> Section:
    parameters: dict[str, Any] = {}
    for command in ("global", "deploy"):
        of_command = commands.get(command)
        if isinstance(of_command, Mapping):
            parameters |= of_command.get("parameters", {})
    return Section(environment, parameters.get("stack_name"), parameters.get("region"))


def section_of(environment: str | None) -> Section | None:
    """Return the section of an environment, or the only one; None if there is none to choose from.

    Raises `InvalidRequest` if it is not there, or if several are and none was asked for.
    """
    found = {section.environment: section for section in sections()}
    if environment is not None:
        if environment not in found:
            known = ", ".join(found) or "none"
            hint = f"It has {known}. Deploy it from here, or name its stack: --stack and --region, STACK= and REGION="
            raise InvalidRequest(f"{SAMCONFIG} has no such environment", environment, f"{hint} for make.")
        return found[environment]
    if len(found) > 1:
        hint = "Name one: --env, or ENV= for make."
        raise InvalidRequest(f"{SAMCONFIG} has several environments", ", ".join(found), hint)
    return next(iter(found.values()), None)
