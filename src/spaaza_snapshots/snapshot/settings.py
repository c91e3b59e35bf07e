"""The environment of the function as one frozen `Settings`; all problems are reported at once.

SNAPSHOT_BUCKET              required
SPAAZA_SECRET_ID             required, name or ARN of the secret with the admin session
SPAAZA_ENVIRONMENT           required, prod or test01
SPAAZA_CHAIN_IDS             required, "1743,1783"
SNAPSHOT_TIME_ZONE           IANA name, default UTC: whose midnight ends a snapshot date
EVENT_BUS_NAME               without it, no event is sent
GLUE_DATABASE                without it, no table is updated
MAX_ROW_DROP_PERCENT         default 5
SPAAZA_READ_TIMEOUT_SECONDS  default 60
SESSION_ROTATION             on: the secret renews itself, so a refused session may be followed by a new one
SPAAZA_SERVICES_URL          for a sandbox: the base URL of the export
SPAAZA_API_URL               for a sandbox: the base URL of the login
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from spaaza_snapshots.base.environment import base_url, reading, spaaza_environment
from spaaza_snapshots.spaaza.login import default_api_url

EXPORT_PATH = "/segments/export/users"
SWITCH = ("off", "on")


@dataclass(frozen=True, slots=True)
class Settings:
    """The function's settings; an empty bus or database name means that there is none."""

    bucket: str
    secret_id: str
    environment: str
    chain_ids: tuple[int, ...]
    time_zone: ZoneInfo
    bus_name: str
    glue_database: str
    max_row_drop_percent: float
    read_timeout_seconds: float
    export_url: str
    api_url: str
    session_rotation: bool

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read and check every variable; raises `BadSettings` naming all problems, each with its variable."""
        with reading(environment) as reader:
            stage = reader.required("SPAAZA_ENVIRONMENT", spaaza_environment)
            services_url = f"https://services-{stage}.spaaza.com"
            return cls(
                bucket=reader.required("SNAPSHOT_BUCKET", str),
                secret_id=reader.required("SPAAZA_SECRET_ID", str),
                environment=stage,
                chain_ids=reader.required("SPAAZA_CHAIN_IDS", _chain_ids),
                time_zone=reader.optional("SNAPSHOT_TIME_ZONE", "UTC", _time_zone),
                bus_name=reader.optional("EVENT_BUS_NAME", "", str),
                glue_database=reader.optional("GLUE_DATABASE", "", str),
                max_row_drop_percent=reader.optional("MAX_ROW_DROP_PERCENT", "5", _number(0, 100)),
                read_timeout_seconds=reader.optional("SPAAZA_READ_TIMEOUT_SECONDS", "60", _number(1, 900)),
                export_url=f"{reader.optional('SPAAZA_SERVICES_URL', services_url, base_url)}{EXPORT_PATH}",
                api_url=reader.optional("SPAAZA_API_URL", default_api_url(stage), base_url),
                session_rotation=reader.optional("SESSION_ROTATION", "off", _switch),
            )


def _switch(value: str) -> bool:
    if value not in SWITCH:
        raise ValueError(f"is not one of {', '.join(SWITCH)}")
    return value == "on"


def _chain_ids(value: str) -> tuple[int, ...]:
    words = [word.strip() for word in value.split(",")]
    if not all(word.isascii() and word.isdigit() and int(word) > 0 for word in words):
        raise ValueError('is not a list of chain ids such as "1743,1783"')
    return tuple(dict.fromkeys(int(word) for word in words))


def _time_zone(value: str) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (OSError, ValueError, KeyError):  # an unknown name, a folder's name, a path
        raise ValueError("is not an IANA time zone name") from None


def _number(least: float, most: float) -> Callable[[str], float]:
    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not least <= number <= most:
            raise ValueError(f"is not a number from {least:g} to {most:g}")
        return number

    return parse
