"""The operators and branches that Trino refuses, since it never converts between text, numbers and dates by itself."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from sqlglot import exp

from sandbox.athena.trino.inference import ARITHMETIC, branches, fields, is_calculable, parts, type_of
from sandbox.athena.trino.refusal import Refused
from sandbox.athena.trino.types import TEMPORAL, Family, family, meet, shown
from sandbox.athena.trino.wording import corrected, is_constant, rewritten, written

_COMPARISONS: Final = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_SIGNS: Final = dict(zip(ARITHMETIC, "+-*/%", strict=True))
_BRANCHES: Final[Mapping[type[exp.Expr], str]] = {
    exp.Coalesce: "All COALESCE operands",
    exp.Case: "All CASE results",
    exp.If: "Result types for IF",
}
_OPERATOR: Final = "TYPE_MISMATCH: Cannot apply operator: {} {} {}"
_COMMON: Final = "TYPE_MISMATCH: {} must be the same type or coercible to a common type. Cannot find common type"


def check_operators(tree: exp.Expr) -> None:
    """Raise `Refused` for the first operator or branch whose parts are of types that Trino keeps apart."""
    for node in tree.walk(bfs=False):
        for kinds, check in _CHECKS:
            if isinstance(node, kinds):
                check(node)


def _comparison(node: exp.Binary) -> None:
    _need_common(
        node, node.left, node.right, _OPERATOR.format(*_around(node.left, _COMPARISONS[type(node)], node.right))
    )


def _distinct(node: exp.Binary) -> None:
    says = f"TYPE_MISMATCH: Cannot check if {_shown(node.left)} is distinct from {_shown(node.right)}"
    _need_common(node, node.left, node.right, says)


def _between(node: exp.Between) -> None:
    bounds = node.args["low"], node.args["high"]
    says = "TYPE_MISMATCH: Cannot check if {} is BETWEEN {} and {}".format(*map(_shown, (node.this, *bounds)))
    for bound in bounds:
        _need_common(node, node.this, bound, says)


def _in(node: exp.In) -> None:
    query = node.args.get("query")
    for item in [query] if query is not None else node.expressions:
        found = _shown(node.this), _shown(item)
        says = (
            "TYPE_MISMATCH: value and result of subquery must be of the same type for IN expression: {} vs {}"
            if query is not None
            else f"{_COMMON.format('IN value and list items')} between {{}} and {{}}"
        )
        _need_common(node, node.this, item, says.format(*found))


def _like(node: exp.Binary) -> None:
    for part, side in ((node.left, "Left side of"), (node.right, "Pattern for")):
        if family(type_of(part)) not in {None, Family.TEXT}:
            says = f"TYPE_MISMATCH: {side} LIKE expression must evaluate to a varchar (actual: {_shown(part)})"
            raise Refused(written(node), says, _is_but(part, Family.TEXT))


def _arithmetic(node: exp.Binary) -> None:
    if is_calculable(node):
        return
    families = [family(type_of(part)) for part in (node.left, node.right)]
    says = _OPERATOR.format(*_around(node.left, _SIGNS[type(node)], node.right))
    if Family.TEXT in families:
        text = (node.left, node.right)[families.index(Family.TEXT)]
        cure = f"{written(text)} is text; for a number write CAST({written(text)} AS double)."
    elif TEMPORAL & set(families) and Family.NUMBER in families:
        days = (node.left, node.right)[families.index(Family.NUMBER)]
        cure = f"days are added as an interval: INTERVAL '{written(days)}' DAY, or date_add('day', n, x)."
    else:
        cure = "these cannot be calculated with."
    raise Refused(written(node), says, cure)


def _concatenation(node: exp.Expr) -> None:
    joined = parts(node)
    found = [family(type_of(part)) for part in joined]
    if {Family.ARRAY, None} & set(found):
        return
    for part, kind in zip(joined, found, strict=True):
        if kind is not Family.TEXT:
            says = f"FUNCTION_NOT_FOUND: Unexpected parameters ({', '.join(map(_shown, joined))}) for function concat"
            raise Refused(written(node), says, _is_but(part, Family.TEXT))


def _branching(node: exp.Expr) -> None:
    if node.arg_key == "ifs":  # WHEN … THEN, which is looked at with its CASE
        return
    known = [(branch, kind) for branch in branches(node) if (kind := family(type_of(branch)))]
    for branch, kind in known[1:]:
        first, wanted = known[0]
        if not meet(kind, wanted):
            pair = f"{_shown(first)} and {_shown(branch)}"
            what = _BRANCHES[type(node)]
            raise Refused(written(node), f"{_COMMON.format(what)} between {pair}", _differ(node, first, branch))


def _case_operand(node: exp.Case) -> None:
    if node.this is not None:
        for when in node.args["ifs"]:
            pair = f"{_shown(node.this)} vs {_shown(when.this)}"
            says = f"TYPE_MISMATCH: CASE operand type does not match WHEN clause operand type: {pair}"
            _need_common(node, node.this, when.this, says)


def _set_operation(node: exp.SetOperation) -> None:
    name = type(node).__name__.upper()
    for number, (left, right) in enumerate(zip(node.left.selects, node.right.selects, strict=False), start=1):
        if not meet(family(type_of(left)), family(type_of(right))):
            pair = f"{_shown(left)}, {_shown(right)}"
            says = f"TYPE_MISMATCH: column {number} in {name} query has incompatible types: {pair}"
            both = f"{written(left.unalias())} is {_word(left)}, and {written(right.unalias())} is {_word(right)}"
            raise Refused(f"the {name}", says, f"{both}; cast one of them.")


def _need_common(node: exp.Expr, left: exp.Expr, right: exp.Expr, says: str) -> None:
    if not meet(family(type_of(left)), family(type_of(right))):
        raise Refused(written(node), says, _differ(node, left, right))


def _differ(node: exp.Expr, left: exp.Expr, right: exp.Expr) -> str:
    """Say of what type one side is, and how to write the other: a constant rather than a column."""
    kept, changed = (right, left) if is_constant(left) and not is_constant(right) else (left, right)
    wanted, other = family(type_of(kept)), family(type_of(changed))
    if wanted is None or other is None:
        return "the types differ."
    if {wanted, other} == {Family.INTERVAL, Family.NUMBER}:
        return "the difference of two dates is an interval; for a number of days write date_diff('day', from, to)."
    if not isinstance(changed, exp.Query) and (form := rewritten(changed, wanted)):
        forms = {**_anew(node, wanted), written(changed): form}
        return f"{_reads(kept)} is {wanted.value}, so write {corrected(node, forms)}."
    both = f"{_reads(kept)} is {wanted.value}, and {_reads(changed)} is {other.value}"
    as_text = rewritten(kept, Family.TEXT) if other is Family.TEXT else None
    return f"{both}; write {corrected(node, {written(kept): as_text})}." if as_text else f"{both}; cast one of them."


def _anew(node: exp.Expr, wanted: Family) -> dict[str, str]:
    """Return the parts of a comparison that are of another type, with how to write them."""
    known = [(part, family(type_of(part))) for part in node.iter_expressions()]
    others = [part for part, found in known if not meet(found, wanted)]
    return {written(part): form for part in others if (form := rewritten(part, wanted))}


def _is_but(part: exp.Expr, wanted: Family) -> str:
    return f"{_reads(part)} is {_word(part)}, so write {rewritten(part, wanted)}."


def _reads(node: exp.Expr) -> str:
    return "the subquery's column" if isinstance(node, exp.Query) else written(node)


def _word(node: exp.Expr) -> str:
    found = family(type_of(node))
    return found.value if found else "of another type"


def _condition(node: exp.Expr) -> None:
    if isinstance(node.parent, exp.Case) and node.parent.this is not None:  # CASE x WHEN 1: no condition
        return
    terms = [node.left, node.right] if isinstance(node, exp.Binary) else [node.this]
    for term in terms:
        if family(type_of(term)) not in {None, Family.BOOLEAN}:
            says = f"TYPE_MISMATCH: Logical expression term must evaluate to a boolean (actual: {_shown(term)})"
            raise Refused(written(term), says, f"{written(term)} is {_word(term)}, and a condition is wanted.")


def _field(node: exp.Dot) -> None:
    kind, name = type_of(node.this), node.expression.name
    row = node.this.name if isinstance(node.this, exp.Column) else written(node.this)
    is_array = family(kind) is Family.ARRAY
    names = [field for field, _ in fields(kind)]
    if is_array or (names and name not in names):
        near = get_close_matches(name, names, 1)
        cure = (
            f"{row} is an array; CROSS JOIN UNNEST({row}) makes rows of it."
            if is_array
            else f"{row} has no field {name}{f'; did you mean {near[0]}?' if near else '.'}"
        )
        raise Refused(f"{row}.{name}", f"COLUMN_NOT_FOUND: Column '{row}.{name}' cannot be resolved", cure)


def _around(left: exp.Expr, sign: str, right: exp.Expr) -> tuple[str, str, str]:
    return _shown(left), sign, _shown(right)


def _shown(node: exp.Expr) -> str:
    kind = type_of(node)
    return "unknown" if kind is None else shown(kind)


_CHECKS: Final[Sequence[tuple[type[exp.Expr] | tuple[type[exp.Expr], ...], Callable[..., None]]]] = (
    (tuple(_COMPARISONS), _comparison),
    ((exp.NullSafeEQ, exp.NullSafeNEQ), _distinct),
    (exp.Between, _between),
    (exp.In, _in),
    (exp.Like, _like),
    (ARITHMETIC, _arithmetic),
    ((exp.DPipe, exp.Concat), _concatenation),
    ((exp.Case, exp.If, exp.Coalesce), _branching),
    (exp.Case, _case_operand),
    (exp.SetOperation, _set_operation),
    ((exp.Connector, exp.Not, exp.Where, exp.If), _condition),
    (exp.Dot, _field),
)
