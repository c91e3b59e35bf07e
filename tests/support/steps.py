"""What the tests of the rotation share beside the secrets themselves."""

import json

import pytest

from sandbox.wire.wire import Wire
from spaaza_snapshots.base.telemetry import logger
from spaaza_snapshots.rotation.wiring import clients_of
from tests.support.rotation import Renewing

SECRET = "spaaza/session"
PASSWORD = "correct horse battery staple"
FIELDS = ("error", "session_expires_at")


def kinds(renewing: Renewing) -> list[type]:
    return [type(error) for error in renewing.errors]


def through_the_wire(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", wire.url("aws"))
    clients_of.cache_clear()


def log_in_elsewhere(renewing: Renewing) -> None:
    """End every session of the user, as a log-in does whose own session nobody keeps."""
    renewing.spaaza.logins.end()


def dead_session() -> str:
    return json.dumps({"session_user_id": "1", "session_key": "dead"})


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, object]]]:
    """Return message and fields of every line logged since the last call."""
    lines = [(record.getMessage(), vars(record)) for record in caplog.records if record.name == logger.name]
    caplog.clear()
    return [(message, {name: fields[name] for name in FIELDS if name in fields}) for message, fields in lines]
