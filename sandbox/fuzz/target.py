"""What a target is: a function of bytes that returns nothing, and raises `Finding` if the product breaks a promise."""

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final, TypeVar

from spaaza_snapshots.errors import SnapshotError

T = TypeVar("T")
Bytes = Callable[[bytes], bytes]
"""The fuzzer's own mutation."""

MARK: Final = "Jq7mark"
"""Stands for what is personal or secret: seeds and dictionaries are full of it, and no error may quote it."""

LONGEST_TEXT: Final = 1_000
"""In characters, of an error: it is a line in a log, an e-mail and an event."""


class Finding(AssertionError):
    """The product broke a promise on this input."""


@dataclass(frozen=True, slots=True)
class Target:
    """One reader of foreign bytes: what runs it, what its search starts from, and how it changes an input."""

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    mutate: Callable[[bytes, Bytes, Random], bytes]
    words: tuple[bytes, ...] = ()
    longest_bytes: int = 4_096


def same(what: str, found: object, wanted: object) -> None:
    """Raise `Finding` unless both are equal."""
    if found != wanted:
        raise Finding(f"{what}: {found!r}, not {wanted!r}")


def ended(ask: Callable[[], T], allowed: Iterable[type[SnapshotError]], private: Iterable[str] = (MARK,)) -> T | None:
    """Return what was asked for, or None if it was refused by an allowed error that quotes nothing private."""
    found = refusal_or_answer(ask, allowed, private)
    return None if isinstance(found, SnapshotError) else found


def refusal_or_answer(
    ask: Callable[[], T], allowed: Iterable[type[SnapshotError]], private: Iterable[str] = (MARK,)
) -> T | SnapshotError:
    """Return what was asked for, or the allowed error; any other error of the product is a `Finding`, or goes on."""
    try:
        return ask()
    except SnapshotError as error:
        if type(error) not in allowed:
            raise Finding(f"{type(error).__name__} is not documented here") from error
        _refuse_telling(error, private)
        return error


def pieces(data: bytes, sizes: bytes) -> Iterator[bytes]:
    """Cut data into pieces whose lengths are the squares of these bytes in turn; 0 is all that is left."""
    start = turn = 0
    while start < len(data):
        size = sizes[turn % len(sizes)] ** 2 if sizes else 0
        yield data[start : start + size] if size else data[start:]
        start, turn = start + (size or len(data)), turn + 1


def _refuse_telling(error: SnapshotError, private: Iterable[str]) -> None:
    if len(str(error)) > LONGEST_TEXT:
        raise Finding(f"an error of {len(str(error)):,} characters") from error
    shown = "".join(traceback.format_exception(error))
    told = [word for word in private if word in shown]
    if told:
        raise Finding(f"an error quotes {told}") from error
