"""Run the whole flow under the template's roles, and list the calls made and denied."""

import sys
from typing import Any

import pytest

TESTS = ("tests/stack/test_iam.py", "tests/stack/test_iam_rotation.py", "tests/stack/test_iam_analyst.py")


class CallsByRole:
    """Prints what the tests recorded, below their own output."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the lines of a finished test."""
        if report.when == "call":
            self._lines += [str(value) for name, value in report.user_properties if name == "call"]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print them all."""
        terminalreporter.section("Calls by role")
        for line in self._lines:
            terminalreporter.write_line(line)


if __name__ == "__main__":
    sys.exit(pytest.main([*TESTS], plugins=[CallsByRole()]))
