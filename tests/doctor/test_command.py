"""`spaaza-snapshots doctor`: its lines, its JSON, its exit codes; it reads only, and prints no key."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.spaaza.answers import generated_users, sample_users
from spaaza_snapshots.cli.main import main
from tools.broken_setups.breaks import BREAKS
from tools.broken_setups.place import Place
from tools.broken_setups.ways import answered_with, refused

READS = re.compile("(Get|List|Describe|Head|Simulate|Validate)[A-Z]")
EXPORTS = "/segments/export/users"

Doctor = Callable[..., tuple[int, str, str]]


@pytest.fixture
def doctor(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Run the command in a folder whose samconfig.toml has the environment test01."""
    for name, value in place.environment().items():
        monkeypatch.setenv(name, value)
    parameters = 'stack_name = "members"\nregion = "eu-west-1"\n'
    (tmp_path / "samconfig.toml").write_text(f"[test01.deploy.parameters]\n{parameters}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["doctor", *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def findings(printed: str) -> dict[str, Mapping[str, Any]]:
    return {finding["name"]: finding for finding in json.loads(printed)}


def statuses(printed: str) -> set[str]:
    return {finding["status"] for finding in findings(printed).values()}


def test_a_whole_deployment_is_good_throughout_and_only_read(place: Place, doctor: Doctor) -> None:
    place.stack.wire.clear()
    place.answer_what_moto_lacks()
    place.stack.spaaza.requests.clear()
    code, printed, beside = doctor()
    lines = printed.splitlines()
    assert (code, beside, {line[0] for line in lines[:-1]}) == (0, "", {"✓"})
    assert lines[-1] == f"{len(lines) - 1} good, 0 bad, 0 unknown, 0 not checked."
    calls = {call.operation for call in place.stack.wire.calls}
    assert len(calls) > 20
    assert not [call for call in calls if not READS.match(call)]
    assert {request.path for request in place.stack.spaaza.requests} == {"/auth/get-login-status"}
    assert place.stack.spaaza.session.key not in printed


def test_a_probe_asks_for_the_export_of_a_chain_once_and_closes_it_behind_its_header(
    place: Place, doctor: Doctor
) -> None:
    spaaza = place.stack.spaaza
    spaaza.requests.clear()
    spaaza.serve(replace(generated_users(20_000), stall_after_bytes=65_536, stall_seconds=120.0), 1743)
    code, printed, _ = doctor("--chain", "1743", "--json")
    spaaza.serve(sample_users(), 1743)
    assert code == 0
    assert findings(printed)["export of 1743"]["finding"].startswith(
        "it begins, with 68 columns: 68 of 68 documented, 0"
    )
    assert "export of 1783" not in findings(printed)
    assert [request.path for request in spaaza.requests].count(EXPORTS) == 1
    assert place.stack.object_keys() == []


def test_a_failed_check_has_its_fix_below_it(place: Place, doctor: Doctor) -> None:
    with broken("a bucket without versions")(place):
        code, printed, _ = doctor()
    lines = printed.splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.startswith("✗")]
    assert code == 1
    assert "versioning is suspended" in lines[at]
    assert lines[at + 1].strip().startswith("aws s3api put-bucket-versioning --bucket")
    assert lines[-1].endswith("1 bad, 0 unknown, 0 not checked. Begin with: bucket versions.")


def broken(name: str) -> Callable[[Place], Any]:
    (found,) = [one for one in BREAKS if one.name == name]
    return found.breaking


@pytest.mark.parametrize(
    ("name", "first"),
    [("expired AWS credentials", "credentials"), ("somebody else logged in as the admin user", "session alive")],
)
def test_credentials_have_an_exit_code_of_their_own_where_they_are_the_first_bad_thing(
    place: Place, doctor: Doctor, name: str, first: str
) -> None:
    with broken(name)(place):
        code, printed, _ = doctor("--json", "--probe")
    bad = [name for name, finding in findings(printed).items() if finding["status"] == "bad"]
    assert (code, bad, "skipped" in statuses(printed)) == (4, [first], True)


def test_what_aws_does_not_answer_is_unknown_and_no_failure(place: Place, doctor: Doctor) -> None:
    with refused("GetDatabase", "AccessDeniedException")(place):
        code, printed, _ = doctor("--json")
    assert (code, statuses(printed)) == (0, {"good", "unknown"})
    assert findings(printed)["database"]["finding"] == "AWS refuses GetDatabase: AccessDeniedException"


def test_of_a_stack_that_nobody_may_see_it_asks_about_the_account_alone(place: Place, doctor: Doctor) -> None:
    with refused("DescribeStacks", "AccessDenied", 403)(place):
        code, printed, _ = doctor("--json")
    found = findings(printed)
    assert (code, found["stack"]["status"], "concurrent runs" in found) == (0, "unknown", True)
    assert not {"names", "spaaza", "secret"} & found.keys()


def test_a_stack_that_is_only_planned_is_not_deployed(place: Place, doctor: Doctor) -> None:
    with answered_with("DescribeStacks", "CREATE_COMPLETE", "REVIEW_IN_PROGRESS")(place):
        found = findings(doctor("--json")[1])
    assert ("nobody has executed" in found["stack"]["finding"], "names" in found, "secret" in found) == (
        True,
        True,
        False,
    )


def test_a_date_that_is_none_is_told_in_the_answer_and_not_logged_into_it(place: Place, doctor: Doctor) -> None:
    with broken("a session without a proper date")(place):
        code, printed, beside = doctor("--json")
    assert (code, findings(printed)["session"]["status"], beside) == (1, "bad", "")


@pytest.mark.parametrize("arguments", [("--env", "prod"), ("--env", "prod", "--stack", "members-prod")])
def test_before_the_first_deployment_it_tells_what_one_needs(doctor: Doctor, arguments: Sequence[str]) -> None:
    code, printed, _ = doctor(*arguments, "--json")
    found = findings(printed)
    assert (code, statuses(printed)) == (0, {"good", "unknown"})
    assert "login_2fa_exempt" in found["spaaza"]["fix"]
    names = {"--stack": "members-prod", "--env": "spaaza-snapshots-prod"}  # the latter is what make deploy would take
    assert found["stack"]["finding"].startswith(f"{names[arguments[-2]]} is not deployed in eu-west-1 yet")
    assert found["names"]["status"] == "good"
    assert not {"secret", "bucket", "schedule"} & found.keys()


def test_an_environment_that_neither_samconfig_nor_spaaza_has_is_refused(doctor: Doctor) -> None:
    code, printed, beside = doctor("--env", "tst01")
    assert (code, printed, "It has test01." in beside) == (2, "", True)


def test_without_a_region_that_is_the_first_thing_to_mend(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    code, printed, _ = doctor("--env", "prod", "--json")
    found = findings(printed)
    assert (code, found["region"]["status"], found["credentials"]["status"]) == (1, "bad", "skipped")
    assert ("spaaza" in found, "bucket" in found) == (True, False)  # nothing was deployed that could be looked at
    assert "REGION=" in found["region"]["fix"]


def test_without_credentials_for_aws_it_says_how_to_get_some(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    code, printed, _ = doctor()
    assert code == 4
    assert "NoCredentialsError" in printed
    assert "aws sso login" in printed
