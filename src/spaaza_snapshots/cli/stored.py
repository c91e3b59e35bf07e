"""Where a deployed stack keeps its days, and what JSON has of one."""

from typing import Any
from zoneinfo import ZoneInfo

from spaaza_snapshots.cli.deployed import Deployment
from spaaza_snapshots.errors import BadSettings
from spaaza_snapshots.upkeep.chain_days import Bucket
from spaaza_snapshots.upkeep.days import StoredDay
from spaaza_snapshots.upkeep.schedule import Schedule


def schedule_of(deployment: Deployment) -> Schedule:
    """Return when the stack runs; raises `InvalidRequest`, `BadSettings`."""
    return Schedule(zone_of(deployment), int(deployment.parameter("FirstHour")))


def zone_of(deployment: Deployment) -> ZoneInfo:
    """Return the stack's time zone; raises `InvalidRequest`, and `BadSettings` if no run can tell its time."""
    zone = deployment.parameter("TimeZone")
    try:
        return ZoneInfo(zone)
    except (OSError, ValueError, KeyError):  # an unknown name, a folder's name, a path
        hint = "Correct the parameter TimeZone, and deploy: no run can start with it."
        raise BadSettings("The stack's time zone is not an IANA name", zone, hint) from None


def bucket_of(deployment: Deployment, s3: Any) -> Bucket:
    """Return where the days are; raises `InvalidRequest`."""
    raw_days, pending_days = (int(deployment.parameter(name)) for name in ("RawDays", "PendingDays"))
    return Bucket(s3, deployment.output("BucketName"), raw_days, pending_days)


def chain_ids_of(deployment: Deployment) -> tuple[int, ...]:
    """Return the configured chains; raises `InvalidRequest`."""
    return tuple(dict.fromkeys(map(int, deployment.parameter("ChainIds").split(","))))


def day_data(day: StoredDay) -> dict[str, Any]:
    """Return what JSON has of a day."""
    manifest = day.manifest
    return {
        "date": day.snapshot_id.snapshot_date,
        "state": day.state,
        "rows": manifest.row_count if manifest else None,
        "gzip_bytes": manifest.raw.gzip_bytes if manifest else None,
        "typed": day.is_typed,
        "run_id": manifest.run_id if manifest else None,
        "started_at": manifest.started_at if manifest else None,
    }
