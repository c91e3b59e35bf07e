"""The record of an erasure: what is taken for one."""

from dataclasses import replace

import pytest

from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.model.erasure import ErasedDay, Erasure
from tests.support.builders import all_texts
from tests.support.exports import SECRET_TEXT

RECORD = Erasure(
    "20261120T080000Z-1", 1743, "2026-11-20T08:00:00Z", None, (ErasedDay("2026-11-19", True, True, 1, 1, 0, 9),), ()
)


def test_a_record_is_read_as_it_was_written() -> None:
    assert Erasure.from_json(RECORD.to_json(), RECORD.key) == RECORD


def test_a_record_that_lies_under_another_ones_key_is_not_taken_for_that_one() -> None:
    other = replace(RECORD, chain_id=1783)
    with pytest.raises(StorageError, match=RECORD.key):
        Erasure.from_json(other.to_json(), RECORD.key)


@pytest.mark.parametrize("body", [f'{{"{SECRET_TEXT}"', f'["{SECRET_TEXT}"]', '{"erasure_id": 1}', "[" * 100_000])
def test_what_is_not_a_record_is_a_storage_error_that_names_its_key_and_quotes_nothing(body: str) -> None:
    with pytest.raises(StorageError, match=RECORD.key) as caught:
        Erasure.from_json(body.encode(), RECORD.key)
    assert SECRET_TEXT not in all_texts(caught.value)


def test_a_day_that_is_none_is_quoted_nowhere() -> None:
    damaged = RECORD.to_json().replace(b"2026-11-19", SECRET_TEXT.encode())
    with pytest.raises(StorageError) as caught:
        Erasure.from_json(damaged, RECORD.key)
    assert SECRET_TEXT not in all_texts(caught.value)
