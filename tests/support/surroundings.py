"""How the tests of `doctor` look at a deployment in the sandbox: through the wire, at chosen checks only."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from sandbox.aws.seaweed import SeaweedS3
from spaaza_snapshots.spaaza.connections import http_pool
from spaaza_snapshots.upkeep.doctor import course
from spaaza_snapshots.upkeep.doctor.examination import Examination, Finding, SetupCheck
from spaaza_snapshots.upkeep.doctor.surroundings import Surroundings
from tools.broken_setups.place import NAME, Place

_session = boto3.Session("test", "test", region_name="eu-west-1")


@cache
def _client(service: str, endpoint_url: str) -> Any:
    make_client: Any = _session.client
    keys = {"aws_access_key_id": SeaweedS3.access_key, "aws_secret_access_key": SeaweedS3.secret_key}
    return make_client(service, endpoint_url=endpoint_url, **(keys if service == "s3" else {}))


@cache
def _regions(service: str) -> Sequence[str]:
    return _session.get_available_regions(service)


def surroundings(place: Place, **others: Any) -> Surroundings:
    """Look from here; `others` are fields that differ."""
    wire = place.stack.wire
    usual = Surroundings(
        stack_name=NAME,
        was_deployed=True,
        region="eu-west-1",
        client=lambda service: _client(service, wire.url("s3" if service == "s3" else "aws")),
        regions=_regions,
        missing_tools=(),
        can_build=True,
        http=http_pool(),
        overrides=dict.fromkeys(("SPAAZA_API_URL", "SPAAZA_SERVICES_URL"), place.stack.spaaza.base_url),
        now=datetime.now(UTC),
        probe=True,
        chains=(),
    )
    return Surroundings(**{**vars(usual), **others})


def look(here: Surroundings, name: str) -> Finding:
    """Make one check of a deployed stack, behind those that it needs."""
    checks = {check.name: check for check in (*course.FIRST, *course.after(here, is_known=True))}
    return _made(here, checks.values(), name)


def look_before(here: Surroundings, name: str) -> Finding:
    """Make one check for a stack that is not there, behind those that it needs."""
    return _made(here, (*course.FIRST, *course.TO_DEPLOY), name)


def _made(here: Surroundings, checks: Iterable[SetupCheck], name: str) -> Finding:
    examination = Examination(here)
    list(examination.make(_needed({check.name: check for check in checks}, name)))
    return examination.results[name]


def _needed(checks: dict[str, SetupCheck], name: str) -> Sequence[SetupCheck]:
    needed = {name}
    while more := {need for known in needed for need in checks[known].needs} - needed:
        needed |= more
    return [check for known, check in checks.items() if known in needed]
