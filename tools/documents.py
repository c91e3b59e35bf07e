"""Write the generated parts of docs/: tables of metrics, commands and columns, and the chart of the rooms."""

import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any, Final

import grimp

from spaaza_snapshots.base.telemetry import METRICS
from tools.command_pages import commands_table
from tools.dictionary import columns_table

ROOT = Path(__file__).parents[1]
PACKAGE = "spaaza_snapshots"
KNOWN_TO_ALL = ("base", "errors")


def metrics_table() -> str:
    """Return every declared metric as Markdown."""
    rows = [
        f"| `{name}`{' *' if metric.by_chain else ''} | {metric.unit.value} | {metric.meaning} |"
        for name, metric in METRICS.items()
    ]
    return "\n".join(["| metric | unit | meaning |", "| --- | --- | --- |", *rows, ""])


def layers() -> list[list[str]]:
    """Return the rooms, highest first, from the import contract in pyproject.toml."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = project["tool"]["importlinter"]["contracts"][0]
    return [layer.split(" | ") for layer in contract["layers"]]


def rooms_picture() -> str:
    """Return the rooms of the contract and their actual imports, as a Mermaid chart."""
    graph = grimp.build_graph(PACKAGE)
    rooms = [room for layer in layers() for room in layer if room not in KNOWN_TO_ALL]
    arrows = [
        f"    {above} --> {below}"
        for above, below in product(rooms, rooms)
        if above != below
        and graph.direct_import_exists(importer=f"{PACKAGE}.{above}", imported=f"{PACKAGE}.{below}", as_packages=True)
    ]
    return "\n".join(["```mermaid", "flowchart TD", *arrows, "```", ""])


GENERATED: Final[Mapping[str, Mapping[str, Callable[[], str]]]] = {
    "REFERENCE.md": {"commands": commands_table, "metrics": metrics_table},
    "ARCHITECTURE.md": {"rooms": rooms_picture},
    "QUERYING.md": {"columns": columns_table},
}


def with_generated(document: Path) -> str:
    """Return a document with its generated parts brought up to date."""
    text = document.read_text(encoding="utf-8")
    for section, make in GENERATED[document.name].items():
        text = with_section(document.name, text, section, make())
    return text


def with_section(name: str, text: str, section: str, content: str) -> str:
    """Return the text of the document `name` with what stands between the marks of one section replaced."""
    begin, end = rf"(<!-- {section}: .*? -->\n)", rf"(<!-- end of {section} -->)"
    made, times = re.subn(f"{begin}.*?{end}", lambda found: f"{found[1]}{content}{found[2]}", text, flags=re.DOTALL)
    if times != 1:
        raise ValueError(f"{name} has {times} places for {section}, not one")
    return made


def main() -> int:
    """Write them all."""
    for name in GENERATED:
        document = ROOT / "docs" / name
        document.write_text(with_generated(document), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
