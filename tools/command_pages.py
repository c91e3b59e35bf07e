"""The commands of `spaaza-snapshots` as Markdown, read from its own parser."""

import argparse
from collections.abc import Iterator

from spaaza_snapshots.cli.command import ExitCode
from spaaza_snapshots.cli.deployed import add_arguments
from spaaza_snapshots.cli.main import COMMANDS

EXIT_CODES = {
    ExitCode.GOOD: "good",
    ExitCode.FAILED: "failed",
    ExitCode.USAGE: "usage: the command line, or a request that cannot be done",
    ExitCode.DAMAGED: "held or damaged: the command did its work, the data needs a person",
    ExitCode.CREDENTIALS: "credentials: of AWS, or the session with Spaaza",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C",
}


def commands_table() -> str:
    """Return every command with its own options, and every exit code."""
    rows = ["| command | what it does | options of its own |", "| --- | --- | --- |"]
    for command in COMMANDS:
        parser = argparse.ArgumentParser(add_help=False)
        command.add_arguments(parser)
        options = "<br>".join(_options(parser)) or "none"
        rows.append(f"| `{command.name}` | {command.help} | {options} |")
    codes = [f"| {code.value} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    return "\n".join([*rows, "", "| exit code | meaning |", "| --- | --- |", *codes, ""])


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield each argument that not every command has."""
    common = argparse.ArgumentParser(add_help=False)
    add_arguments(common)
    names = {action.dest for action in common._actions}
    for action in parser._actions:
        if action.dest not in names:
            name = action.option_strings[0] if action.option_strings else action.dest.upper()
            yield f"`{name}` {action.help}"
