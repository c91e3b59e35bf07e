"""The manifest: its fields, its one line, and what it says of a header that changed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.model.manifest import Check, HeaderChanges, Manifest, header_changes, utc_text
from tests.support.builders import all_texts, manifest
from tests.support.exports import SECRET_TEXT

FIELDS = {
    "manifest_version",
    "producer",
    "run_id",
    "dataset",
    "environment",
    "chain_id",
    "snapshot_date",
    "header",
    "columns",
    "row_count",
    "rows_with_line_breaks",
    "raw",
    "header_changes",
    "checks",
    "source",
    "requested_at",
    "started_at",
    "first_byte_at",
    "completed_at",
}
FIELDS_WITHIN = {
    "producer": {"name", "version"},
    "columns": {"position", "name", "athena_name", "athena_type"},
    "raw": {
        "bucket",
        "key",
        "version_id",
        "etag",
        "gzip_bytes",
        "csv_bytes",
        "sha256",
        "checksum_algorithm",
        "checksum",
        "parts",
        "gzip_members",
    },
    "header_changes": {"previous_date", "added", "removed", "reordered"},
    "checks": {"name", "required", "passed", "notes"},
    "source": {"url", "content_type", "content_disposition", "attempts"},
}

BROKEN = Check("gzip_ends_at_trailer", required=True, passed=False, notes="1 member")
ADVISORY = Check("header_unchanged", required=False, passed=False, notes="1 added")
FULL = manifest(header_changes=HeaderChanges("2026-11-21", ("Gender",), (), reordered=False), checks=(ADVISORY,))


def written(original: Manifest) -> Any:
    return json.loads(original.to_json())


def keys_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys_of(inner)


def test_a_manifest_has_the_fields_of_version_1_and_no_other() -> None:
    document = written(FULL)
    assert document["manifest_version"] == "1"
    assert set(document) == FIELDS
    within = {name: value[0] if isinstance(value, list) else value for name, value in document.items()}
    assert {name: set(within[name]) for name in FIELDS_WITHIN} == FIELDS_WITHIN


def test_columns_and_what_is_not_known_are_written_as_others_read_them() -> None:
    unversioned = FULL.of_object(etag='"e"', version_id=None)
    document = written(replace(unversioned, header_changes=None))
    assert document["columns"][0] == {"position": 1, "name": "ID", "athena_name": "id", "athena_type": "bigint"}
    assert document["header"] == ["ID", "Gender"]
    assert document["raw"]["version_id"] is None
    assert document["header_changes"] is None


INSTANTS = st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC)).map(utc_text)
MANIFESTS = st.builds(
    Manifest,
    chain_id=st.integers(min_value=1),
    snapshot_date=st.dates().map(str),
    started_at=INSTANTS,
    completed_at=st.just("9999-12-31T23:59:59.000Z"),
)


@given(MANIFESTS)
def test_a_manifest_read_again_is_the_one_that_was_written(original: Manifest) -> None:
    assert Manifest.from_json(original.to_json(), original.key) == original


@given(MANIFESTS)
def test_a_manifest_is_one_line_of_utf8_with_lower_case_keys(original: Manifest) -> None:
    body = original.to_json()
    assert body.endswith(b"}\n")
    assert body.count(b"\n") == 1
    assert b"\r" not in body
    assert [key for key in keys_of(json.loads(body)) if key != key.lower()] == []


def test_unknown_fields_are_ignored_wherever_they_are() -> None:
    document = written(FULL)
    for place in (document, document["columns"][0], document["checks"][0], *map(document.get, FIELDS_WITHIN)):
        if isinstance(place, dict):
            place["of_a_later_release"] = {"a": 1}
    assert Manifest.from_json(json.dumps(document).encode(), FULL.pending_key) == FULL


def test_a_manifest_that_ends_before_it_starts_by_a_clock_set_back_is_read_all_the_same() -> None:
    set_back = replace(FULL, completed_at="2026-11-22T02:59:00.000Z")
    assert Manifest.from_json(set_back.to_json(), FULL.key) == set_back


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"not JSON",
        b"null",
        b"1743",
        b'"manifest"',
        b"[]",
        b"{}",
        b'{"header_changes": null}',
        FULL.to_json().replace(b'"row_count":2', b'"row_count":"2"'),
        FULL.to_json().replace(b'"row_count":2', b'"row_count":true'),
        FULL.to_json().replace(b'"header":[', b'"header":[1,'),
        FULL.to_json().replace(FULL.started_at.encode(), b"yesterday"),
        FULL.to_json().replace(b'"snapshot_date":"2026-11-22"', b'"snapshot_date":"20261122"'),
        FULL.to_json().replace(b'"header":[', b'"header":["\\ud800",'),  # half a character: no UTF-8 holds it
        b"[" * 100_000,
        FULL.to_json()[:-20],
        FULL.to_json().replace(b'"run_id"', b'"run"'),
        FULL.to_json().replace(b'"sha256"', b'"sha512"'),
        FULL.to_json().replace(b'"columns":[', b'"columns":["ID",'),
        FULL.to_json().replace(b'"checks":[{', b'"checks":[null,{'),
    ],
    ids=lambda body: body[:20].decode(errors="replace") + f" {len(body)}",
)
def test_what_is_not_a_manifest_is_a_storage_error_that_names_its_key(body: bytes) -> None:
    with pytest.raises(StorageError, match=FULL.key):
        Manifest.from_json(body, FULL.key)


def test_what_is_damaged_in_a_manifest_is_quoted_nowhere() -> None:
    damaged = FULL.to_json().replace(FULL.started_at.encode(), SECRET_TEXT.encode())
    with pytest.raises(StorageError) as caught:
        Manifest.from_json(damaged, FULL.key)
    assert SECRET_TEXT not in all_texts(caught.value)


def test_a_manifest_under_another_snapshots_key_is_not_taken_for_that_ones() -> None:
    with pytest.raises(StorageError, match="not a valid manifest"):
        Manifest.from_json(FULL.to_json(), FULL.key.replace("1743", "1783"))


def test_what_s3_says_of_the_object_is_added_and_nothing_else_changes() -> None:
    original = FULL.of_object(etag='"e"', version_id="v")
    assert original == replace(FULL, raw=replace(FULL.raw, etag='"e"', version_id="v"))


def test_a_manifest_knows_where_it_lies() -> None:
    assert FULL.key == "manifests/users/chain_id=1743/dt=2026-11-22/manifest.json"
    assert FULL.pending_key == f"pending/users/chain_id=1743/dt=2026-11-22/{FULL.run_id}.json"


@pytest.mark.parametrize(
    ("checks", "expected"),
    [((), False), ((ADVISORY,), False), ((replace(BROKEN, passed=True),), False), ((ADVISORY, BROKEN), True)],
)
def test_a_draft_is_held_while_a_required_check_of_it_failed(checks: tuple[Check, ...], expected: bool) -> None:
    assert manifest(checks=checks).is_doubtful is expected


def test_an_instant_is_written_in_utc_with_z() -> None:
    text = utc_text(datetime.fromisoformat("2026-11-22T03:00:00+01:00"))
    assert text.endswith("Z")
    assert datetime.fromisoformat(text) == datetime.fromisoformat("2026-11-22T02:00:00+00:00")


def changes(old: str, new: str) -> tuple[str, str, bool]:
    """Compare two headers, one letter a column."""
    found = header_changes(tuple(new), manifest(header=tuple(old), snapshot_date="2026-11-21"))
    assert found is not None
    assert found.previous_date == "2026-11-21"
    assert found.is_change == bool(found.added or found.removed or found.reordered)
    return "".join(found.added), "".join(found.removed), found.reordered


def test_without_a_snapshot_before_there_are_no_changes_to_tell() -> None:
    assert header_changes(("ID",), None) is None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("abc", "abc", ("", "", False)),
        ("abc", "abcde", ("de", "", False)),
        ("abc", "ac", ("", "b", False)),
        ("abc", "acd", ("d", "b", False)),
        ("abc", "acb", ("", "", True)),
        ("abc", "cba", ("", "", True)),
        ("abc", "dabc", ("d", "", True)),
        ("abc", "abdc", ("d", "", True)),
        ("abc", "dba", ("d", "c", True)),
        ("abc", "xyz", ("xyz", "abc", False)),
        ("aab", "aab", ("", "", False)),
        ("aab", "aabc", ("c", "", False)),
        ("aab", "aba", ("", "", True)),
    ],
)
def test_header_changes_name_what_came_what_went_and_whether_the_order_held(
    old: str, new: str, expected: tuple[str, str, bool]
) -> None:
    assert changes(old, new) == expected


@pytest.mark.parametrize(("old", "new", "expected"), [("ab", "aba", ("a", "", False)), ("aba", "ab", ("", "a", False))])
def test_a_name_that_comes_or_goes_a_second_time_is_a_column_that_comes_or_goes(
    old: str, new: str, expected: tuple[str, str, bool]
) -> None:
    assert changes(old, new) == expected
