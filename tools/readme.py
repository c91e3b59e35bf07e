"""Write the table of metrics into docs/REFERENCE.md, out of the one in `telemetry.py`."""

import re
import sys
from pathlib import Path

from spaaza_snapshots.base.telemetry import METRICS

REFERENCE = Path(__file__).parents[1] / "docs" / "REFERENCE.md"
_SECTION = re.compile(r"(<!-- metrics: .*? -->\n).*?(<!-- end of metrics -->)", re.DOTALL)


def metrics_table() -> str:
    """Return every declared metric as Markdown."""
    rows = [
        f"| `{name}`{' *' if metric.by_chain else ''} | {metric.unit.value} | {metric.meaning} |"
        for name, metric in METRICS.items()
    ]
    return "\n".join(["| metric | unit | meaning |", "| --- | --- | --- |", *rows, ""])


def with_metrics(text: str) -> str:
    """Return the reference with its table made anew."""
    return _SECTION.sub(lambda found: f"{found[1]}{metrics_table()}{found[2]}", text)


def main() -> int:
    """Write docs/REFERENCE.md."""
    REFERENCE.write_text(with_metrics(REFERENCE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
