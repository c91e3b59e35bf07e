"""The type of each expression of a query whose columns are resolved; None where it is not known."""

from collections.abc import Container, Iterable, Mapping
from typing import Final, TypeAlias

from sqlglot import exp
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.scope import Scope, traverse_scope

from sandbox.athena.trino.types import TEMPORAL, Family, Type, family, literal_type

Tables: TypeAlias = Mapping[str, Mapping[str, Type]]

_BUILD = exp.DataType.build
_BY_CLASS: Final[Mapping[str, tuple[type[exp.Expr], ...]]] = {
    "bigint": (
        exp.Count, exp.CountIf, exp.ApproxDistinct, exp.Length, exp.StrPosition, exp.Levenshtein, exp.RowNumber,
        exp.Rank, exp.DenseRank, exp.Ntile, exp.DateDiff, exp.Year, exp.Quarter, exp.Month, exp.Week, exp.Day,
        exp.DayOfWeek, exp.DayOfMonth, exp.DayOfYear, exp.Extract,
    ),
    "double": (exp.Sqrt, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.TimeToUnix),
    "varchar": (
        exp.Lower, exp.Upper, exp.Trim, exp.Substring, exp.Replace, exp.TimeToStr, exp.RegexpExtract,
        exp.RegexpReplace, exp.SplitPart, exp.ArrayToString, exp.GroupConcat, exp.Chr, exp.Pad, exp.JSONExtractScalar,
    ),
    "boolean": (
        exp.Predicate, exp.Connector, exp.Not, exp.Boolean, exp.Exists, exp.LogicalAnd, exp.LogicalOr, exp.StartsWith,
        exp.RegexpLike, exp.ArrayContains,
    ),
    "date": (exp.CurrentDate, exp.Date, exp.StrToDate),
    "timestamp": (exp.StrToTime, exp.Localtimestamp),
    "timestamptz": (exp.CurrentTimestamp, exp.UnixToTime),
    "interval": (exp.Interval,),
    "array": (exp.Array, exp.ArrayAgg, exp.Split),
}  # fmt: skip
_TYPE_OF_CLASS: Final = {kind: _BUILD(name) for name, kinds in _BY_CLASS.items() for kind in kinds}
_SAME: Final = (
    exp.Paren, exp.Neg, exp.Window, exp.Filter, exp.WithinGroup, exp.Alias, exp.IgnoreNulls, exp.RespectNulls,
    exp.Distinct, exp.Ordered, exp.Sum, exp.AnyValue, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue,
    exp.Abs, exp.Round, exp.Ceil, exp.Floor, exp.TimestampTrunc, exp.DateTrunc, exp.DateAdd, exp.Nullif, exp.Try,
)  # fmt: skip
"""Of the type of their first part."""

ARITHMETIC: Final = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)


def annotate(tree: exp.Expr, tables: Tables) -> None:
    """Give each column its type; raises `OptimizeError` for one of HAVING that is in no table."""
    for scope in traverse_scope(tree):
        _resolve_having(scope, tables)
        for column in scope.columns:
            column.type = _column_type(column, scope, tables)


def _resolve_having(scope: Scope, tables: Tables) -> None:
    """Name the tables of the columns in HAVING, which sqlglot leaves alone for dialects that allow an alias there."""
    having = scope.expression.args.get("having")
    for column in having.find_all(exp.Column) if having is not None else ():
        if column.table or column.find_ancestor(exp.Select) is not scope.expression:
            continue
        found = [
            name for name, (_, source) in scope.selected_sources.items() if column.name in _columns(source, tables)
        ]
        if not found:
            raise OptimizeError(f"Column '{column.name}' could not be resolved")
        column.set("table", exp.to_identifier(found[0], quoted=True))


def _columns(source: exp.Expr | Scope, tables: Tables) -> Container[str]:
    if isinstance(source, exp.Table):
        return tables.get(source.name, {})
    query = source.expression if isinstance(source, Scope) else source
    if isinstance(query, exp.UDTF):
        return query.alias_column_names
    return query.named_selects if isinstance(query, exp.Query) else ()


def branches(node: exp.Expr) -> list[exp.Expr]:
    """Return the expressions of which a CASE, IF or COALESCE returns one."""
    if isinstance(node, exp.Case):
        found = [*(when.args["true"] for when in node.args["ifs"]), node.args.get("default")]
    elif isinstance(node, exp.If):
        found = [node.args.get("true"), node.args.get("false")]
    else:
        found = [node.this, *node.expressions]
    return [branch for branch in found if branch is not None]


