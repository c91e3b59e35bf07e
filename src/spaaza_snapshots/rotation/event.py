"""Which step of which rotation the function is asked for.

{"Step": "createSecret", "SecretId": "arn:aws:secretsmanager:…", "ClientRequestToken": "…"}
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from spaaza_snapshots.errors import InvalidRequest

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


@dataclass(frozen=True, slots=True)
class StepRequest:
    """One step; `token` names the rotation, and is the id of the version that it makes."""

    step: str
    secret_id: str
    token: str = field(repr=False)


def parse_event(event: object) -> StepRequest:
    """Return the step; raises `InvalidRequest`."""
    if not isinstance(event, Mapping):
        raise _refusal("The event is not a JSON object")
    values = [event.get(name) for name in ("Step", "SecretId", "ClientRequestToken")]
    texts = [value for value in values if isinstance(value, str) and value]
    if len(texts) < len(values):
        raise _refusal("The event does not name Step, SecretId and ClientRequestToken")
    step, secret_id, token = texts
    if step not in STEPS:
        raise _refusal("This is not a step of a rotation")
    return StepRequest(step, secret_id, token)


def _refusal(what: str) -> InvalidRequest:
    hint = "Only Secrets Manager starts this function: aws secretsmanager rotate-secret --secret-id …"
    return InvalidRequest(what, f"known steps are {', '.join(STEPS)}", hint)
