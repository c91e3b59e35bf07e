"""Targets: the documents that the functions are given, each read as what it says or refused without a word of it."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from sandbox.fuzz.target import Finding, ended, same
from spaaza_snapshots.errors import CredentialsError, InvalidRequest, StorageError
from spaaza_snapshots.events.messages import snapshot_completed
from spaaza_snapshots.model.manifest import HeaderChanges, Manifest, header_changes
from spaaza_snapshots.model.quality import quality_of
from spaaza_snapshots.model.snapshot_id import SnapshotId
from spaaza_snapshots.parquet import event as parquet_event
from spaaza_snapshots.rotation import event as rotation_event
from spaaza_snapshots.rotation.login_secret import LoginSecret
from spaaza_snapshots.snapshot.request import SnapshotRequest, parse_request
from spaaza_snapshots.snapshot.settings import Settings
from spaaza_snapshots.spaaza.credentials import Session, read_session

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


CHAINS: Final = (1743, 1783)
HEADER_VALUE: Final = re.compile("[ -~]*[!-~][ -~]*")
"""Printable ASCII that is not blank: a line break would begin another header."""

USUAL_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} ([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}")
"""As Spaaza writes it; of other ways, only that they are read or not."""


class _OneSecret:
    """Secrets Manager with one version of one secret."""

    def __init__(self, text: str) -> None:
        self._text = text

    def get_secret_value(self, **_asked: str) -> dict[str, object]:
        return {"SecretString": self._text, "VersionId": "v1", "VersionStages": ["AWSCURRENT"]}


def secret(data: bytes, read: Callable[..., Session] = read_session) -> None:
    """The session, or name and password: only whole ones that fit into a header or a form."""
    text = data[1:].decode("utf-8", "surrogateescape")
    if data and data[0] % 2:
        _login_secret(text)
    elif data:
        _session_secret(text, read)


def _session_secret(text: str, read: Callable[..., Session]) -> None:
    session = ended(lambda: read(_manager(text), "spaaza/session"), (CredentialsError,))
    if session is not None:
        judge_session(session, json.loads(text))


def judge_session(session: Session, document: Any) -> None:
    """Both values are those of the document, and headers; what is stored of the session is what will be read again."""
    values = [document[name] for name in ("session_user_id", "session_key")]
    if any(type(value) not in (str, int) for value in values):  # a number will do for either
        raise Finding("a session whose id or key is neither text nor a number")
    same("user id and key", [session.user_id, session.key], [str(value) for value in values])
    if not all(HEADER_VALUE.fullmatch(value) for value in (session.user_id, session.key)):
        raise Finding("a session whose id or key cannot be a header")
    ends = document.get("session_expires_date")
    if isinstance(ends, str) and USUAL_DATE.fullmatch(ends):
        same("end", session.expires_at, _utc(ends))
    same("session stored and read", read_session(_manager(session.to_secret()), "spaaza/session"), session)


def _utc(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:  # the 30th of February
        return None


def _login_secret(text: str) -> None:
    login = ended(LoginSecret(_manager(text), "spaaza/login").read, (CredentialsError,))
    if login is not None:
        document = json.loads(text)
        same("login", (login.username, login.password), (document["username"], document["password"]))


def _manager(text: str) -> "SecretsManagerClient":
    return cast("SecretsManagerClient", _OneSecret(text))


def event(data: bytes, parse: Callable[..., SnapshotRequest] = parse_request) -> None:
    """An event of any of the three functions, as JSON: just what it asks for, if it may, or it is refused."""
    document = _json(data[1:])
    if document is _NONE:
        return
    match data[0] % 3:
        case 0:
            _export_event(document, parse)
        case 1:
            _parquet_event(document)
        case _:
            _rotation_event(document)


def _export_event(document: Any, parse: Callable[..., SnapshotRequest]) -> None:
    request = ended(lambda: parse(document, SETTINGS, NOW), (InvalidRequest,), private=())
    if request is None:
        return
    asked = {} if document.get("detail-type") == "Scheduled Event" else document.get("detail", document)
    one = [asked["chain_id"]] if "chain_id" in asked else CHAINS
    same("chains", list(request.chain_ids), list(dict.fromkeys(asked.get("chain_ids", one))))
    same("force and accept", [request.force, request.accept], [asked.get(name, False) for name in ("force", "accept")])
    if "date" in asked:
        same("date", request.snapshot_date.isoformat(), asked["date"])
    today = NOW.astimezone(SETTINGS.time_zone).date()
    if not request.chain_ids or not set(request.chain_ids) <= set(CHAINS):
        raise Finding(f"chains {request.chain_ids}")
    if request.snapshot_date > today or (request.force and (request.accept or request.snapshot_date != today)):
        raise Finding(f"asks for {request}")


def _parquet_event(document: Any) -> None:
    request = ended(lambda: parquet_event.parse_event(document), (InvalidRequest,), private=())
    if request is None:
        return
    is_event = "detail-type" in document
    asked = document["detail"] if is_event else document
    wanted = (asked["chain_id"], asked["date"], False if is_event else document.get("rebuild", False))
    found = request.snapshot_id
    same("snapshot", (found.chain_id, found.snapshot_date.isoformat(), request.rebuild), wanted)
    if type(asked["chain_id"]) is not int or found.chain_id < 1 or type(request.rebuild) is not bool:
        raise Finding(f"asks for {request}")


def _rotation_event(document: Any) -> None:
    request = ended(lambda: rotation_event.parse_event(document), (InvalidRequest,))
    if request is None:
        return
    wanted = [document[name] for name in ("Step", "SecretId", "ClientRequestToken")]
    same("step", [request.step, request.secret_id, request.token], wanted)
    if request.step not in ("createSecret", "setSecret", "testSecret", "finishSecret"):
        raise Finding("an unknown step")


def manifest(
    data: bytes,
    read: Callable[[bytes, str], Manifest] = Manifest.from_json,
    compare: Callable[[Sequence[str], Manifest], HeaderChanges | None] = header_changes,
) -> None:
    """A manifest, a pending one or a report: it says what the document says, and can be written and read again."""
    kind, body = (data[0] if data else 0) % 3, data[1:]
    if kind == 2:
        _report(body)
        return
    key = KEYS[kind]
    found = ended(lambda: read(body, key), (StorageError,))
    if found is None:
        return
    _same_document(found.to_json(), body)
    same("manifest written and read", Manifest.from_json(found.to_json(), key), found)
    same("lines", found.to_json().count(b"\n"), 1)
    same("snapshot", (found.snapshot_id, found.snapshot_date), (SNAPSHOT, SNAPSHOT.snapshot_date.isoformat()))
    same("changes", compare(found.header, found), HeaderChanges(found.snapshot_date, (), (), reordered=False))
    json.dumps(snapshot_completed(found).detail).encode()


def _report(body: bytes) -> None:
    report = quality_of(body)
    if report is not None:
        _same_document(report.to_json(), body)
        same("report written and read", quality_of(report.to_json()), report)
        same("verdict", report.is_unfit, report.rejected_rows * 10 > report.row_count)


def _same_document(written: bytes, body: bytes) -> None:
    """Every field of both has one value; as text, since in Python True is 1."""
    ours = json.loads(written)
    same("fields", json.dumps(ours), json.dumps(_shared(ours, json.loads(body))))


def _shared(ours: Any, theirs: Any) -> Any:
    """Return their value, without the fields that only they have, and with those that only we have."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return {name: _shared(value, theirs[name]) if name in theirs else value for name, value in ours.items()}
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return list(map(_shared, ours, theirs))
    return theirs


_NONE: Final = object()


def _json(body: bytes) -> Any:
    """Return what Lambda makes of an event, or `_NONE`: it invokes no function with anything else."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return _NONE
