"""Targets: the documents that the functions are given, each read as what it says or refused without a word of it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from sandbox.fuzz.target import Finding, ended, same
from spaaza_snapshots.errors import CredentialsError, InvalidRequest, StorageError
from spaaza_snapshots.events.messages import snapshot_completed
from spaaza_snapshots.model.manifest import Manifest, header_changes
from spaaza_snapshots.model.quality import quality_of
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.parquet import event as parquet_event
from spaaza_snapshots.rotation import event as rotation_event
from spaaza_snapshots.rotation.login_secret import LoginSecret
from spaaza_snapshots.snapshot.request import parse_request
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.spaaza.credentials import Session, is_header_value, read_session

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

NOW: Final = datetime(2026, 11, 22, 3, tzinfo=UTC)
SNAPSHOT: Final = SnapshotId(1743, NOW.date())
RUN_ID: Final = "0f8fad5b-d9cb-469f-a165-70867728950e"
KEYS: Final = (SNAPSHOT.manifest_key, SNAPSHOT.pending_key(RUN_ID))
SETTINGS: Final = Settings.from_environment(
    {
        "SNAPSHOT_BUCKET": "snapshots",
        "SPAAZA_SECRET_ID": "spaaza/session",
        "SPAAZA_ENVIRONMENT": "test01",
        "SPAAZA_CHAIN_IDS": "1743,1783",
        "SNAPSHOT_TIME_ZONE": "Europe/Amsterdam",
    }
)


class _OneSecret:
    """Secrets Manager with one version of one secret."""

    def __init__(self, text: str) -> None:
        self._text = text

    def get_secret_value(self, **_asked: str) -> dict[str, object]:
        return {"SecretString": self._text, "VersionId": "v1", "VersionStages": ["AWSCURRENT"]}


def secret(data: bytes) -> None:
    """The session, or name and password: only whole ones that fit into a header or a form."""
    text = data[1:].decode("utf-8", "surrogateescape")
    READERS[data[0] % 2](text) if data else None


def _session_secret(text: str) -> None:
    session = ended(lambda: read_session(_manager(text), "spaaza/session"), (CredentialsError,))
    if session is None:
        return
    document = json.loads(text)
    wanted = (str(document["session_user_id"]), str(document["session_key"]))  # a number will do for either
    same("user id and key", (session.user_id, session.key), wanted)
    judge_session(session)


def judge_session(session: Session) -> None:
    """Both values are headers, and what is stored of the session is what will be read again."""
    if not is_header_value(session.user_id) or not is_header_value(session.key):
        raise Finding("a session that is no header")
    same("session stored and read", read_session(_manager(session.to_secret()), "spaaza/session"), session)


def _login_secret(text: str) -> None:
    login = ended(LoginSecret(_manager(text), "spaaza/login").read, (CredentialsError,))
    if login is not None:
        document = json.loads(text)
        same("login", (login.username, login.password), (document["username"], document["password"]))


READERS: Final = (_session_secret, _login_secret)


def _manager(text: str) -> "SecretsManagerClient":
    return cast("SecretsManagerClient", _OneSecret(text))


def event(data: bytes) -> None:
    """An event of any of the three functions, as JSON: what it asks for may be asked for, or it is refused."""
    document = _json(data[1:])
    if document is not _NONE:
        PARSERS[data[0] % len(PARSERS)](document)


def _export_event(document: Any) -> None:
    request = ended(lambda: parse_request(document, SETTINGS, NOW), (InvalidRequest,), private=())
    if request is None:
        return
    today = NOW.astimezone(SETTINGS.time_zone).date()
    if not request.chain_ids or len(set(request.chain_ids) & {1743, 1783}) != len(request.chain_ids):
        raise Finding(f"chains {request.chain_ids}")
    if request.snapshot_date > today or (request.force and (request.accept or request.snapshot_date != today)):
        raise Finding(f"asks for {request}")


def _parquet_event(document: Any) -> None:
    request = ended(lambda: parquet_event.parse_event(document), (InvalidRequest,), private=())
    if request is not None and (request.snapshot_id.chain_id < 1 or type(request.rebuild) is not bool):
        raise Finding(f"asks for {request}")


def _rotation_event(document: Any) -> None:
    request = ended(lambda: rotation_event.parse_event(document), (InvalidRequest,))
    if request is not None and request.step not in rotation_event.STEPS:
        raise Finding("an unknown step")


PARSERS: Final[tuple[Callable[[Any], None], ...]] = (_export_event, _parquet_event, _rotation_event)


def manifest(data: bytes) -> None:
    """A manifest, a pending one or a report: what was read can be written again, and is then the same."""
    kind, body = (data[0] if data else 0) % 3, data[1:]
    if kind == 2:
        _report(body)
        return
    key = KEYS[kind]
    found = ended(lambda: Manifest.from_json(body, key), (StorageError,))
    if found is None:
        return
    same("manifest written and read", Manifest.from_json(found.to_json(), key), found)
    same("lines", found.to_json().count(b"\n"), 1)
    same("snapshot", (found.snapshot_id, found.snapshot_date), (SNAPSHOT, SNAPSHOT.snapshot_date.isoformat()))
    same("changes", header_changes(found.header, found) == header_changes(found.header, None), wanted=False)
    json.dumps(snapshot_completed(found).detail).encode()


def _report(body: bytes) -> None:
    report = quality_of(body)
    if report is not None:
        same("report written and read", quality_of(report.to_json()), report)
        same("verdict", report.is_unfit, report.rejected_rows * 10 > report.row_count)


_NONE: Final = object()


def _json(body: bytes) -> Any:
    """Return what Lambda makes of an event, or `_NONE`: it invokes no function with anything else."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return _NONE
