"""How the process of a Lambda function is started."""

from collections.abc import Callable, Mapping
from pathlib import Path

from sandbox.aws.processes import Process, start

Launch = Callable[[Mapping[str, str], Path], Process]
"""What starts the runtime client with these environment variables, both of its outputs appended to this file."""


def launched_by(python: str) -> Launch:
    """Start it with this Python, by its full path; the default of a function is that of the sandbox itself."""

    def launch(variables: Mapping[str, str], log: Path) -> Process:
        command = [python, "-m", "awslambdaric", variables["_HANDLER"]]
        return start(command, environment=variables, cwd=Path(variables["LAMBDA_TASK_ROOT"]), log=log)

    return launch
