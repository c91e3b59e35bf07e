"""How a command that asks and stores ends early: one sentence that says how things stand, and an exit code."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from spaaza_snapshots.cli.command import ExitCode, exit_code_of
from spaaza_snapshots.errors import InvalidRequest, SnapshotError


class Stopped(Exception):
    """An early end, told in one sentence."""

    def __init__(self, sentence: str, exit_code: ExitCode) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


@contextmanager
def telling(state: str) -> Iterator[None]:
    """Make every early end one sentence that says how things stand; nothing of what was typed is in it."""
    try:
        yield
    except (KeyboardInterrupt, EOFError):
        # on a new line: the prompt stands there
        raise Stopped(f"\nStopped; {state}.", ExitCode.INTERRUPTED) from None
    except UnicodeError:
        raise Stopped(f"What was typed is not in the terminal's encoding; {state}.", ExitCode.FAILED) from None
    except InvalidRequest:
        raise  # of the command itself, whose hint says what to change in it
    except SnapshotError as error:
        detail = f" ({error.detail})" if error.detail else ""
        raise Stopped(f"{error.what}{detail}; {state}.", exit_code_of(error)) from None


@contextmanager
def without_ctrl_c() -> Iterator[list[int]]:
    """Let Ctrl-C wait; yields what becomes non-empty once it was pressed."""
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
