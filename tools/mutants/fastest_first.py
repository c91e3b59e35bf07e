"""A pytest plugin: the fastest tests first, so that a mutant that is killed costs little."""

import json
from pathlib import Path
from typing import Any

import pytest

STATS = Path("mutmut-stats.json")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the tests by what mutmut measured, and name them without their parameters.

    mutmut hands the names back to pytest, which does not find again every name that it made of a parameter.
    """
    for item in items:
        item._id = type(item.id).parse(item.nodeid.partition("[")[0])
    if config.option.collectonly or not STATS.exists():
        return
    seconds: dict[str, Any] = json.loads(STATS.read_text(encoding="utf-8"))["duration_by_test"]
    items.sort(key=lambda item: seconds.get(item.nodeid, 0))
