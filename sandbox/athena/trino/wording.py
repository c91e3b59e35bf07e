"""How a part of a query is written, and how it would be written right."""

import re
from collections.abc import Mapping
from typing import Final

from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.generators.trino import TrinoGenerator

from sandbox.athena.trino.inference import type_of
from sandbox.athena.trino.types import Family, family

PARAMETER: Final = "?"
_WRITTEN: Final = "written"
_KEYWORDS: Final = {Family.DATE: "DATE", Family.TIMESTAMP: "TIMESTAMP"}
_CASTS: Final = {Family.NUMBER: "bigint", Family.DATE: "date", Family.TIMESTAMP: "timestamp"}
_BITS: Final = {"0": "false", "1": "true"}
_FORMS: Final = {
    Family.DATE: re.compile(r"\d{4}-\d\d-\d\d"),
    Family.TIMESTAMP: re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d(\.\d+)?)?)?"),
    Family.NUMBER: re.compile(r"-?\d+(\.\d+)?"),
    Family.BOOLEAN: re.compile(r"true|false", re.IGNORECASE),
}


class _AsPeopleWrite(TrinoGenerator):
    def cast_sql(self, expression: exp.Cast, safe_prefix: str | None = None) -> str:
        if is_typed_literal(expression):
            return f"{expression.to.sql('trino')} {expression.this.sql('trino')}"
        return super().cast_sql(expression, safe_prefix)

    def currentdate_sql(self, _expression: exp.CurrentDate) -> str:
        return "current_date"


class _Shown(Trino):
    Generator = _AsPeopleWrite


def is_typed_literal(node: exp.Expr) -> bool:
    """Whether this is `DATE '…'` or `TIMESTAMP '…'`."""
    is_literal = isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and node.this.is_string
    return is_literal and family(type_of(node)) in _KEYWORDS


def keep_as_written(tree: exp.Expr) -> None:
    """Note in each part of a query how it reads, before its columns are resolved."""
    for node in tree.walk():
        if isinstance(node, exp.Condition):
            node.meta[_WRITTEN] = _sql(node)


def as_text(node: exp.Expr) -> exp.Expr:
    """Return a `?` as a text that reads like it, and anything else as it is."""
    if not isinstance(node, exp.Placeholder) or isinstance(node.parent, exp.Limit | exp.Offset | exp.Fetch):
        return node
    text = exp.cast(exp.Literal.string(PARAMETER), "varchar")
    text.meta[_WRITTEN] = PARAMETER
    return text


def written(node: exp.Expr) -> str:
    """Return a part of a query as its author knows it."""
    return str(node.meta.get(_WRITTEN) or _sql(node))


def is_constant(node: exp.Expr) -> bool:
    """Whether a part names no column and asks no other query."""
    return not list(node.find_all(exp.Column, exp.Query))


def rewritten(node: exp.Expr, wanted: Family) -> str | None:
    """Return how to write a part so that it has another type; None where nobody can say."""
    text = _literal_text(node)
    if wanted is Family.TEXT:
        return f"'{text}'" if text is not None else f"CAST({written(node)} AS varchar)"
    if written(node) == PARAMETER and wanted in _CASTS:
        return f"CAST(? AS {_CASTS[wanted]})"
    if wanted is Family.BOOLEAN and text in _BITS:
        return _BITS[text]
    if text is None or wanted not in _FORMS or not _FORMS[wanted].fullmatch(text):
        return None
    return f"{_KEYWORDS[wanted]} '{text}'" if wanted in _KEYWORDS else text.lower()


def corrected(whole: exp.Expr, parts: Mapping[str, str]) -> str:
    """Return how a part of a query reads with some of its own parts replaced."""
    text = written(whole)
    for old, new in parts.items():
        text = re.sub(rf"(?<![\w'.]){re.escape(old)}(?![\w'.])", lambda _, new=new: new, text)  # type: ignore[misc]
    return text


def _literal_text(node: exp.Expr) -> str | None:
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal):
        return f"-{node.this.name}"
    if isinstance(node, exp.Literal):
        return node.name
    if isinstance(node, exp.Boolean):
        return str(node.this).lower()
    return node.this.name if is_typed_literal(node) else None


def _sql(node: exp.Expr) -> str:
    return node.sql(_Shown, normalize_functions="lower", comments=False)
