"""`make pictures`: draw what docs/pictures/ shows: a real `make run`, and the layout of the dashboard."""

import io
import json
import re
import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tools import demo
from tools.template import deploy

PICTURES: Final = Path(__file__).parents[1] / "docs" / "pictures"
RUN_COLUMNS, DASHBOARD_COLUMNS = 92, 168
"""As narrow as the longest line of a run: GitHub shrinks a picture to 830 pixels or so, its letters too."""
FORMAT: Final = re.sub(r"@font-face \{\{.*?\}\}|<!--.*?-->", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""Without fonts from elsewhere: a picture asks no other host for anything."""

_SEARCHED: Final = re.compile(r'MetricName="(\w+)"')
_KINDS: Final = {"timeSeries": "line over time", "singleValue": "one number"}


def main() -> int:
    """Draw both; the exit code is that of the run."""
    PICTURES.mkdir(exist_ok=True)
    console = Console(record=True, width=RUN_COLUMNS, highlight=False, file=io.StringIO())
    code = demo.run(demo.options([]), console)
    _write("run.svg", console, "make run")
    console = Console(record=True, width=DASHBOARD_COLUMNS, highlight=False, file=io.StringIO())
    console.print(dashboard())
    _write("dashboard.svg", console, "The dashboard: which widget has which metrics")
    return code


def _write(name: str, console: Console, title: str) -> None:
    svg = console.export_svg(title=title, unique_id=name.partition(".")[0], code_format=FORMAT)
    (PICTURES / name).write_text(svg, encoding="utf-8")


def dashboard() -> Group:
    """Return the widgets of the template's dashboard, where and as wide as CloudWatch shows them."""
    widgets = json.loads(deploy({"ChainIds": "1743"}).properties("Dashboard")["DashboardBody"])["widgets"]
    return Group(*(_row(list(row)) for _, row in groupby(widgets, key=lambda widget: widget["y"])))


def _row(widgets: list[Mapping[str, Any]]) -> Table:
    row = Table.grid(expand=True)
    for widget in widgets:
        row.add_column(ratio=widget["width"])
    row.add_row(*map(_panel, widgets))
    return row


def _panel(found: Mapping[str, Any]) -> Panel:
    widget = found["properties"]
    text = Text("\n".join(_metrics(widget)))
    return Panel(
        text, title=widget["title"], subtitle=_KINDS[widget["view"]], title_align="left", height=found["height"]
    )


def _metrics(widget: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of a widget's metrics."""
    for metric in widget["metrics"]:
        first = metric[0]
        yield f"{_SEARCHED.findall(first['expression'])[0]}, each chain" if isinstance(first, dict) else metric[1]


if __name__ == "__main__":
    sys.exit(main())
