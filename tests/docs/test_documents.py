"""README.md and the documents that it leads to, against what they speak of."""

import html
import json
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from spaaza_snapshots import __version__, errors
from spaaza_snapshots.events import messages
from spaaza_snapshots.model import keys
from spaaza_snapshots.snapshot import settings as settings_module
from spaaza_snapshots.snapshot.request import parse_request
from tests.support.builders import NOW, manifest, settings
from tests.support.flow import CHAIN, SNAPSHOT, TODAY
from tools import template
from tools.documents import GENERATED, ROOT, with_generated
from tools.pictures import PICTURES

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
README_TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE_TEXT = (ROOT / "docs" / "REFERENCE.md").read_text(encoding="utf-8")

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def section_of_reference(heading: str) -> str:
    _, found, rest = REFERENCE_TEXT.partition(f"\n## {heading}\n")
    assert found
    return rest.partition("\n## ")[0]


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#{1,4} (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in headings}


@pytest.mark.parametrize("name", GENERATED)
def test_what_is_generated_is_as_it_would_be_made_now(name: str) -> None:
    document = ROOT / "docs" / name
    assert with_generated(document) == document.read_text(encoding="utf-8")


def test_every_variable_that_settings_reads_is_in_the_table_and_no_other() -> None:
    read = set(
        re.findall(
            r"""(?:required|optional)\(\s*['\"](\w+)['\"]""", Path(settings_module.__file__).read_text(encoding="utf-8")
        )
    )
    table = section_of_reference("Settings")
    assert set(re.findall(r"^\| `([A-Z][A-Z_]+)` \|", table, re.MULTILINE)) == read


def test_every_error_is_in_the_table() -> None:
    known = {name for name, found in vars(errors).items() if isinstance(found, type)} - {"SnapshotError"}
    (table,) = re.findall(r"\| error \|.*?\n\n", section_of_reference("Errors") + "\n\n", re.DOTALL)
    assert set(re.findall(r"`(\w+)`", table)) == known


def test_every_event_is_in_the_table_with_all_that_it_tells() -> None:
    rows = re.findall(r"^\| `([A-Z][^`]+)` \| (.+) \|$", section_of_reference("Events"), re.MULTILINE)
    told = {kind: set(re.findall(r"`([a-z_]+)`", detail)) - {"first", "repeated"} for kind, detail in rows}
    events = [
        *messages.snapshots_requested([CHAIN], TODAY, force=False),
        messages.snapshot_completed(manifest()),
        messages.snapshot_failed(SNAPSHOT, errors.SnapshotHeld("held", "", "")),
        messages.parquet_completed(manifest()),
    ]
    assert told == {event.detail_type: set(event.detail) for event in events}


def test_every_key_is_in_the_table() -> None:
    known = {SNAPSHOT.raw_key, SNAPSHOT.manifest_key, SNAPSHOT.parquet_key, SNAPSHOT.quality_key}
    named = re.findall(r"^\| `([^`]+)` \|", section_of_reference("Objects"), re.MULTILINE)
    record = f"{keys.chain_prefix(keys.ERASURES_ROOT, 1743)}{{erasure_id}}.json"
    assert set(named) == known | {SNAPSHOT.pending_key("{run_id}"), record}


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    developed = [re.split(r"\[", name)[0] for name in project["dependency-groups"]["dev"]]
    reasons = "\n".join(re.findall(r"^- (`.+): \S.*$", README_TEXT, re.MULTILINE))
    for name in [*project["project"]["dependencies"], *developed]:
        assert f"`{name}`" in reasons, name
    given = re.findall(r"`([^`]+)`", "\n".join(line.partition(":")[0] for line in reasons.splitlines()))
    assert sorted(set(given)) == sorted(given)


@every_document
def test_no_document_says_the_same_sentence_twice(document: Path) -> None:
    written = r"```.*?```|<!-- (\w+): .*?<!-- end of \1 -->|^First look: [^\n]+$"
    prose = re.sub(written, "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    sentences = [" ".join(text.split()) for text in re.split(r"(?<=\.)\s|\n\n|\n(?=[-|#>])", prose)]
    assert [text for text, times in Counter(sentences).items() if times > 1 and len(text) > 40] == []


@every_document
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8"))
    for path, _, anchor in (link.partition("#") for link in links if not link.startswith("http")):
        target = document.parent / path if path else document
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), anchor


def test_every_document_is_reached_from_the_readme() -> None:
    linked = {(ROOT / path).resolve() for path in re.findall(r"\]\(([^)#]+\.md)", README_TEXT)}
    assert {document for document in DOCUMENTS if document.name != "README.md"} <= linked


@every_document
def test_every_make_target_that_is_named_is_there(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    code = re.findall(r"```.*?```|`[^`]+`", document.read_text(encoding="utf-8"), re.DOTALL)
    assert {target for text in code for target in re.findall(r"\bmake ([a-z]+)", text)} <= targets


def test_the_readme_names_the_command_that_runs_all_tests() -> None:
    assert re.search(r"^make test\b", README_TEXT, re.MULTILINE)


PAYLOADS = re.findall(r"^\| `(\{.*?\})`[ ,|]", section_of_reference("Payloads"), re.MULTILINE)


assert PAYLOADS  # pytest would skip the test of none


@pytest.mark.parametrize("payload", PAYLOADS)
def test_every_whole_payload_of_the_table_is_accepted(payload: str) -> None:
    assert parse_request(json.loads(payload.replace("[…]", "[1743]")), settings(), NOW).chain_ids


def test_the_changelog_tells_the_version_of_the_package() -> None:
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert released[0] == __version__


def test_the_picture_of_the_dashboard_shows_every_widget_and_no_picture_asks_another_host_for_anything() -> None:
    drawn = {path.stem: html.unescape(path.read_text(encoding="utf-8")) for path in PICTURES.glob("*.svg")}
    assert drawn.keys() == {"run", "dashboard", "bench"}
    widgets = json.loads(template.deploy({"ChainIds": "1743"}).properties("Dashboard")["DashboardBody"])["widgets"]
    shown = drawn["dashboard"].replace("\N{NO-BREAK SPACE}", " ")
    assert [widget["properties"]["title"] for widget in widgets if widget["properties"]["title"] not in shown] == []
    assert {host for svg in drawn.values() for host in re.findall(r"https?://([^/\"]+)", svg)} == {"www.w3.org"}
