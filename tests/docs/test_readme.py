"""The README against what it speaks of."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from spaaza_snapshots import errors
from spaaza_snapshots.snapshot import settings
from spaaza_snapshots.snapshot.request import parse_request
from spaaza_snapshots.snapshot.settings import Settings
from tests.support.builders import NOW
from tools.readme import README, with_metrics

ROOT = README.parent
TEXT = README.read_text(encoding="utf-8")


def test_the_table_of_metrics_is_that_of_telemetry() -> None:
    assert with_metrics(TEXT) == TEXT


def test_every_variable_that_settings_reads_is_in_the_table_and_no_other() -> None:
    read = set(
        re.findall(
            r"""(?:required|optional)\(\s*['\"](\w+)['\"]""", Path(settings.__file__).read_text(encoding="utf-8")
        )
    )
    assert set(re.findall(r"^\| `([A-Z][A-Z_]+)` \|", TEXT, re.MULTILINE)) == read


def test_every_error_is_in_the_table() -> None:
    known = {name for name, found in vars(errors).items() if isinstance(found, type)} - {"SnapshotError"}
    (table,) = re.findall(r"\| error \|.*?\n\n", TEXT, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", table)) == known


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    developed = [re.split(r"\[", name)[0] for name in project["dependency-groups"]["dev"]]
    for name in [*project["project"]["dependencies"], *developed]:
        assert f"`{name}`" in TEXT, name


def test_every_link_leads_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", TEXT) if not link.startswith("http")]
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_make_target_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for document in (TEXT, (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")):
        assert set(re.findall(r"`?make ([a-z]+)", document)) <= targets


@pytest.mark.parametrize("payload", re.findall(r"^\| `(\{.*?\})`[ ,|]", TEXT, re.MULTILINE))
def test_every_whole_payload_of_the_table_is_accepted(payload: str) -> None:
    if "…" in payload:
        payload = payload.replace("[…]", "[1743]")
    environment = {
        "SNAPSHOT_BUCKET": "bucket",
        "SPAAZA_SECRET_ID": "secret",
        "SPAAZA_ENVIRONMENT": "prod",
        "SPAAZA_CHAIN_IDS": "1743,1783",
    }
    assert parse_request(json.loads(payload), Settings.from_environment(environment), NOW).chain_ids
