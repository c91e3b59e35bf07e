"""What every command keeps to: where it looks for a stack, what goes where, and how it ends."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from botocore import exceptions

from sandbox.spaaza.users import generated_csv, gzipped
from sandbox.wire import faults
from spaaza_snapshots import __version__
from spaaza_snapshots.cli.command import exit_code_of, lacks_aws_credentials
from spaaza_snapshots.cli.main import COMMANDS, main
from tests.support.commands import Shown
from tests.support.login_place import LoginPlace
from tests.unit.cli.test_cli import MANIFEST

COMMAND = [str(Path(sys.executable).parent / "spaaza-snapshots")]
PLACES = """
[prod.deploy.parameters]
stack_name = "members"
region = "eu-central-1"

[test01.global.parameters]
stack_name = "members-test"
region = "eu-west-1"

[test01.deploy.parameters]
confirm_changeset = true
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "samconfig.toml").write_text(PLACES, encoding="utf-8")
    return tmp_path


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "users.csv.gz"
    path.write_bytes(b"".join(gzipped(generated_csv(30))))
    return path


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["--env", "prod"], "--stack-name members --region eu-central-1"),
        (["--env", "test01"], "--stack-name members-test --region eu-west-1"),
        (["--env", "test01", "--region", "eu-north-1"], "--stack-name members-test --region eu-north-1"),
        (["--stack", "members-test"], "--stack-name members-test --region eu-west-1"),
    ],
)
def test_an_environment_is_a_section_of_samconfig(folder: Path, shown: Shown, arguments: list[str], place: str) -> None:
    assert shown("where", *arguments) == (0, f"{place}\n")


def test_the_only_environment_need_not_be_named(folder: Path, shown: Shown) -> None:
    (folder / "samconfig.toml").write_text(PLACES.partition("[test01")[0], encoding="utf-8")
    assert shown("where") == (0, "--stack-name members --region eu-central-1\n")


@pytest.mark.parametrize(
    ("settings", "arguments", "said"),
    [
        (PLACES, [], ("several environments: prod, test01", "ENV=")),
        (PLACES.replace("prod", "default"), [], ("several environments: default, test01", "ENV=")),
        (PLACES, ["--env", "live"], ("no such environment: live", "It has prod, test01", "STACK=")),
        ("", ["--env", "live"], ("no such environment: live", "It has none")),
        ("[prod", [], ("not valid TOML", "--stack and --region")),
    ],
)
def test_a_choice_that_cannot_be_made_is_a_usage_error_that_says_how_to_make_it(
    folder: Path, shown: Shown, settings: str, arguments: list[str], said: tuple[str, ...]
) -> None:
    (folder / "samconfig.toml").write_text(settings, encoding="utf-8")
    code, printed = shown("where", *arguments)
    assert code == 2
    assert [words for words in said if words not in printed] == []


def test_a_broken_samconfig_is_in_nobodys_way_who_names_stack_and_region(folder: Path, shown: Shown) -> None:
    (folder / "samconfig.toml").write_text("[prod", encoding="utf-8")
    asked = ("where", "--stack", "members", "--region", "eu-west-1")
    assert shown(*asked) == (0, "--stack-name members --region eu-west-1\n")
    assert shown(*asked, "--env", "prod")[0] == 2


def test_the_answer_is_json_for_who_asks_for_it(folder: Path, shown: Shown) -> None:
    code, printed = shown("where", "--env", "prod", "--json")
    assert (code, json.loads(printed)) == (0, {"stack": "members", "region": "eu-central-1"})


def test_show_and_inspect_answer_in_json_too(shown: Shown, tmp_path: Path, export: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST), encoding="utf-8")
    assert json.loads(shown("show", tmp_path / "manifest.json", "--json")[1]) == json.loads(json.dumps(MANIFEST))
    inspected = json.loads(shown("inspect", export, "--json")[1])
    assert inspected["row_count"] == 30
    assert all(check["passed"] for check in inspected["checks"] if check["required"])


def test_nothing_is_cut_in_a_pipe(tmp_path: Path) -> None:
    long = "x" * 500
    (tmp_path / "manifest.json").write_text(json.dumps({**MANIFEST, "run_id": long}), encoding="utf-8")
    ran = subprocess.run([*COMMAND, "show", "manifest.json"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert long in ran.stdout
    assert "…" not in ran.stdout


def test_a_reader_that_has_seen_enough_causes_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({**MANIFEST, "header": ["x" * 70] * 5000}), encoding="utf-8")
    piped = f"{COMMAND[0]} show manifest.json --json | head -n 1"
    ran = subprocess.run(["bash", "-c", piped], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("{\n", "")


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"spaaza-snapshots {__version__}\n")


@pytest.mark.parametrize("arguments", [[], ["no-such-command"], ["show"], ["where", "--no-such-option"]])
def test_a_wrong_command_line_is_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "--json" in capsys.readouterr().out


def test_without_credentials_of_aws_a_command_says_how_to_get_them(
    folder: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "none"))
    code, printed = shown("athena", "--env", "prod", "--sql", folder)
    assert code == 4
    assert "aws sso login" in printed


@pytest.mark.parametrize("refusal", ["ExpiredToken", "InvalidClientTokenId"])
def test_credentials_that_aws_does_not_know_have_the_same_exit_code(
    place: LoginPlace, tmp_path: Path, shown: Shown, refusal: str
) -> None:
    place.wire.fail("DescribeStacks", faults.error(403, refusal))
    code, printed = shown("athena", "--sql", tmp_path)
    assert code == 4
    assert "aws sso login" in printed


@pytest.mark.parametrize(
    "error",
    [
        exceptions.UnauthorizedSSOTokenError(),
        exceptions.SSOTokenLoadError(error_msg="no token"),
        exceptions.CredentialRetrievalError(provider="custom-process", error_msg="exit 1"),
        exceptions.LoginRefreshRequired(),
    ],
)
def test_a_login_that_has_run_out_has_the_same_exit_code_too(error: Exception) -> None:
    assert (exit_code_of(error), lacks_aws_credentials(error)) == (4, True)


def test_an_aws_that_does_not_answer_is_no_matter_of_credentials() -> None:
    assert exit_code_of(exceptions.EndpointConnectionError(endpoint_url="https://s3")) == 1
