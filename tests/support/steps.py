"""What the tests of the rotation share beside the secrets themselves."""

import json

import pytest

from sandbox.wire.wire import Wire
from spaaza_snapshots.rotation.wiring import clients_of
from tests.support.rotation import Renewing

SECRET = "spaaza/session"
PASSWORD = "correct horse battery staple"


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
