"""The SDK: what a client was configured with, and what one process need not find out for each of many clients."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import botocore.client
import botocore.hooks
import botocore.regions
import botocore.session
import pytest
from botocore.config import Config
from botocore.endpoint_provider import EndpointProvider
from botocore.hooks import EventAliaser
from botocore.loaders import create_loader


def read_timeout_seconds(config: Config) -> float:
    """Return how long an answer is waited for; botocore's stub leaves out what a `Config` was given."""
    given: Any = config
    seconds: float = given.read_timeout
    return seconds


def find_out_once(patch: pytest.MonkeyPatch) -> None:
    """Have all sessions share what follows from botocore's own files and code alone.

    Each would find it out again: the files of a service take a client 0.1 s, their rules for endpoints 2 ms, and the
    first error 5 ms; and a session inspects each of the 128 handlers that are built in and looks up the name of its
    event, which takes 12 ms.
    """
    patch.setattr(botocore.session, "create_loader", cache(create_loader))
    patch.setattr(botocore.client, "ServiceModel", _once_for_each_file(botocore.client.ServiceModel))
    patch.setattr(botocore.regions, "EndpointProvider", _once_for_each_file(EndpointProvider))
    patch.setattr(botocore.session, "EventAliaser", _Aliaser)
    patch.setattr(botocore.hooks, "accepts_kwargs", _once_for_each_function(botocore.hooks.accepts_kwargs))


class _Aliaser(EventAliaser):
    """botocore's own, which keeps the names that it has looked up, here for all sessions."""

    _names: dict[str, str] = {}  # noqa: RUF012 - shared on purpose

    def __init__(self, event_emitter: Any, event_aliases: Mapping[str, str] | None = None) -> None:
        super().__init__(event_emitter, event_aliases)
        self._alias_name_cache = self._names


def _once_for_each_file(make: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[int, tuple[object, Any]] = {}  # with the content, so that no other gets its id

    def made(*given: Any, **named: Any) -> Any:
        content = next(iter((*given, *named.values())))
        if id(content) not in known:
            known[id(content)] = content, make(*given, **named)
        return known[id(content)][1]

    return made


def _once_for_each_function(inspect: Callable[[Any], Any]) -> Callable[[Any], Any]:
    known: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()  # a handler may be a method of a client, which must go

    def inspected(handler: Any) -> Any:
        function = getattr(handler, "__func__", handler)
        if function not in known:
            known[function] = inspect(handler)
        return known[function]

    return inspected
