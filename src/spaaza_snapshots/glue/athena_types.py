"""The Athena columns of a table whose rows are one of our dataclasses as JSON."""

from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

_SCALARS: Final[Mapping[object, str]] = {str: "string", int: "bigint", bool: "boolean"}


def athena_columns(row: type, *, without: Collection[str] = ()) -> dict[str, str]:
    """Return the Athena type of each field not in `without`; KeyError for a type that is not supported."""
    hints = get_type_hints(row)
    return {field.name: _athena_type(hints[field.name]) for field in fields(row) if field.name not in without}


def _athena_type(hint: Any) -> str:
    if isinstance(hint, UnionType):  # `X | None`
        (hint,) = (member for member in get_args(hint) if member is not NoneType)
    if get_origin(hint) is tuple:
        return f"array<{_athena_type(get_args(hint)[0])}>"
    if is_dataclass(hint) and isinstance(hint, type):
        return f"struct<{','.join(f'{name}:{kind}' for name, kind in athena_columns(hint).items())}>"
    return _SCALARS[hint]
