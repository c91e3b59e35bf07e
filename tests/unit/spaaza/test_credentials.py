"""The admin session in Secrets Manager: what it may look like, and that nothing of it ever shows."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config

from sandbox.aws.moto import MotoAws
from sandbox.spaaza.server import SpaazaServer
from spaaza_snapshots.errors import CredentialsError, SessionExpired
from spaaza_snapshots.spaaza.credentials import Session, read_session
from tests.support.builders import all_texts

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

SECRET_ID = "spaaza/session"
KEY = "d7d91a80b5dd2cf040adc68bc2cb7974f0107dea35816bb3e14207444bf9e21a"
USER_ID = "20260418"
NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)


@pytest.fixture
def secrets(moto_aws: MotoAws) -> "SecretsManagerClient":
    return moto_aws.client("secretsmanager")


def stored(secrets: "SecretsManagerClient", text: str) -> Session:
    secrets.create_secret(Name=SECRET_ID, SecretString=text)
    return read_session(secrets, SECRET_ID)


def secret(**changes: object) -> str:
    fields = {"session_user_id": USER_ID, "session_key": KEY, "session_expires_date": "2026-12-06 11:19:10"}
    return json.dumps({name: value for name, value in {**fields, **changes}.items() if value is not ...})


def test_a_session_is_what_spaazas_log_in_answered(secrets: "SecretsManagerClient") -> None:
    expected = Session(USER_ID, KEY, datetime(2026, 12, 6, 11, 19, 10, tzinfo=UTC))
    assert stored(secrets, secret()) == expected


@pytest.mark.parametrize("expires", [..., None, ""])
def test_the_end_of_the_session_may_be_left_out(secrets: "SecretsManagerClient", expires: object) -> None:
    session = stored(secrets, secret(session_expires_date=expires))
    assert session.expires_at is None
    assert session.days_left(NOW) is None


def test_a_user_id_may_be_a_number_and_unknown_keys_are_ignored(secrets: "SecretsManagerClient") -> None:
    assert stored(secrets, secret(session_user_id=7, session_username="admin")).user_id == "7"


def test_the_days_left_are_counted_from_now_in_utc(secrets: "SecretsManagerClient") -> None:
    session = stored(secrets, secret(session_expires_date="2026-11-23 14:00:00"))
    assert session.days_left(NOW) == 1.5
    assert session.days_left(NOW + timedelta(days=1)) == 0.5


def test_a_session_whose_end_is_past_is_read_all_the_same(secrets: "SecretsManagerClient") -> None:
    session = stored(secrets, secret(session_expires_date="2026-11-21 02:00:00"))
    assert session.key == KEY
    assert session.days_left(NOW) == -1.0


@pytest.mark.parametrize("expires", ["tomorrow", "06-12-2031 11:19:10", "2031-12-06", 1954264750, ["2031-12-06"]])
def test_an_end_that_cannot_be_read_is_as_if_left_out_but_for_a_warning_without_a_word_of_it(
    secrets: "SecretsManagerClient", expires: object, caplog: pytest.LogCaptureFixture
) -> None:
    session = stored(secrets, secret(session_expires_date=expires))
    assert (session.key, session.expires_at) == (KEY, None)
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert [word for word in (KEY, str(expires)) if word in repr(vars(record))] == []


def test_the_secret_is_read_afresh_each_time(secrets: "SecretsManagerClient") -> None:
    assert stored(secrets, secret()).key == KEY
    secrets.put_secret_value(SecretId=SECRET_ID, SecretString=secret(session_key="another"))
    assert read_session(secrets, SECRET_ID).key == "another"


def test_the_key_shows_in_no_repr(secrets: "SecretsManagerClient") -> None:
    session = stored(secrets, secret())
    assert KEY not in repr(session)
    assert KEY not in f"{session} {[session]}"


def refused(secrets: "SecretsManagerClient") -> str:
    """Read the secret; return all that could ever be shown of the refusal."""
    with pytest.raises(CredentialsError) as caught:
        read_session(secrets, SECRET_ID)
    assert not isinstance(caught.value, SessionExpired)
    assert SECRET_ID in str(caught.value)
    return all_texts(caught.value)


def test_a_secret_that_is_not_there_is_named(secrets: "SecretsManagerClient") -> None:
    assert "ResourceNotFoundException" in refused(secrets)


def test_a_secret_that_was_never_filled_is_a_credentials_error(secrets: "SecretsManagerClient") -> None:
    secrets.create_secret(Name=SECRET_ID)
    refused(secrets)


def test_a_secrets_manager_that_does_not_answer_is_a_credentials_error() -> None:
    with SpaazaServer() as gone:
        pass
    once = Config(retries={"total_max_attempts": 1})
    client = boto3.client(
        "secretsmanager",
        region_name="eu-west-1",
        endpoint_url=gone.base_url,
        aws_access_key_id="moto",
        aws_secret_access_key="moto",
        config=once,
    )
    assert "EndpointConnectionError" in refused(client)
    client.close()


def test_a_secret_of_bytes_is_a_credentials_error(secrets: "SecretsManagerClient") -> None:
    secrets.create_secret(Name=SECRET_ID, SecretBinary=secret().encode())
    assert KEY not in refused(secrets)


@pytest.mark.parametrize(
    "text",
    [
        " ",
        KEY,
        f"session_key={KEY}",
        secret()[:-1],
        secret() + KEY,
        f"[{secret()}]",
        f'"{KEY}"',
        "null",
        "[" * 60_000,
        secret(session_key=...),
        secret(session_key=None),
        secret(session_key=""),
        secret(session_key=" "),
        secret(session_key=[KEY]),
        secret(session_key=f"{KEY}\n"),
        secret(session_key=f"{KEY}\r\nX-Other: 1"),
        secret(session_key=f"{KEY}é"),
        secret(session_user_id=...),
        secret(session_user_id=""),
        secret(session_user_id=True),
        secret(session_user_id=f"{USER_ID}\n"),
    ],
    ids=lambda text: text[-40:],
)
def test_a_secret_that_is_no_session_is_refused_without_a_word_of_it(
    secrets: "SecretsManagerClient", text: str
) -> None:
    secrets.create_secret(Name=SECRET_ID, SecretString=text)
    shown = refused(secrets)
    assert [word for word in (KEY, USER_ID, "X-Other", "2026-12-06", "[[[") if word in shown] == []
