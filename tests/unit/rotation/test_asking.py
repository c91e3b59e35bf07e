"""What a scheduled run asks for when it checks the session; no failure there and no wait stops its work."""

from dataclasses import replace
from threading import Event

import boto3
import pytest

from sandbox.spaaza.answers import Answer, Pause
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME, Wire
from spaaza_snapshots.snapshot import renewal
from spaaza_snapshots.snapshot.renewal import SessionRenewal
from spaaza_snapshots.spaaza.connections import http_pool
from spaaza_snapshots.spaaza.login import SpaazaLogin
from tests.support.builders import HeldClock
from tests.support.rotation import Renewing


@pytest.fixture
def looking(renewing: Renewing) -> SessionRenewal:
    login = SpaazaLogin(http_pool(), renewing.spaaza.base_url)
    return SessionRenewal(renewing.secrets, renewing.secret, login, HeldClock().clock())


@pytest.mark.parametrize("text", ["{}", "not JSON", '{"session_user_id": "1"}'])
def test_a_secret_that_holds_no_session_is_filled(renewing: Renewing, looking: SessionRenewal, text: str) -> None:
    renewing.secrets.put_secret_value(SecretId=renewing.secret, SecretString=text)
    looking.ask_if_refused()
    assert [played.failed_at for played in renewing.play()] == [None]
    assert renewing.is_renewed()


def test_a_secret_that_may_not_be_read_asks_for_nothing(
    renewing: Renewing, looking: SessionRenewal, wire: Wire
) -> None:
    wire.fail("GetSecretValue", faults.error(400, "AccessDeniedException"), times=EVERY_TIME)
    denied = boto3.client("secretsmanager", endpoint_url=wire.url("aws"))
    replace(looking, secrets_manager=denied).ask_if_refused()
    denied.close()
    assert renewing.aws.secrets.asked == []


def test_a_status_call_that_does_not_end_is_left_alone(
    renewing: Renewing, looking: SessionRenewal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "LONGEST_WAIT_SECONDS", 0.2)
    reached, resume = Event(), Event()
    renewing.spaaza.logins.scripted = [Answer(body=b"{", pause=Pause(0, reached, resume))] * 2
    looking.ask_if_refused()
    assert not resume.is_set()
    resume.set()
    assert renewing.aws.secrets.asked == []
