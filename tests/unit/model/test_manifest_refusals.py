"""What is said of an object that is not the manifest of its key."""

import pytest

from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.model.manifest import Manifest
from tests.support.builders import manifest

FULL = manifest()


@pytest.mark.parametrize(
    ("body", "of_chain", "why"),
    [
        (b"no JSON", 1743, "JSONDecodeError"),
        (FULL.to_json(), 1783, "it is of another snapshot"),
        (FULL.to_json().replace(b'"2026-11-22"', b'"20261122"'), 1743, "its date is written in another way"),
    ],
)
def test_a_refusal_says_which_object_why_and_what_to_do(body: bytes, of_chain: int, why: str) -> None:
    key = FULL.key.replace("1743", str(of_chain))
    with pytest.raises(StorageError) as caught:
        Manifest.from_json(body, key)
    hint = "Restore an earlier version of it."
    assert caught.value.args == ("This object is not a valid manifest", f"{key}, {why}", hint)
