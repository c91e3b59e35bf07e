"""Known vulnerabilities in the pinned requirements, by pip-audit and the OSV database.

pip-audit calls sound whatever its database knows nothing of, and a server that is not such a database knows nothing at
all. So a version that is known to be vulnerable is asked about first: only a server that knows that one is believed.
"""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tools.package import ROOT

KNOWN_VULNERABLE: Final = "urllib3==1.26.4"
"""https://nvd.nist.gov/vuln/detail/CVE-2021-33503"""

FILES: Final = (
    *sorted(path.relative_to(ROOT) for path in (ROOT / "requirements").glob("*.txt")),
    Path("src/requirements.txt"),
)
"""The layer's only package is pinned to the version of the development one."""


class NotAudited(Exception):
    """Nobody who knows was reached, so nothing is known; the text says what pip-audit said."""


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One known vulnerability of one pinned package."""

    file: str
    package: str
    name: str
    fixed_in: tuple[str, ...]


def vulnerabilities(commands: Path, service: str | None) -> list[Vulnerability]:
    """Ask about every pin, at the address of an OSV server or at pip-audit's own; raises `NotAudited`."""
    with TemporaryDirectory() as folder:
        known = Path(folder) / "known.txt"
        known.write_text(f"{KNOWN_VULNERABLE}\n", encoding="utf-8")
        if not _asked(commands, known, ["--no-deps"], service):
            raise NotAudited(
                f"the service does not know that {KNOWN_VULNERABLE} is vulnerable, so it cannot judge the pins"
            )
    return [known for file in FILES for known in _asked(commands, file, ["--require-hashes"], service)]


def _asked(commands: Path, file: Path, options: Sequence[str], service: str | None) -> list[Vulnerability]:
    at = ["--osv-url", service] if service else []
    command = [str(commands / "pip-audit"), "--vulnerability-service", "osv", *at]
    command += ["--strict", "--disable-pip", *options, "--progress-spinner", "off", "--format", "json"]
    done = subprocess.run([*command, "-r", str(file)], cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        raise NotAudited((done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]) from None
    return [
        Vulnerability(str(file), f"{package['name']} {package['version']}", found["id"], tuple(found["fix_versions"]))
        for package in packages
        for found in package["vulns"]
    ]
