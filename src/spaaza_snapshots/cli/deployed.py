"""Which deployed stack a command uses, and its region.

`make deploy` has SAM write both to samconfig.toml. The SDK does not read that file: on its own it would use the
shell's region.
"""

import argparse
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import boto3
from rich.console import Console

from spaaza_snapshots.errors import InvalidRequest

SAMCONFIG: Final = Path("samconfig.toml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that the functions below read."""
    parser.add_argument("--stack", help=f"name of the deployed stack; default: the one in {SAMCONFIG}")
    parser.add_argument("--region", help=f"its region; default: the one in {SAMCONFIG}, else the SDK's")


def stack_of(options: argparse.Namespace) -> str:
    """Return the name of the stack; raises `InvalidRequest`."""
    name = options.stack or _deployed().get("stack_name")
    if not name:
        hint = "Name it: STACK= and REGION= for make, --stack and --region for the command; or deploy it from here."
        raise InvalidRequest("No stack is known", f"{SAMCONFIG} names none", hint)
    return str(name)


def session_of(options: argparse.Namespace) -> boto3.Session:
    """Return a session in the region of the stack; raises `InvalidRequest`."""
    deployed = _deployed()
    of_the_file = options.stack in (None, deployed.get("stack_name"))
    session = boto3.Session(region_name=options.region or (deployed.get("region") if of_the_file else None))
    if session.region_name is None:
        hint = "Name it: REGION=eu-west-1 for make, --region for the command, or AWS_DEFAULT_REGION."
        raise InvalidRequest("No region is known", f"neither {SAMCONFIG} nor the SDK's settings name one", hint)
    return session


def outputs_of(options: argparse.Namespace, session: boto3.Session, *names: str) -> list[str]:
    """Return these outputs of the deployed stack; raises `InvalidRequest` if it lacks one."""
    found = _described(options, session).get("Outputs", ())
    return _named(options, "output", {output["OutputKey"]: output["OutputValue"] for output in found}, names)


def parameter_of(options: argparse.Namespace, session: boto3.Session, name: str) -> str:
    """Return what the stack was deployed with; raises `InvalidRequest` if it has no such parameter."""
    found = _described(options, session).get("Parameters", ())
    values = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in found}
    return _named(options, "parameter", values, (name,))[0]


def print_place(options: argparse.Namespace, console: Console) -> int:
    """Print the stack and its region as options of sam."""
    console.print(f"--stack-name {stack_of(options)} --region {session_of(options).region_name}", soft_wrap=True)
    return 0


def _deployed() -> Mapping[str, Any]:
    """Return the parameters of `sam deploy`, including the global ones; empty without a samconfig.toml."""
    if not SAMCONFIG.exists():
        return {}
    commands = tomllib.loads(SAMCONFIG.read_text(encoding="utf-8")).get("default", {})
    return {**_parameters(commands, "global"), **_parameters(commands, "deploy")}


def _parameters(commands: Mapping[str, Any], command: str) -> Mapping[str, Any]:
    parameters: Mapping[str, Any] = commands.get(command, {}).get("parameters", {})
    return parameters


def _described(options: argparse.Namespace, session: boto3.Session) -> Mapping[str, Any]:
    with closing(session.client("cloudformation")) as cloudformation:
        stacks: list[Mapping[str, Any]] = cloudformation.describe_stacks(StackName=stack_of(options))["Stacks"]
    return stacks[0]


def _named(options: argparse.Namespace, kind: str, values: Mapping[str, str], names: Sequence[str]) -> list[str]:
    missing = [name for name in names if name not in values]
    if missing:
        hint = "Give the name it was deployed under."
        raise InvalidRequest(
            "This is not a Spaaza Snapshots stack", f"{stack_of(options)} has no {kind} {missing[0]}", hint
        )
    return [values[name] for name in names]
