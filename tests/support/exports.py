"""How an export is refused, and what of that may never show."""

from collections.abc import Callable
from typing import Any

import pytest

from spaaza_snapshots.errors import SnapshotError
from tests.support.builders import all_texts, session

PATH = "/segments/export/users"
SECRET_TEXT = "jane.doe@example.com"
Ask = Callable[..., bytes]


def refused(ask: Ask, expected: type[SnapshotError], **changes: Any) -> SnapshotError:
    """Ask, and return the error; neither the key nor a word of any body may show in it."""
    with pytest.raises(expected) as caught:
        ask(**changes)
    assert type(caught.value) is expected
    texts = all_texts(caught.value)
    assert session().key not in texts
    assert SECRET_TEXT not in texts
    assert caught.value.hint
    return caught.value


def spaaza_error(code: object, *, old: bool = False, wrapped: bool = False) -> Any:
    """Spaaza's error in its present form, or in the one from before 1.4.0; some samples are wrapped in a list."""
    about = {"name": "an_error", "description": SECRET_TEXT}
    error = (
        {"errors": {str(code): {**about, "extrainfo": {"msg": SECRET_TEXT}}}}
        if old
        else {"error": {"code": code, **about}}
    )
    document = {"result": {"code": 2, "status": "error"}, **error}
    return [document] if wrapped else document
