"""The environment of the rotation function.

SPAAZA_LOGIN_SECRET_ID   required, name or ARN of the secret with name and password
SPAAZA_ENVIRONMENT       required, prod or test01
SPAAZA_API_URL           for a sandbox: the base that the paths of the log-in are appended to
"""

from collections.abc import Mapping
from dataclasses import dataclass

from spaaza_snapshots.base.environment import base_url, reading, spaaza_environment
from spaaza_snapshots.spaaza.login import default_api_url


@dataclass(frozen=True, slots=True)
class RotationSettings:
    """What the function is told by its environment."""

    login_secret_id: str
    api_url: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "RotationSettings":
        """Read every variable; raises `BadSettings`."""
        with reading(environment) as reader:
            login_secret_id = reader.required("SPAAZA_LOGIN_SECRET_ID", str)
            stage = reader.required("SPAAZA_ENVIRONMENT", spaaza_environment)
            return cls(login_secret_id, reader.optional("SPAAZA_API_URL", default_api_url(stage), base_url))
