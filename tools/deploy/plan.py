"""From the words of `make deploy` to one environment, or to everything that is missing or wrong with them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import available_timezones

import boto3

from tools.deploy.parameters import alike, missing, problems
from tools.deploy.samconfig import Environment, Samconfig, UnreadableSection
from tools.template import refusals

WORDS: Final = {
    "ENV": "the environment of Spaaza: ENV=prod or ENV=test01",
    "REGION": "the AWS region to deploy to, such as REGION=eu-central-1",
    "CHAINS": "the Spaaza chains, such as CHAINS=1743,1783",
    "EMAIL": "the address that receives alarms, such as EMAIL=ops@example.com; EMAIL=none for no e-mail",
    "STACK": "the name of the stack, if not spaaza-snapshots-ENV",
    "PARAMETERS": 'other parameters of the template, such as PARAMETERS="TimeZone=Europe/Amsterdam RenewSession=true"',
    "TAGS": 'tags of every resource, such as TAGS="team=data cost=crm"; TAGS=none takes them off',
    "YES": "YES=1 deploys the change set without asking",
}
NONE: Final = "none"
_OF_A_WORD: Final = {"ChainIds": "CHAINS", "AlarmEmail": "EMAIL", "SpaazaEnvironment": "ENV"}
# Lower case, for the database is called after the stack, and Glue knows no capital letters.
_STACK: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
# What CloudFormation allows without spaces (API reference, Tag); `=` divides key and value.
_TAG: Final = re.compile(r"(?!aws:)[A-Za-z0-9_.:/+@-]{1,128}=[A-Za-z0-9_.:/+@-]{1,256}")
_MOST_TAGS: Final = 50


@dataclass(frozen=True)
class Plan:
    """What to deploy; `asks` unless YES=1."""

    environment: Environment
    asks: bool


@dataclass
class Planner:
    """Reads the words against the template and samconfig.toml, and collects what is wrong."""

    template: Mapping[str, Any]
    samconfig: Samconfig
    words: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def plan(self) -> Plan | None:
        """Return the plan, or None with all `problems`."""
        for name in self.words:
            if name not in WORDS:
                self.problems.append(f"{name} is not a word of make deploy{alike(name, WORDS)}")
        section = self._section()
        known = self._known(section)
        environment = Environment(
            section,
            self._fixed("STACK", known.stack) or f"spaaza-snapshots-{section}",
            self._fixed("REGION", known.region),
            self._parameters(section, known),
            self._tags(known.tags),
        )
        self._check(environment)
        if self.words.get("YES", "1") != "1":
            self.problems.append(f"YES={self.words['YES']}: YES=1 deploys without asking; leave it out to be asked")
        return None if self.problems else Plan(environment, asks="YES" not in self.words)

    def _section(self) -> str:
        """Return the section of samconfig.toml; empty if nobody says which."""
        sections = self.samconfig.sections()
        wanted = self.words.get("ENV")
        if wanted is None:
            if len(sections) == 1:
                return sections[0]
            there = f" (samconfig.toml has {' and '.join(sections)})" if sections else ""
            self._lacks("ENV", there)
            return ""
        allowed = self.template["Parameters"]["SpaazaEnvironment"]["AllowedValues"]
        if wanted not in [*allowed, *sections]:
            self.problems.append(f"ENV={wanted}: {WORDS['ENV']}")
        return wanted

    def _known(self, section: str) -> Environment:
        nothing = Environment(section, "", "", {}, {})
        try:
            if section in self.samconfig.sections():
                return self.samconfig.read(section)
            self._guard_older(section)
        except UnreadableSection as error:
            self.problems.append(str(error))
        return nothing

    def _guard_older(self, section: str) -> None:
        """Refuse to make a second stack by accident, beside one that was deployed before there were environments."""
        if "default" not in self.samconfig.sections() or "STACK" in self.words:
            return
        older = self.samconfig.read("default")
        if section == older.parameters.get("SpaazaEnvironment", "prod"):
            self.problems.append(
                f"ENV={section} would be a second stack: samconfig.toml has {older.stack} for it, in [default]. "
                f"ENV=default updates that one; to call it {section}, write [{section}. for [default. in that file. "
                f"STACK=spaaza-snapshots-{section} makes the second stack all the same"
            )

    def _fixed(self, name: str, known: str) -> str:
        """Return what may be given once only: another value would leave the deployed stack behind."""
        given = self.words.get(name, known)
        if known and given != known:
            self.problems.append(
                f"{name}={given}: this environment is deployed as {known}. To leave that stack alone, take its section "
                "out of samconfig.toml; to remove it, run make destroy first"
            )
        return given

    def _parameters(self, section: str, known: Environment) -> dict[str, str]:
        given = self._pairs("PARAMETERS")
        for name in given.keys() & _OF_A_WORD.keys():
            self.problems.append(f"PARAMETERS {name}: write {_OF_A_WORD[name]}= instead")
        if "CHAINS" in self.words:
            given["ChainIds"] = self.words["CHAINS"]
        if "EMAIL" in self.words:
            given["AlarmEmail"] = "" if self.words["EMAIL"] == NONE else self.words["EMAIL"]
        if not known.stack:
            given["SpaazaEnvironment"] = section
            for name in ("CHAINS", "EMAIL"):
                if name not in self.words:
                    self._lacks(name)
        return {**known.parameters, **given}

    def _tags(self, known: Mapping[str, str]) -> Mapping[str, str]:
        if "TAGS" not in self.words:
            return known
        if self.words["TAGS"] == NONE:
            return {}
        return self._pairs("TAGS")

    def _pairs(self, name: str) -> dict[str, str]:
        pairs = {}
        for word in self.words.get(name, "").split():
            key, equals, value = word.partition("=")
            if not equals or not key:
                self.problems.append(f"{name} has {word!r}: {WORDS[name]}")
            else:
                pairs[key] = value
        return pairs

    def _lacks(self, name: str, more: str = "") -> None:
        self.problems.append(f"{name} is missing{more}: {WORDS[name]}")

    def _check(self, environment: Environment) -> None:
        if not _STACK.fullmatch(environment.stack) and not environment.parameters.get("GlueDatabaseName"):
            self.problems.append(
                f"STACK={environment.stack}: lower-case letters, digits and hyphens, at most 63, starting with a letter"
            )
        self._check_region(environment.region)
        self._check_parameters(environment.parameters)
        self._check_tags(environment.tags)

    def _check_region(self, region: str) -> None:
        regions = boto3.Session().get_available_regions("cloudformation")
        if not region:
            self._lacks("REGION")
        elif region not in regions:
            self.problems.append(f"REGION={region} is not a region that is known here{alike(region, regions)}")

    def _check_parameters(self, values: Mapping[str, str]) -> None:
        parameters = self.template["Parameters"]
        wrong = problems(parameters, values)
        zone = values.get("TimeZone", "UTC")
        # the template's pattern cannot know the zones; the schedule would fail
        if "TimeZone" not in wrong and zone not in available_timezones():
            wrong["TimeZone"] = f"is not a time zone{alike(zone, available_timezones())}"
        if "ENV" not in self.words or self.words["ENV"] == values.get("SpaazaEnvironment"):
            wrong.pop("SpaazaEnvironment", None)  # what ENV says of it is said already
        self.problems += [_told(name, values[name], sentence) for name, sentence in wrong.items()]
        if not wrong and not missing(parameters, values):
            self.problems += refusals(values, self.template)

    def _check_tags(self, tags: Mapping[str, str]) -> None:
        for key, value in tags.items():
            if not _TAG.fullmatch(f"{key}={value}"):
                self.problems.append(f"TAGS {key}={value}: letters, digits and _ . : / + @ -; no key begins with aws:")
        if len(tags) > _MOST_TAGS:
            self.problems.append(f"TAGS has {len(tags)} tags: at most {_MOST_TAGS}")


def _told(name: str, value: str, sentence: str) -> str:
    word = _OF_A_WORD.get(name)
    return f"{word}={value}: {sentence} Give {WORDS[word]}" if word else f"PARAMETERS {name}={value}: {sentence}"
