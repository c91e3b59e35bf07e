"""The errors for a complete but doubtful export: why it is doubtful, what happened to it, and what to do."""

from spaaza_snapshots.errors import SnapshotHeld
from spaaza_snapshots.model.manifest import Manifest

NOT_YET = "if not, do nothing: the schedule exports the day again until it ends, at most three times."

NOT_KEPT = (
    "Nothing is held. If a manifest cannot be read, restore it: see manifest-damaged in docs/OPERATIONS.md. If Spaaza"
    " confirms the drop, raise MaxRowDropPercent, deploy, force again on that day, and set it back."
)


def held_error(draft: Manifest, otherwise: str = NOT_YET, *, again: bool = False) -> SnapshotHeld:
    """Return the error for a held draft: why it is held, how to accept it, and what to do otherwise."""
    payload = f'{{"chain_id": {draft.chain_id}, "date": "{draft.snapshot_date}", "accept": true}}'
    return doubtful_error(
        draft,
        "it is kept, but not visible",
        f"If Spaaza confirms these users, invoke the function with {payload}"
        f" (make snapshot CHAIN={draft.chain_id} DATE={draft.snapshot_date} ACCEPT=1); {otherwise}",
        again=again,
    )


def doubtful_error(draft: Manifest, what_became_of_it: str, hint: str, **marks: bool) -> SnapshotHeld:
    """Return the error for a doubtful draft: which checks failed, with their figures, and what was done about it."""
    notes = "; ".join(f"{check.name}: {check.notes}" for check in draft.failed_checks)
    what = f"The snapshot of chain {draft.chain_id} for {draft.snapshot_date} is doubtful"
    return SnapshotHeld(what, f"{notes}; {what_became_of_it}", hint, **marks)
