"""The environments of samconfig.toml: one section each, in the form that `sam deploy --config-env` reads."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tomlkit

VERSION: Final = 0.1  # of the file's format: samcli.lib.config.version
_FIRST: Final = {  # written where the section has none; other values stay
    "resolve_s3": True,
    "capabilities": "CAPABILITY_IAM",
    "confirm_changeset": True,
    "fail_on_empty_changeset": False,
    # A first deployment that failed is rolled back by CloudFormation, and then deleted by SAM: the next begins afresh.
    "on_failure": "DELETE",
}
_INSTEAD: Final = {"resolve_s3": "s3_bucket", "on_failure": "disable_rollback"}  # SAM takes one of each two


class UnreadableSection(Exception):
    """Something in samconfig.toml cannot be understood; the text says what to write."""


@dataclass(frozen=True)
class Environment:
    """One deployment; `section` names it in samconfig.toml, and so ENV= of every command does."""

    section: str
    stack: str
    region: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]


class Samconfig:
    """The file; what is not of an environment that is written stays as it is, comments too."""

    def __init__(self, path: Path) -> None:
        """Read the file, if there is one; raises `UnreadableSection`."""
        self._path = path
        text = path.read_text(encoding="utf-8") if path.exists() else f"version = {VERSION}\n"
        try:
            self._document = tomlkit.parse(text)
        except tomlkit.exceptions.ParseError as error:
            raise UnreadableSection(f"{path.name} is not TOML: {error}") from error
        self._written: dict[str, Any] = self._document.unwrap()

    def sections(self) -> list[str]:
        """Return the sections that name a stack."""
        return [name for name in self._written if self._settings(name).get("stack_name")]

    def read(self, section: str) -> Environment:
        """Return what a section says, empty where it says nothing; raises `UnreadableSection`."""
        settings = self._settings(section)
        stack, region = (str(settings.get(name, "")) for name in ("stack_name", "region"))
        parameters = _pairs(settings.get("parameter_overrides", ()), f"[{section}] parameter_overrides")
        return Environment(section, stack, region, parameters, _pairs(settings.get("tags", ()), f"[{section}] tags"))

    def write(self, environment: Environment) -> None:
        """Write an environment's section; other settings in it stay."""
        section = _table(self._document, environment.section)
        settings = _table(_table(section, "deploy"), "parameters")
        kept = self._settings(environment.section)
        first = {"s3_prefix": environment.stack, **_FIRST}
        for name, value in first.items():
            if name not in kept and not kept.get(_INSTEAD.get(name, "")):
                settings[name] = value
        settings["stack_name"], settings["region"] = environment.stack, environment.region
        settings["tags"] = [f"{key}={value}" for key, value in environment.tags.items()]
        # Last, as a table of its own: one parameter a line.
        settings.pop("parameter_overrides", None)
        overrides = tomlkit.table()
        for name, value in environment.parameters.items():
            overrides[name] = value
        settings["parameter_overrides"] = overrides
        self._path.write_text(tomlkit.dumps(self._document), encoding="utf-8")

    def _settings(self, section: str) -> Mapping[str, Any]:
        commands = self._written.get(section)
        if not isinstance(commands, dict):
            return {}
        return {**_parameters_of(commands, "global"), **_parameters_of(commands, "deploy")}


def _parameters_of(commands: Mapping[str, Any], command: str) -> Mapping[str, Any]:
    parameters: Mapping[str, Any] = commands.get(command, {}).get("parameters", {})
    return parameters


def _table(parent: Any, name: str) -> Any:
    if name not in parent:
        # A super table has no heading of its own: the file shows [test01.deploy.parameters] only.
        parent[name] = tomlkit.table(is_super_table=name != "parameters")
    return parent[name]


def _pairs(written: Any, place: str) -> dict[str, str]:
    """Return names and values, in each form that SAM takes but `file://`: a table, or texts of Name=value."""
    if isinstance(written, dict):
        return {name: str(value) for name, value in written.items()}
    texts = [written] if isinstance(written, str) else written
    pairs = [word.partition("=") for text in texts for word in shlex.split(str(text))]
    for name, found, _ in pairs:
        if not found or name in ("ParameterKey", "file://"):
            raise UnreadableSection(f"{place} is not understood at {name!r}; write it as Name=value")
    return {name: value for name, _, value in pairs}
