"""GROUP BY: what is selected is grouped, or aggregated, or constant."""

from collections.abc import Iterator
from typing import Final

from sqlglot import exp

from sandbox.athena.trino.refusal import Refused
from sandbox.athena.trino.wording import written
from sandbox.athena.trino.words import words

_NAMED_AGGREGATES: Final = words("aggregates")


def check_grouping(tree: exp.Expr) -> None:
    """Raise `Refused` for a column that is selected, or sorted by, beside an aggregate without being grouped.

    Also for an aggregate or a window in WHERE, and for an order by what SELECT DISTINCT has left out.
    """
    for select in tree.find_all(exp.Select):
        _check_where(select)
        _check_distinct(select)
        grouped = list(_grouped(select))
        if grouped or any(_is_aggregated(item) for item in select.selects):
            for item in [*select.selects, *_after(select)]:
                _check(item, grouped, {name.alias for name in select.selects if name.alias})


def _check_where(select: exp.Select) -> None:
    where = select.args.get("where")
    for node in where.walk(prune=lambda node: isinstance(node, exp.Query)) if where is not None else ():
        if isinstance(node, exp.Window) or _is_aggregate(node):
            cures = "put the window function into a subquery.", "put its condition into HAVING."
            says = "EXPRESSION_NOT_SCALAR: WHERE clause cannot contain aggregations, window functions or …"
            raise Refused(written(node), says, cures[_is_aggregate(node)])


def _check_distinct(select: exp.Select) -> None:
    order = select.args.get("order")
    if order is None or select.args.get("distinct") is None:
        return
    names = {item.alias_or_name for item in select.selects}
    values = [item.unalias() for item in select.selects]
    for ordered in order.expressions:
        item = ordered.this
        is_named = isinstance(item, exp.Column) and not item.table and item.name in names
        if isinstance(item, exp.Column) and not is_named and item not in values:
            says = "EXPRESSION_NOT_IN_DISTINCT: For SELECT DISTINCT, ORDER BY expressions must appear in select list"
            raise Refused(f"ORDER BY {written(item)}", says, f"add {written(item)} to SELECT.")


def _grouped(select: exp.Select) -> Iterator[exp.Expr]:
    group = select.args.get("group")
    if group is not None:
        for part in group.walk():
            if isinstance(part, exp.Condition):
                yield part


def _after(select: exp.Select) -> Iterator[exp.Expr]:
    for name in ("having", "order"):
        if found := select.args.get(name):
            yield found


def _is_aggregate(node: exp.Expr) -> bool:
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in _NAMED_AGGREGATES
    return isinstance(node, exp.AggFunc)


def _is_aggregated(item: exp.Expr) -> bool:
    """Whether a part aggregates; an aggregate OVER a window does not, but what it is given may."""
    if isinstance(item, exp.Query):
        return False
    if isinstance(item, exp.Window):
        return any(_is_aggregated(part) for part in _of_window(item))
    return _is_aggregate(item) or any(_is_aggregated(part) for part in item.iter_expressions())


def _of_window(window: exp.Window) -> Iterator[exp.Expr]:
    yield from _bare(window.this).iter_expressions()
    yield from window.args.get("partition_by") or ()
    if order := window.args.get("order"):
        yield order


def _check(item: exp.Expr, grouped: list[exp.Expr], aliases: set[str]) -> None:
    if item in grouped or isinstance(item, exp.Query) or _is_aggregate(_bare(item)):
        return
    if isinstance(item, exp.Column):
        if item.table or item.name not in aliases:
            name = written(item)
            cure = f"it is neither grouped nor aggregated; add it to GROUP BY, or write any_value({name})."
            says = f"'{name}' must be an aggregate expression or appear in GROUP BY clause"
            raise Refused(name, f"EXPRESSION_NOT_AGGREGATE: {says}", cure)
        return
    for part in _of_window(item) if isinstance(item, exp.Window) else item.iter_expressions():
        _check(part, grouped, aliases)


def _bare(function: exp.Expr) -> exp.Expr:
    """Return a function without its FILTER and the like."""
    while isinstance(function, exp.Filter | exp.WithinGroup | exp.IgnoreNulls | exp.RespectNulls):
        function = function.this
    return function
