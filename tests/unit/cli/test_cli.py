"""The command `spaaza-snapshots`: what people read of a manifest and of an export, and its exit codes."""

import gzip
import io
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from sandbox.spaaza.users import generated_csv
from spaaza_snapshots.model.manifest import Check
from tests.support import builders
from tests.support.commands import Shown

MANIFEST = asdict(
    builders.manifest(
        header=("ID", "Opt-in [b]", "[red]"),
        header_changes={"previous_date": "2026-11-21", "added": ["[red]"], "removed": [], "reordered": False},
        checks=(Check("header_is_known", required=False, passed=False, notes="unknown are [b], [red]"),),
    )
)
CSV_BYTES = b"".join(generated_csv(30))


@pytest.mark.parametrize("source", ["a manifest", "-"])
def test_show_prints_a_manifest_with_every_name_as_spaaza_sent_it(
    source: str, shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.dumps(MANIFEST)
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    code, printed = shown("show", "-" if source == "-" else tmp_path / "manifest.json")
    assert code == 0
    for wanted in (MANIFEST["run_id"], MANIFEST["raw"]["sha256"], "Opt-in [b], [red]", "unknown are [b], [red]"):
        assert wanted in printed


def test_show_says_that_there_is_no_such_file(shown: Shown, tmp_path: Path) -> None:
    code, printed = shown("show", tmp_path / "absent.json")
    assert (code, printed.split()[0]) == (1, "FileNotFoundError")


@pytest.mark.parametrize("content", ["no JSON", "[]", "{}", "null", '{"row_count": "5"}', "[" * 100_000])
def test_show_says_that_something_is_not_a_manifest(content: str, shown: Shown, tmp_path: Path) -> None:
    path = tmp_path / "[red].json"
    path.write_text(content, encoding="utf-8")
    code, printed = shown("show", path)
    assert code == 3
    assert printed.startswith(f"{path} is not a valid manifest (")


def test_a_name_in_brackets_survives_in_an_error(shown: Shown, tmp_path: Path) -> None:
    assert "[red]absent[/red].json" in shown("show", tmp_path / "[red]absent[/red].json")[1]


def test_inspect_proves_a_whole_export_and_counts_it(shown: Shown, tmp_path: Path) -> None:
    export = tmp_path / "users.csv.gz"
    export.write_bytes(gzip.compress(CSV_BYTES))
    code, printed = shown("inspect", export)
    counted = dict(line.split() for line in printed.splitlines() if len(line.split()) == 2)
    assert code == 0
    assert (counted["row_count"], counted["csv_bytes"]) == ("30", str(len(CSV_BYTES)))


@pytest.mark.parametrize(
    ("export_bytes", "what"),
    [
        (gzip.compress(CSV_BYTES)[:-20], "failed gzip_ends_at_trailer"),
        (gzip.compress(CSV_BYTES + b'1,"open'), "failed csv_ends_outside_quotes"),
        (gzip.compress(CSV_BYTES + b"1,2\n"), "failed last_row_as_wide_as_header"),
        (b"", "failed header_present"),
        (gzip.compress(CSV_BYTES) + b"more", "ExportInterrupted Other bytes"),
        (b"{}", "NotAnExport The answer"),
    ],
    ids=["cut", "an open quote", "a short last record", "nothing", "bytes behind it", "JSON"],
)
def test_inspect_refuses_what_is_not_whole(export_bytes: bytes, what: str, shown: Shown, tmp_path: Path) -> None:
    export = tmp_path / "users.csv.gz"
    export.write_bytes(export_bytes)
    code, printed = shown("inspect", export)
    assert code == 3
    assert what in " ".join(printed.split())
