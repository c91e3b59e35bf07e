"""The four calls of the login, for tests of each, and what none of them may show."""

from collections.abc import Callable

import pytest

from sandbox.spaaza.login import User
from spaaza_snapshots.errors import (
    SnapshotError,
)
from spaaza_snapshots.spaaza.login import Passcode, SpaazaLogin
from tests.support.builders import all_texts, session

NAME, PASSWORD = User.username, User.password
PASSCODE, CODE = Passcode("passcode-key", None), "271828"
PRIVATE = "jane.doe@example.com"


Act = Callable[[SpaazaLogin], object]
ACTS: dict[str, Act] = {
    "log_in": lambda login: login.log_in(NAME, PASSWORD),
    "exchange": lambda login: login.exchange(PASSCODE, CODE),
    "is_alive": lambda login: login.is_alive(session()),
    "log_out": lambda login: login.log_out(session()),
}
SECRETS = (NAME, PASSWORD, PASSCODE.key, CODE, session().key, PRIVATE)


def refused(kind: type[SnapshotError], act: Act, login: SpaazaLogin) -> str:
    """Return all that could ever be shown of a refusal of exactly this kind, which holds nothing secret."""
    with pytest.raises(SnapshotError) as caught:
        act(login)
    assert type(caught.value) is kind
    shown = all_texts(caught.value)
    assert [word for word in SECRETS if word in shown] == []
    return shown
