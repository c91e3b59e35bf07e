"""The session in its secret, and what Spaaza says to it."""

import json
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from spaaza_snapshots.base.aws_errors import answer_of, code_of
from spaaza_snapshots.base.clock import RESERVE_SECONDS, Clock
from spaaza_snapshots.errors import CredentialsError, ExportInterrupted, ExportRejected, NotAnExport
from spaaza_snapshots.model.columns import KNOWN
from spaaza_snapshots.proof.checks import prove
from spaaza_snapshots.proof.gzip_csv import GzipCsvInspector, Inspection
from spaaza_snapshots.rotation.login_secret import REFUSED, TRIED
from spaaza_snapshots.spaaza.export_api import SpaazaExports
from spaaza_snapshots.spaaza.export_stream import ExportStream
from spaaza_snapshots.spaaza.login import SpaazaLogin
from spaaza_snapshots.upkeep.doctor.examination import DENIED, Finding, SetupCheck, bad, bad_credentials, good, unknown
from spaaza_snapshots.upkeep.doctor.surroundings import Surroundings
from spaaza_snapshots.upkeep.scheduler import PUT_BACK

PROBE_SECONDS: Final = 60.0
"""How long Spaaza may take to the first line of an export."""

MAKE_LOGIN: Final = "Put a session in: make login."


def _secret(here: Surroundings) -> Finding:
    try:
        session = here.session
    except CredentialsError as error:
        return _no_session(error)
    return good(f"readable, with the session of user {session.user_id}")


def _no_session(error: CredentialsError) -> Finding:
    """Word why there is no session; one in a secret that cannot be read may be good, and a new one would end it."""
    if isinstance(error.__cause__, ClientError) and code_of(error.__cause__) in DENIED:
        return unknown(f"you may not read it: {code_of(error.__cause__)}", "The functions may; nothing else needs to.")
    told = f"{error.what} ({error.detail})"
    if isinstance(error.__cause__, ClientError | BotoCoreError):
        return unknown(told, error.hint)
    return bad_credentials(told, MAKE_LOGIN)


def _session(here: Surroundings) -> Finding:
    days = here.session.days_left(here.now)
    if here.session.expires_at is None or days is None:
        if _names_a_date(here):
            return bad("session_expires_date is not YYYY-MM-DD HH:MM:SS, so nothing warns of its end", MAKE_LOGIN)
        return good("user id and key are there; it does not tell until when it holds")
    until = f"{here.session.expires_at:%Y-%m-%d %H:%M} UTC"
    if days <= 0:
        return bad_credentials(f"it ended on {until}", MAKE_LOGIN)
    warning_days = float(here.parameter("SessionWarningDays") or 0)
    if days < warning_days:
        renewal = "Its renewals have failed: make logs FUNCTION=Rotation says why. " if here.renews else ""
        return bad_credentials(f"it ends in {days:.1f} days, on {until}", f"{renewal}Put a new one in: make login.")
    return good(f"it holds for {days:.0f} days, until {until}")


def _names_a_date(here: Surroundings) -> bool:
    found = here.client("secretsmanager").get_secret_value(SecretId=here.output("SecretArn"))
    return bool(json.loads(found["SecretString"]).get("session_expires_date"))


def _alive(here: Surroundings) -> Finding:
    settings = here.settings
    try:
        alive = SpaazaLogin(here.http, settings.api_url).is_alive(here.session)
    except ExportRejected as error:
        return bad(f"{error.what} ({error.detail})", error.hint)
    if not alive:
        fix = "Somebody has logged in as the same admin user, or it was ended. Put a new one in: make login."
        return bad_credentials(f"Spaaza ({settings.environment}) does not know it", fix)
    return good(f"Spaaza ({settings.environment}) knows it")