def type_of(node: exp.Expr) -> Type | None:  # noqa: C901 - a table of cases
    """Return the type of an expression."""
    if isinstance(node, exp.Column):
        return node.type if node.type and node.type.this is not exp.DType.UNKNOWN else None
    if isinstance(node, exp.Literal):
        return literal_type(node)
    if isinstance(node, exp.Cast):
        return node.to
    if isinstance(node, exp.Dot):
        return _field(type_of(node.this), node.expression.name)
    if isinstance(node, exp.Case | exp.If | exp.Coalesce | exp.Greatest | exp.Least):
        return _first(branches(node))
    if isinstance(node, exp.Max | exp.Min | exp.ArgMax | exp.ArgMin):  # with a number they return an array
        counted = node.args.get("expressions") or node.args.get("count")
        return None if counted else type_of(node.this)
    if isinstance(node, exp.Avg):
        return _BUILD("double") if family(type_of(node.this)) is Family.NUMBER else None
    if isinstance(node, exp.Any | exp.All):  # of a comparison with each row of a query
        return type_of(node.this.unnest())
    if isinstance(node, exp.Subquery | exp.Select):
        selects = node.selects
        return type_of(selects[0]) if len(selects) == 1 else None
    if isinstance(node, exp.DPipe | exp.Concat):
        return _concatenated(node)
    if isinstance(node, ARITHMETIC):
        return calculated(node)
    if isinstance(node, _SAME):
        return type_of(node.this)
    return next((_TYPE_OF_CLASS[kind] for kind in type(node).__mro__ if kind in _TYPE_OF_CLASS), None)


def calculated(node: exp.Binary) -> Type | None:
    """Return the type of a sum, difference, product or quotient; None if Trino has none, or a part is not known."""
    left, right = type_of(node.left), type_of(node.right)
    families = family(left), family(right)
    if families == (Family.NUMBER, Family.NUMBER):
        return left if isinstance(node, exp.Mod) else _wider(left, right)
    if isinstance(node, exp.Sub) and set(families) <= TEMPORAL:
        return _BUILD("interval")
    for one, other in ((left, right), (right, left)):
        if family(other) is Family.INTERVAL and family(one) in {*TEMPORAL, Family.INTERVAL, Family.NUMBER}:
            return other if family(one) is Family.NUMBER else one
    return None


def is_calculable(node: exp.Binary) -> bool:
    """Whether Trino has the operator for these families; what is not known passes."""
    families = family(type_of(node.left)), family(type_of(node.right))
    if None in families:
        return True
    if isinstance(node, exp.Add | exp.Sub):
        numbers = [found is Family.NUMBER for found in families]
        return calculated(node) is not None and (all(numbers) or not any(numbers))
    return set(families) <= {Family.NUMBER, Family.INTERVAL} and set(families) != {Family.INTERVAL}


def parts(node: exp.Expr) -> list[exp.Expr]:
    """Return what a concatenation joins."""
    return list(node.flatten()) if isinstance(node, exp.DPipe) else list(node.expressions)


def fields(kind: Type | None) -> list[tuple[str, Type]]:
    """Return the fields of a row."""
    if kind is None or kind.this is not exp.DType.STRUCT:
        return []
    return [(field.name, field.kind) for field in kind.expressions if isinstance(field, exp.ColumnDef) and field.kind]


def _first(nodes: Iterable[exp.Expr]) -> Type | None:
    return next((kind for kind in map(type_of, nodes) if kind is not None), None)


def _field(row: Type | None, name: str) -> Type | None:
    return dict(fields(row)).get(name)


def _concatenated(node: exp.Expr) -> Type | None:
    families = {family(type_of(part)) for part in parts(node)}
    return _BUILD("varchar") if families == {Family.TEXT} else None


def _wider(left: Type | None, right: Type | None) -> Type | None:
    order = ("tinyint", "smallint", "int", "bigint", "decimal", "float", "double")
    ranks = [order.index(kind.this.value.lower()) if kind else 0 for kind in (left, right)]
    return left if ranks[0] >= ranks[1] else right


def _column_type(column: exp.Column, scope: Scope | None, tables: Tables) -> Type | None:
    while scope is not None and column.table not in scope.sources:
        scope = scope.parent
    if scope is None:
        return None
    source = scope.sources[column.table]
    if isinstance(source, exp.Table):
        return tables.get(source.name, {}).get(column.name)
    return _output_type(source.expression, column.name)


def _output_type(query: exp.Expr, name: str) -> Type | None:
    """Return the type of a column that a subquery, a set operation, VALUES or UNNEST has."""
    if isinstance(query, exp.SetOperation):
        names = [select.alias_or_name for select in query.left.selects]
        if name not in names:
            return None
        return _first(side.selects[names.index(name)] for side in (query.left, query.right))
    if isinstance(query, exp.Unnest):
        return dict(zip(query.alias_column_names, _unnested(query), strict=False)).get(name)
    if isinstance(query, exp.Values):
        (row, *_) = query.expressions
        return dict(zip(query.alias_column_names, map(type_of, row.expressions), strict=False)).get(name)
    selects = query.selects if isinstance(query, exp.Selectable) else []
    return next((type_of(select) for select in selects if select.alias_or_name == name), None)


def _unnested(query: exp.Unnest) -> list[Type | None]:
    found: list[Type | None] = []
    for array in query.expressions:
        kind = type_of(array)
        element = kind.expressions[0] if kind and kind.this is exp.DType.ARRAY and kind.expressions else None
        found += [field for _, field in fields(element)] or [element]
    return found
