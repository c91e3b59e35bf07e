"""`make deploy` for real, up to the change set and the yes, against a stand-in for AWS on 127.0.0.1.

`python -m tools.deploy.rehearsal [NAME=value …]` prints the transcript. It works in a folder of its own that has this
one's files, so it leaves no samconfig.toml here.
"""

import logging
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import boto3

from sandbox.aws.moto import MotoAws
from tools.deploy.cloudformation import CloudFormation
from tools.deploy.server import Server
from tools.package import ROOT, sam

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

EXAMPLE = ("CHAINS=1743,1783", "EMAIL=ops@example.com", "ENV=test01", "REGION=eu-central-1")
PROMPT = b"[y/N]: "
_COPIED = ("template.yaml", "src", "layers")  # SAM follows links, and would build from there
_LINKED = ("Makefile", "pyproject.toml", "requirements", "sandbox", "tools", ".tools", ".venv")


@contextmanager
def account() -> Iterator[tuple[CloudFormation, Mapping[str, str]]]:
    """Start an account without stacks; yield it with the environment in which the SDKs and SAM find it."""
    logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it speaks of metrics that it would like to send
    clients = ExitStack()

    @cache
    def s3() -> "S3Client":
        session = boto3.Session(aws_access_key_id="rehearsal", aws_secret_access_key="rehearsal")
        return clients.enter_context(closing(session.client("s3", "us-east-1", endpoint_url=aws.endpoint_url)))

    cloudformation = CloudFormation(s3)
    with MotoAws(front=lambda others: Server(cloudformation, others)) as aws, clients:
        yield (
            cloudformation,
            {
                **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_", "MAKE"))},
                "AWS_ENDPOINT_URL": aws.endpoint_url,
                "AWS_ACCESS_KEY_ID": "rehearsal",
                "AWS_SECRET_ACCESS_KEY": "rehearsal",
                "AWS_EC2_METADATA_DISABLED": "true",
                "SAM_CLI_POLL_DELAY": "1",  # seconds; nothing here takes longer
                "SAM_CLI_TELEMETRY": "0",
            },
        )


@contextmanager
def clone() -> Iterator[Path]:
    """Yield a folder with what `make deploy` needs of this one, for it writes into the folder it runs in."""
    with TemporaryDirectory(prefix="spaaza-rehearsal-") as name:
        folder = Path(name)
        for linked in _LINKED:
            (folder / linked).symlink_to(ROOT / linked)
        for copied in _COPIED:
            copy = shutil.copytree if (ROOT / copied).is_dir() else shutil.copyfile
            copy(ROOT / copied, folder / copied)
        yield folder


def main(words: Sequence[str]) -> int:
    """Print what a person would see, who says yes to the change set; return make's exit code."""
    sam()  # in this folder: made in the other one it would be gone with it, and on a fresh clone the link led nowhere
    with account() as (cloudformation, environment), clone() as folder:
        command = ["make", "--no-print-directory", "deploy", *words]
        print(f"$ {shlex.join(['make', 'deploy', *words])}", flush=True)
        code = _typing_yes(command, folder, environment)
        if (folder / "samconfig.toml").exists():
            print(f"$ cat samconfig.toml\n{(folder / 'samconfig.toml').read_text(encoding='utf-8')}")
        for stack in cloudformation.stacks.values():
            print(f"stand-in: {stack.name} is {stack.status} with {len(stack.resources)} resources, none of them real")
    return code


def _typing_yes(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> int:
    """Run a command, print what it prints, and answer its question as it is asked; return its exit code."""
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdin and process.stdout
        printed = b""
        while byte := process.stdout.read(1):
            printed += byte
            _show(byte)
            if printed.endswith(PROMPT):
                process.stdin.write(b"y\n")
                process.stdin.flush()
                _show(b"y\n")
    return process.returncode


def _show(printed: bytes) -> None:
    sys.stdout.buffer.write(printed)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or EXAMPLE))
