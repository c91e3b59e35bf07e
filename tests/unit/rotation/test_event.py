"""What is not a step of a rotation."""

import pytest

from spaaza_snapshots.errors import InvalidRequest
from spaaza_snapshots.rotation.event import parse_event

STEP = {"Step": "createSecret", "SecretId": "arn", "ClientRequestToken": "t"}


OTHERS: tuple[object, ...] = ([], None, "text", 7, {}, {**STEP, "Step": "other"}, {**STEP, "SecretId": 1})


@pytest.mark.parametrize("event", OTHERS, ids=str)
def test_what_is_no_step_of_a_rotation_is_refused(event: object) -> None:
    with pytest.raises(InvalidRequest):
        parse_event(event)
