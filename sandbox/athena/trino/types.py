"""Trino's types, in families: inside one, and from date to timestamp, it converts by itself; between others never.

Source: TypeCoercion.coerceTypeBase in trinodb/trino, core/trino-main/src/main/java/io/trino/type.
"""

from enum import Enum
from typing import Final

from sqlglot import exp

Type = exp.DataType


class Family(Enum):
    """A family, with the words that a sentence calls it by."""

    TEXT = "text"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    DATE = "a date"
    TIMESTAMP = "a timestamp"
    INTERVAL = "an interval"
    ARRAY = "an array"
    ROW = "a row"


TEMPORAL: Final = frozenset({Family.DATE, Family.TIMESTAMP})

_D = exp.DType
_FAMILIES: Final = {
    **dict.fromkeys((_D.TEXT, _D.VARCHAR, _D.CHAR), Family.TEXT),
    **dict.fromkeys((_D.TINYINT, _D.SMALLINT, _D.INT, _D.BIGINT, _D.FLOAT, _D.DOUBLE, _D.DECIMAL), Family.NUMBER),
    **dict.fromkeys((_D.TIMESTAMP, _D.TIMESTAMPTZ), Family.TIMESTAMP),
    _D.BOOLEAN: Family.BOOLEAN,
    _D.DATE: Family.DATE,
    _D.INTERVAL: Family.INTERVAL,
    _D.ARRAY: Family.ARRAY,
    _D.STRUCT: Family.ROW,
}
_SHOWN: Final = {
    _D.TEXT: "varchar",
    _D.INT: "integer",
    _D.FLOAT: "real",
    _D.TIMESTAMP: "timestamp(3)",
    _D.TIMESTAMPTZ: "timestamp(3) with time zone",
    _D.INTERVAL: "interval day to second",
}


def of_glue(hive: str) -> Type:
    """Return the type of a column in Glue."""
    return exp.DataType.build(hive, dialect="hive")


def family(kind: Type | None) -> Family | None:
    """Return the family of a type; None for one that is not judged."""
    return None if kind is None else _FAMILIES.get(kind.this)


def meet(left: Family | None, right: Family | None) -> bool:
    """Whether Trino finds a common type; what is not known passes."""
    return left is None or right is None or left is right or {left, right} == TEMPORAL


def shown(kind: Type) -> str:
    """Return a type as Trino's messages have it."""
    if kind.this in _SHOWN and not kind.expressions:
        return _SHOWN[kind.this]
    return kind.sql("trino").lower().replace(", ", ",")


def literal_type(literal: exp.Literal) -> Type:
    """Return the type of a literal: `varchar(4)`, `integer`, `decimal(3,1)`."""
    text = literal.name
    if literal.is_string:
        return exp.DataType.build(f"varchar({len(text)})") if text else exp.DataType.build("varchar")
    if "e" in text.lower():
        return exp.DataType.build("double")
    if "." in text:
        whole, _, part = text.partition(".")
        return exp.DataType.build(f"decimal({len(whole.lstrip('0') + part) or 1}, {len(part)})")
    return exp.DataType.build("int" if int(text) < 2**31 else "bigint")
