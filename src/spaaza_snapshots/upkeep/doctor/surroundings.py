"""What the checks look at: AWS, Spaaza and the stack, each asked only once something needs it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import urllib3

from spaaza_snapshots.errors import InvalidRequest
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.spaaza.credentials import Session, read_session
from spaaza_snapshots.upkeep.stack_facts import StackFacts, stack_facts


@dataclass(frozen=True)
class Surroundings:
    """Where a set-up is looked at from.

    `was_deployed`: samconfig.toml names the stack, which is all that is known of it while AWS cannot be asked.
    `client` returns a client of any service, the same one each time. `regions` returns the regions that the SDK knows
    for a service. `missing_tools` are the programs that make needs and this machine lacks; `can_build`: it has the
    Python that the functions are built with. `overrides` are the settings of a sandbox. `chains` are those to probe,
    none for all that are configured.
    """

    stack_name: str | None
    was_deployed: bool
    region: str | None
    client: Callable[[str], Any]
    regions: Callable[[str], Sequence[str]]
    missing_tools: Sequence[str]
    can_build: bool
    http: urllib3.PoolManager
    overrides: Mapping[str, str]
    now: datetime
    probe: bool
    chains: Sequence[int]

    @cached_property
    def stack(self) -> StackFacts | None:
        """The stack; None where it has no name, or CloudFormation knows none of that name."""
        return None if self.stack_name is None else stack_facts(self.client("cloudformation"), self.stack_name)

    @property
    def title(self) -> str:
        """Return the name of the stack, for people."""
        return self.stack_name or "the stack"

    def output(self, name: str) -> str:
        """Return an output of the stack; raises `InvalidRequest` where it has none of that name."""
        outputs = self.stack.outputs if self.stack else {}
        if name not in outputs:
            raise InvalidRequest("The stack does not tell", f"{self.title} has no output {name}", "Deploy it again.")
        return outputs[name]

    def parameter(self, name: str) -> str:
        """Return what the stack was deployed with; empty where it does not have this parameter."""
        return self.stack.parameters.get(name, "") if self.stack else ""

    @property
    def renews(self) -> bool:
        """Whether the session is to renew itself."""
        return self.parameter("RenewSession") == "true"

    @cached_property
    def settings(self) -> Settings:
        """The settings of the export function, as the stack gives them; raises `BadSettings`."""
        told = {
            "SNAPSHOT_BUCKET": self.output("BucketName"),
            "SPAAZA_SECRET_ID": self.output("SecretArn"),
            "SPAAZA_ENVIRONMENT": self.parameter("SpaazaEnvironment"),
            "SPAAZA_CHAIN_IDS": self.parameter("ChainIds"),
            "SNAPSHOT_TIME_ZONE": self.parameter("TimeZone"),
        }
        return Settings.from_environment({**self.overrides, **told})

    @cached_property
    def session(self) -> Session:
        """The session in the secret; raises `CredentialsError`."""
        return read_session(self.client("secretsmanager"), self.output("SecretArn"))