def probes(here: Surroundings) -> Sequence[SetupCheck]:
    """Return one check for each chain whose export is to be opened."""
    if not here.probe:
        return ()
    chains = here.chains or [int(chain) for chain in here.parameter("ChainIds").split(",") if chain.isdecimal()]
    return [
        SetupCheck(f"export of {chain}", partial(_export, chain_id=chain), ("secret", "session alive"))
        for chain in chains
    ]


def _export(here: Surroundings, chain_id: int) -> Finding:
    """Open the export, read its first line, and close it."""
    settings = here.settings
    ends = time.monotonic() + PROBE_SECONDS + RESERVE_SECONDS
    clock = Clock(lambda: int((ends - time.monotonic()) * 1000))
    exports = SpaazaExports(here.http, settings.export_url, settings.read_timeout_seconds, clock)
    try:
        with exports.open(chain_id, lambda: here.session) as stream:
            inspection = _up_to_the_header(stream)
            end = stream.declared_end
        proof = prove(inspection, inspection.gzip_bytes, end)
    except CredentialsError as error:
        return _no_session(error)
    except (ExportRejected, NotAnExport, ExportInterrupted) as error:
        return bad(f"{error.what} ({error.detail})", error.hint)
    failed = [check for check in proof.header if not check.passed]
    if failed:
        fix = "Ask Spaaza what has changed at the export endpoint."
        return bad(f"it begins with no header: {failed[0].notes}", fix)
    columns, known = len(inspection.header), len(KNOWN.keys() & set(inspection.header))
    counts = f"{columns} columns: {known} of {len(KNOWN)} documented, {columns - known} unknown"
    return good(f"it begins, with {counts}; closed there")


def _up_to_the_header(stream: ExportStream) -> Inspection:
    inspector = GzipCsvInspector()
    inspection = inspector.finish()
    for chunk in stream.chunks():
        inspector.feed(chunk)
        inspection = inspector.finish()
        if inspection.header:
            break
    return inspection


def _rotation(here: Surroundings) -> Finding:
    secret = here.client("secretsmanager").describe_secret(SecretId=here.output("SecretArn"))
    if not secret.get("RotationEnabled"):
        return bad("RenewSession is true, but the secret does not rotate", PUT_BACK)
    rotated = secret.get("LastRotatedDate")
    if rotated is None:
        return good("the secret rotates; it never has so far")
    if here.now - rotated > timedelta(days=7):
        fix = "make logs FUNCTION=Rotation says why; until it works: make login."
        return bad(f"the last renewal was on {rotated:%Y-%m-%d}, over a week ago", fix)
    return good(f"the secret rotates, last on {rotated:%Y-%m-%d}")


def _login_secret(here: Surroundings) -> Finding:
    """Look at the labels of its versions; what is in them is never read."""
    secret_id = here.output("LoginSecretArn")
    fix = (
        f"aws secretsmanager put-secret-value --secret-id {secret_id} --secret-string file://login.json, with"
        ' {"username": "…", "password": "…"} in it. Delete the file.'
    )
    found = answer_of(here.client("secretsmanager").describe_secret, ("ResourceNotFoundException",), SecretId=secret_id)
    if found is None or found.get("DeletedDate"):
        return bad("it is not there", f"{PUT_BACK} Then fill it.")
    versions = found.get("VersionIdsToStages") or {}
    current = {label for labels in versions.values() if "AWSCURRENT" in labels for label in labels}
    if not current:
        return bad("it was never filled", fix)
    if REFUSED in current:
        return bad("Spaaza has refused its name and password", f"Put the right ones in: {fix}")
    if TRIED[-1] in current:
        return bad("it was tried too often without an end", f"Put it in again: {fix}")
    return good("filled; not read here")


SECRET = SetupCheck("secret", _secret, ("stack",))
SESSION = SetupCheck("session", _session, ("secret",))
ALIVE = SetupCheck("session alive", _alive, ("secret",))
RENEWAL = (SetupCheck("rotation", _rotation, ("stack",)), SetupCheck("login secret", _login_secret, ("stack",)))
