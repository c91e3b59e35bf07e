"""Broken deployments: who asks, the stack itself, and the session."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sandbox.aws.stack import SECRET, session_secret
from sandbox.spaaza.answers import csv_answer, refusal, sample_users
from sandbox.spaaza.login import KnownSession
from tools.broken_setups.place import LOGIN_SECRET, Place
from tools.broken_setups.ways import Break, answered_with, done, refused


def _put(text: Callable[[Place], str]) -> Callable[[Any, Place], object]:
    return lambda secrets, place: secrets.put_secret_value(SecretId=SECRET, SecretString=text(place))


def _whole(place: Place) -> str:
    return json.dumps(session_secret(place.stack.spaaza))


def _until(date: str) -> Callable[[Place], str]:
    return lambda place: json.dumps({**session_secret(place.stack.spaaza), "session_expires_date": date})


def _in_days(days: float) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d %H:%M:%S}"


@contextmanager
def _another_login(place: Place) -> Iterator[None]:
    before = place.stack.spaaza.session
    place.stack.spaaza.session = KnownSession("1", "of-somebody-else")
    yield
    place.stack.spaaza.session = before


@contextmanager
def _no_right_to_export(place: Place) -> Iterator[None]:
    place.stack.spaaza.serve(refusal(500, 68), 1783)
    yield
    place.stack.spaaza.serve(sample_users(), 1783)


@contextmanager
def _no_header(place: Place) -> Iterator[None]:
    place.stack.spaaza.serve(csv_answer(b"Anna,Jansen,anna@example.com\r\n" * 20), 1783)
    yield
    place.stack.spaaza.serve(sample_users(), 1783)


def _label(secrets: Any, label: str, *, on: bool) -> None:
    versions = secrets.describe_secret(SecretId=LOGIN_SECRET)["VersionIdsToStages"]
    current = next(version for version, labels in versions.items() if "AWSCURRENT" in labels)
    moved = {"MoveToVersionId": current} if on else {"RemoveFromVersionId": current}
    secrets.update_secret_version_stage(SecretId=LOGIN_SECRET, VersionStage=label, **moved)


BREAKS: Final[Sequence[Break]] = (
    Break(
        "expired AWS credentials",
        refused("GetCallerIdentity", "ExpiredToken", 403),
    ),
    Break("a stack whose creation failed", answered_with("DescribeStacks", "CREATE_COMPLETE", "ROLLBACK_COMPLETE")),
    Break("a stack of something else", answered_with("DescribeStacks", "GlueDatabaseName", "Something")),
    Break("an empty secret", refused("GetSecretValue", "ResourceNotFoundException")),
    Break(
        "a secret that holds something else",
        done("secretsmanager", _put(lambda _: "the-session-key-alone"), _put(_whole)),
    ),
    Break("a session that has ended", done("secretsmanager", _put(_until("2026-01-01 00:00:00")), _put(_whole))),
    Break(
        "a session that ends in two days",
        done("secretsmanager", _put(_until(_in_days(2.5))), _put(_whole)),
    ),
    Break("a session without a proper date", done("secretsmanager", _put(_until("next week")), _put(_whole))),
    Break("somebody else logged in as the admin user", _another_login),
    Break("an admin user who may not export a chain", _no_right_to_export),
    Break("an export without its header", _no_header),
    Break(
        "a renewal that is switched off",
        answered_with("DescribeSecret", '"RotationEnabled": true', '"RotationEnabled": false'),
    ),
    Break("an empty login secret", answered_with("DescribeSecret", "AWSCURRENT", "AWSPENDING", LOGIN_SECRET)),
    Break(
        "a refused password",
        done(
            "secretsmanager",
            lambda secrets, _: _label(secrets, "REFUSED", on=True),
            lambda secrets, _: _label(secrets, "REFUSED", on=False),
        ),
    ),
)
