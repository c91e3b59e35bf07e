"""Write the generated parts of docs/: the table of metrics, the chart of the rooms, the dictionary of the columns."""

import re
import sys
import tomllib
from itertools import product
from pathlib import Path
from typing import Any

import grimp

from spaaza_snapshots.base.telemetry import METRICS
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


GENERATED = {
    "REFERENCE.md": ("metrics", metrics_table),
    "ARCHITECTURE.md": ("rooms", rooms_picture),
    "QUERYING.md": ("columns", columns_table),
}


def with_generated(document: Path) -> str:
    """Return a document with its generated part written anew."""
    section, make = GENERATED[document.name]
    text = document.read_text(encoding="utf-8")
    made, times = re.subn(
        rf"(<!-- {section}: .*? -->\n).*?(<!-- end of {section} -->)",
        lambda found: f"{found[1]}{make()}{found[2]}",
        text,
        flags=re.DOTALL,
    )
    if times != 1:
        raise ValueError(f"{document.name} has {times} places for {section}, not one")
    return made


def main() -> int:
    """Write them all."""
    for name in GENERATED:
        document = ROOT / "docs" / name
        document.write_text(with_generated(document), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
