"""docs/DEPLOY.md against the command and the template that it speaks of."""

import re

import pytest

from spaaza_snapshots.upkeep.doctor import course, running
from tools.deploy.__main__ import EXAMPLE
from tools.deploy.plan import WORDS
from tools.deploy.rehearsal import EXAMPLE as REHEARSED
from tools.package import ROOT
from tools.template import deploy

TEXT = (ROOT / "docs" / "DEPLOY.md").read_text(encoding="utf-8")
# How people call what CloudFormation calls otherwise.
CALLED = {"Events": "EventBridge", "Scheduler": "EventBridge Scheduler", "Logs": "CloudWatch Logs"}
CALLED |= {"SecretsManager": "Secrets Manager"}


def test_every_word_is_in_the_table_and_no_other() -> None:
    (table,) = re.findall(r"\| word \|.*?\n\n", TEXT, re.DOTALL)
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(WORDS)


@pytest.mark.parametrize("document", ["README.md", "docs/DEPLOY.md"])
def test_the_one_line_is_the_one_that_a_refusal_shows_and_a_rehearsal_plays(document: str) -> None:
    assert f"\n{EXAMPLE}" in (ROOT / document).read_text(encoding="utf-8")
    assert " ".join(("make deploy", *REHEARSED)) == EXAMPLE


def test_the_rights_name_every_service_of_the_stack() -> None:
    (rights,) = re.findall(r"^> \| rights \| (.*) \|$", TEXT, re.MULTILINE)
    stack = deploy({"ChainIds": "1743", "AlarmEmail": "ops@example.com", "RenewSession": "true"})
    services = {resource["Type"].split("::")[1] for resource in stack.resources.values()}
    assert len(services) > 10
    assert {service for service in services if CALLED.get(service, service) not in rights} == set()


def test_the_box_of_prerequisites_names_each_line_of_doctor_that_checks_them() -> None:
    columns = re.findall(r"^> \| [^|]+ \| .* \| ([^|]+) \|$", TEXT, re.MULTILINE)
    named = set(re.findall(r"`([^`]+)`", "\n".join(columns)))
    before = {check.name for check in (*course.FIRST, *course.TO_DEPLOY)}
    assert before <= named
    assert {name for name in named if not name.startswith("make ")} <= before | {one.name for one in running.RUNNING}
