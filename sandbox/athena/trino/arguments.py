"""The arguments of functions, where DuckDB converts what Trino does not."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlglot import exp

from sandbox.athena.trino.inference import type_of
from sandbox.athena.trino.refusal import Refused
from sandbox.athena.trino.types import Family, family, shown
from sandbox.athena.trino.wording import rewritten, written

_TEXT, _NUMBER, _BOOLEAN = {Family.TEXT}, {Family.NUMBER}, {Family.BOOLEAN}
_TIME = {Family.DATE, Family.TIMESTAMP}
_WANTED: Final[Sequence[tuple[tuple[type[exp.Expr], ...], str, set[Family]]]] = (
    ((exp.Lower, exp.Upper, exp.Length, exp.Trim, exp.Substring, exp.Replace, exp.Split, exp.SplitPart), "this", _TEXT),
    ((exp.StrPosition, exp.RegexpLike, exp.RegexpExtract, exp.RegexpReplace, exp.StartsWith, exp.Pad), "this", _TEXT),
    ((exp.StrToTime, exp.GroupConcat), "this", _TEXT),
    ((exp.Sum, exp.Avg), "this", _NUMBER | {Family.INTERVAL}),
    ((exp.Round, exp.Floor, exp.Ceil, exp.Abs, exp.Sqrt, exp.Stddev, exp.Variance), "this", _NUMBER),
    ((exp.CountIf, exp.LogicalAnd, exp.LogicalOr), "this", _BOOLEAN),
    ((exp.TimestampTrunc, exp.DateTrunc, exp.TimeToStr, exp.DateAdd), "this", _TIME),
    ((exp.DateDiff,), "this", _TIME),
    ((exp.DateDiff,), "expression", _TIME),
    (
        (exp.Year, exp.Month, exp.Day, exp.Quarter, exp.Week, exp.DayOfWeek, exp.DayOfYear),
        "this",
        _TIME | {Family.INTERVAL},
    ),
)
_CALLED: Final[Mapping[type[exp.Expr], str]] = {
    exp.StrToTime: "date_parse",
    exp.TimeToStr: "date_format",
    exp.TimestampTrunc: "date_trunc",
}


def check_arguments(tree: exp.Expr) -> None:
    """Raise `Refused` for the first function that Trino has not for an argument of this type."""
    for node in tree.walk(bfs=False):
        for kinds, name, wanted in _WANTED:
            if isinstance(node, kinds) and isinstance(argument := node.args.get(name), exp.Expr):
                _check(node, argument, wanted)


def _check(node: exp.Expr, argument: exp.Expr, wanted: set[Family]) -> None:
    argument = argument.expressions[0] if isinstance(argument, exp.Distinct) else argument
    kind = type_of(argument)
    found = family(kind)
    if kind is None or found is None or found in wanted:
        return
    function = _CALLED.get(type(node)) or written(node).partition("(")[0]
    says = f"FUNCTION_NOT_FOUND: Unexpected parameters ({shown(kind)}) for function {function}"
    raise Refused(written(node), says, f"{written(argument)} is {found.value}; {_cure(argument, wanted)}")


def _cure(argument: exp.Expr, wanted: set[Family]) -> str:
    if wanted == _TEXT:
        return f"write {rewritten(argument, Family.TEXT)}."
    if wanted == _BOOLEAN:
        return "give it a condition."
    name = written(argument)
    return f"write try_cast({name} AS double)." if Family.NUMBER in wanted else f"write date({name})."
