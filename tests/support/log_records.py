"""What was logged, as its message and the keys that go with it."""

import logging
from typing import Any

import pytest

_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def logged(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, Any]]:
    """Return the keys of each line with this message, oldest first."""
    return [
        {key: value for key, value in vars(record).items() if key not in _OF_EVERY_RECORD}
        for record in caplog.records
        if record.getMessage() == message
    ]
