"""Reads JSON into frozen dataclasses, strictly by the declared types of their fields."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

D = TypeVar("D")


def read_as(kind: type[D], document: object) -> D:
    """Return a document as a dataclass; unknown fields, which a later release may have added, are ignored.

    Fields may be str, int, bool, a dataclass, a tuple of one of these, or one of these or None. Raises `TypeError` for
    any other value, and for a missing field without a default.
    """
    value: D = _value(kind, document)
    return value


def _value(kind: Any, value: Any) -> Any:
    if is_dataclass(kind):
        return _dataclass(kind, value)
    if get_origin(kind) is UnionType:
        (kind,) = (choice for choice in get_args(kind) if choice is not NoneType)
        return None if value is None else _value(kind, value)
    if get_origin(kind) is tuple:
        item, _ = get_args(kind)
        return tuple(_value(item, one) for one in _exactly(list, value))
    return _exactly(kind, value)


def _dataclass(kind: Any, document: Any) -> Any:
    if not isinstance(document, Mapping):
        raise TypeError(f"expected an object, not {type(document).__name__}")
    hints = _hints(kind)
    return kind(
        **{
            field.name: _value(hints[field.name], document.get(field.name))
            for field in fields(kind)
            if field.name in document or field.default is MISSING
        }
    )


_hints = cache(get_type_hints)


def _exactly(kind: type, value: Any) -> Any:
    # type(), not isinstance: in Python a JSON true is an int
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, not {type(value).__name__}")
    return value
