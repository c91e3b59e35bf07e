"""Division: of two whole numbers it is whole in Trino, and not in DuckDB."""

from typing import Final

from sqlglot import exp

from sandbox.athena.trino.inference import type_of

_NUMBER: Final = "division"
_WHOLE: Final = frozenset({exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT})


def number_divisions(query: exp.Expr) -> None:
    """Number the divisions, so that they are found again once the columns are resolved."""
    for number, division in enumerate(query.find_all(exp.Div)):
        division.meta[_NUMBER] = number


def make_whole(query: exp.Expr, resolved: exp.Expr) -> None:
    """Replace each division of whole numbers by one that leaves out the rest, as the resolved query tells."""
    whole = {division.meta.get(_NUMBER) for division in resolved.find_all(exp.Div) if _is_whole(division)}
    found = [division for division in query.find_all(exp.Div) if division.meta.get(_NUMBER) in whole]
    for division in reversed(found):  # the inner ones first
        division.replace(exp.IntDiv(this=division.this.copy(), expression=division.expression.copy()))


def _is_whole(division: exp.Div) -> bool:
    kinds = [type_of(part) for part in (division.left, division.right)]
    return all(kind is not None and kind.this in _WHOLE for kind in kinds)
