"""The deployed stack that a command is about: its name, its region, its outputs and its parameters."""

import argparse
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import boto3

from spaaza_snapshots.cli.command import Answer, Command
from spaaza_snapshots.cli.samconfig import SAMCONFIG, Section, section_of, sections
from spaaza_snapshots.errors import BadSettings, InvalidRequest
from spaaza_snapshots.upkeep.chain_days import Bucket
from spaaza_snapshots.upkeep.days import oldest_kept
from spaaza_snapshots.upkeep.stack_facts import stack_facts


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stack as CloudFormation describes it, and an SDK session in its region."""

    stack: str
    session: boto3.Session
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]

    def output(self, name: str) -> str:
        """Return an output; raises `InvalidRequest` if the stack has no such output."""
        return self._named("output", self.outputs, name)

    def parameter(self, name: str) -> str:
        """Return what the stack was deployed with; raises `InvalidRequest` if it has no such parameter."""
        return self._named("parameter", self.parameters, name)

    def _named(self, kind: str, values: Mapping[str, str], name: str) -> str:
        if name not in values:
            hint = "Give the name it was deployed under; make doctor says whether its deployment ended."
            raise InvalidRequest("This is not a Spaaza Snapshots stack", f"{self.stack} has no {kind} {name}", hint)
        return values[name]

    @property
    def chain_ids(self) -> tuple[int, ...]:
        """The configured chains; raises `InvalidRequest`."""
        return tuple(dict.fromkeys(map(int, self.parameter("ChainIds").split(","))))

    @property
    def zone(self) -> ZoneInfo:
        """The stack's time zone; raises `InvalidRequest`, and `BadSettings` if no run can tell its time."""
        name = self.parameter("TimeZone")
        try:
            return ZoneInfo(name)
        except (OSError, ValueError, KeyError):  # an unknown name, a folder's name, a path
            hint = "Correct the parameter TimeZone, and deploy: no run can start with it."
            raise BadSettings("The stack's time zone is not an IANA name", name, hint) from None

    def today(self) -> date:
        """Return the date in the stack's time zone; raises `InvalidRequest`, `BadSettings`."""
        return datetime.now(self.zone).date()

    def first_kept(self, parameter: str, today: date) -> date:
        """Return the first day whose objects cannot have expired yet, by a parameter that counts days."""
        days = self.parameters.get(parameter)
        return date.min if days is None else oldest_kept(today, int(days))

    def bucket(self, s3: Any) -> Bucket:
        """Return where the days are; raises `InvalidRequest`."""
        raw_days, pending_days = int(self.parameter("RawDays")), int(self.parameter("PendingDays"))
        return Bucket(s3, self.output("BucketName"), raw_days, pending_days)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that the functions below read."""
    parser.add_argument("--env", help=f"environment: a section of {SAMCONFIG}; default: the only one there")
    parser.add_argument("--stack", help=f"name of the deployed stack; default: the one in {SAMCONFIG}")
    parser.add_argument("--region", help=f"its region; default: the one in {SAMCONFIG}, else the SDK's")


def session_of(options: argparse.Namespace) -> boto3.Session:
    """Return a session in the region of the stack; raises `InvalidRequest`."""
    section = section_for(options)
    session = boto3.Session(region_name=options.region or (section.region if section else None))
    if session.region_name is None:
        hint = "Name it: REGION=eu-west-1 for make, --region for the command, or AWS_DEFAULT_REGION."
        raise InvalidRequest("No region is known", f"neither {SAMCONFIG} nor the SDK's settings name one", hint)
    return session


def _stack_of(options: argparse.Namespace) -> str:
    section = section_for(options)
    stack: str | None = options.stack or (section.stack if section else None)
    if not stack:
        hint = "Name it: STACK= and REGION= for make, --stack and --region for the command; or deploy it from here."
        raise InvalidRequest("No stack is known", f"{SAMCONFIG} names none", hint)
    return stack


def section_for(options: argparse.Namespace) -> Section | None:
    """Return the section of samconfig.toml that a command is about, if there is one; raises `InvalidRequest`."""
    if options.stack is None or options.env is not None:
        return section_of(options.env)
    try:
        return next((section for section in sections() if section.stack == options.stack), None)
    except InvalidRequest:
        if options.region is None:
            raise
        return None  # who names both needs nothing of a file that is not TOML


def deployment_of(options: argparse.Namespace) -> Deployment:
    """Ask CloudFormation for the stack; raises `InvalidRequest` if it is not there."""
    stack, session = _stack_of(options), session_of(options)
    with closing(session.client("cloudformation")) as cloudformation:
        facts = stack_facts(cloudformation, stack)
    if facts is None:
        hint = "Give the name and the region it was deployed under; make deploy deploys it."
        raise InvalidRequest("There is no such stack", f"{stack} in {session.region_name}", hint)
    return Deployment(stack, session, facts.outputs, facts.parameters)


def _where(options: argparse.Namespace) -> Answer:
    stack, region = _stack_of(options), session_of(options).region_name
    return Answer({"stack": stack, "region": region}, [f"--stack-name {stack} --region {region}"])


COMMAND = Command("where", "print the deployed stack and its region, as options of sam", add_arguments, _where)
