"""How something is broken and mended again: with a service's own calls, or by what the wire answers."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME
from tools.broken_setups.place import Place

Breaking = Callable[[Place], AbstractContextManager[None]]


@dataclass(frozen=True)
class Break:
    """One broken set-up: what was broken, and the `with` in which it is."""

    name: str
    breaking: Breaking


@contextmanager
def _faulted(place: Place, by_operation: Mapping[str, faults.Fault], key_contains: str = "") -> Iterator[None]:
    """Break calls for as long as this lasts."""
    wire = place.stack.wire
    wire.clear()
    for operation, fault in by_operation.items():
        wire.fail(operation, fault, times=EVERY_TIME, key_contains=key_contains)
    place.answer_what_moto_lacks()
    yield
    wire.clear()
    place.answer_what_moto_lacks()


def refused(operation: str, code: str, status: int = 400, key_contains: str = "") -> Breaking:
    """Have AWS refuse a call with this code."""
    return partial(_faulted, by_operation={operation: faults.error(status, code)}, key_contains=key_contains)


def all_refused(status: int, codes: Mapping[str, str]) -> Breaking:
    """Have AWS refuse several calls, each with its code."""
    return partial(_faulted, by_operation={operation: faults.error(status, code) for operation, code in codes.items()})


def answered_with(operation: str, old: str, new: str, key_contains: str = "") -> Breaking:
    """Have AWS answer a call with another text in place of this one."""
    return partial(_faulted, by_operation={operation: faults.rewritten(old, new)}, key_contains=key_contains)


def done(service: str, breaking: Callable[[Any, Place], object], mending: Callable[[Any, Place], object]) -> Breaking:
    """Do one thing with a service's client, and another that undoes it."""

    @contextmanager
    def with_client(place: Place) -> Iterator[None]:
        client = place.client(service)
        breaking(client, place)
        yield
        mending(client, place)

    return with_client
