"""What --json shows of what a command found."""

import json
from datetime import date

from spaaza_snapshots.cli.command import json_value
from spaaza_snapshots.model.erasure import ErasedVersion
from spaaza_snapshots.spaaza.credentials import Session


def test_what_the_text_of_a_dataclass_hides_json_hides_too() -> None:
    found = {
        "session": Session("404", "the key", None),
        "days": [date(2026, 11, 20)],
        "gone": (ErasedVersion("k", "v"),),
    }
    assert json.loads(json.dumps(found, default=json_value)) == {
        "session": {"user_id": "404", "expires_at": None},
        "days": ["2026-11-20"],
        "gone": [{"key": "k", "version_id": "v"}],
    }
