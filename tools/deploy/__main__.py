"""`make deploy NAME=value …`: `python -m tools.deploy NAME=value …`, from the folder with samconfig.toml."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError

from tools.deploy.plan import Plan, Planner
from tools.deploy.samconfig import Samconfig, UnreadableSection
from tools.template import source

SAMCONFIG = Path("samconfig.toml")
BUILT = Path(".aws-sam/build")
USAGE = 2
INTERRUPTED = 130
EXAMPLE = "make deploy CHAINS=1743,1783 EMAIL=ops@example.com ENV=test01 REGION=eu-central-1"


def main(arguments: Sequence[str]) -> int:
    """Check the words, write the section, build, and deploy; return the exit code, 2 for what is wrong or missing."""
    pairs = [argument.partition("=") for argument in arguments]
    words = {name: value for name, _, value in pairs if value}  # an empty one is not given: EMAIL= decides nothing
    try:
        samconfig, lacking = Samconfig(SAMCONFIG), _lacking_credentials()
    except (UnreadableSection, BotoCoreError) as error:
        return _refuse([str(error)])
    planner = Planner(source(), samconfig, words)
    plan = planner.plan()
    if plan is None or lacking:
        return _refuse([*planner.problems, *lacking])
    samconfig.write(plan.environment)
    print(
        f"[{plan.environment.section}] of {SAMCONFIG}: {plan.environment.stack} in {plan.environment.region}",
        flush=True,
    )
    build = [["tools/tool-env", "sam"], ["tools/build", str(BUILT)]]
    return _run(*build, sam_deploy(plan, BUILT / "template.yaml", SAMCONFIG))


def sam_deploy(plan: Plan, template: Path, samconfig: Path) -> list[str]:
    """Return the command that deploys a template as the plan's section of samconfig.toml says."""
    config = ["--config-env", plan.environment.section, "--config-file", str(samconfig.absolute())]
    asks = "--confirm-changeset" if plan.asks else "--no-confirm-changeset"
    quiet = [] if sys.stdout.isatty() else ["--no-progressbar"]  # in a file, each step of it is a line
    return [".tools/sam/bin/sam", "deploy", "--template-file", str(template), *config, asks, *quiet]


def _lacking_credentials() -> list[str]:
    """Return what to do where the SDK finds no credentials: SAM would say so only after minutes of building.

    Raises `BotoCoreError` for a profile that is not there.
    """
    found = boto3.Session().get_credentials()
    return [] if found else ["AWS credentials are missing: set AWS_PROFILE, or log in: aws sso login"]


def _run(*commands: Sequence[str]) -> int:
    """Run commands until one fails; return its exit code, else 0."""
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0"}
    try:
        codes = (subprocess.run(command, env=environment, check=False).returncode for command in commands)
        return next((code for code in codes if code), 0)
    except KeyboardInterrupt:  # the command has had it too, and has ended
        return INTERRUPTED


def _refuse(problems: Sequence[str]) -> int:
    lines = "".join(f"  {problem}\n" for problem in problems)
    sys.stderr.write(f"Nothing was built or sent, because of this:\n{lines}Write, for example:\n  {EXAMPLE}\n")
    return USAGE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
