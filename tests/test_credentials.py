"""The admin session in Secrets Manager: what it may look like, and that nothing of it ever shows."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sandbox.aws import MotoAws
from spaaza_snapshots.credentials import Session, read_session
from spaaza_snapshots.errors import CredentialsError, SessionExpired
from tests.builders import all_texts

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
        secret(session_expires_date="tomorrow"),
        secret(session_expires_date="06-12-2026 11:19:10"),
        secret(session_expires_date="2026-12-06"),
        secret(session_expires_date=1796555950),
    ],
    ids=lambda text: text[-40:],
)
def test_a_secret_that_is_no_session_is_refused_without_a_word_of_it(secrets: "SecretsManagerClient", text: str) -> None:
    secrets.create_secret(Name=SECRET_ID, SecretString=text)
    shown = refused(secrets)
    for word in (KEY, USER_ID, "X-Other", "tomorrow", "06-12-2026", "2026-12-06", "1796555950", "[[["):
        assert word not in shown
