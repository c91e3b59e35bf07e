"""SQL that DuckDB reads and Trino does not: by the tokens, and by what the parser made of them.

Source: the grammar of trinodb/trino, core/trino-grammar/src/main/antlr4/io/trino/grammar/sql/SqlBase.g4.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from sandbox.athena.trino.refusal import Refused
from sandbox.athena.trino.words import words

_FUNCTIONS: Final = words("functions")
_BEFORE_PARENTHESES: Final = words("keywords")
_INSTEAD: Final = {
    "strptime": "date_parse(text, format)",
    "strftime": "date_format(timestamp, format)",
    "epoch": "to_unixtime(timestamp)",
    "list_agg": "array_agg(x), or listagg(x, ', ') WITHIN GROUP (ORDER BY x)",
    "string_agg": "listagg(x, ', ') WITHIN GROUP (ORDER BY x)",
    "group_concat": "listagg(x, ', ') WITHIN GROUP (ORDER BY x)",
    "list": "array_agg(x)",
    "ifnull": "coalesce(x, y)",
    "nvl": "coalesce(x, y)",
    "isnull": "coalesce(x, y)",
    "len": "length(x)",
    "instr": "strpos(text, part)",
    "left": "substr(text, 1, n)",
    "right": "substr(text, -n)",
    "datediff": "date_diff('day', from, to)",
    "timestampdiff": "date_diff('day', from, to)",
    "dateadd": "date_add('day', n, x)",
    "date_sub": "date_add('day', -n, x)",
    "curdate": "current_date",
    "explode": "CROSS JOIN UNNEST(array) AS t (x)",
    "percentile_cont": "approx_percentile(x, 0.5)",
    "safe_cast": "TRY_CAST(x AS type)",
    "collect_list": "array_agg(x)",
    "size": "cardinality(array)",
    "datepart": "extract(day FROM x)",
    "date_part": "extract(day FROM x)",
    "median": "approx_percentile(x, 0.5)",
    "quantile_cont": "approx_percentile(x, 0.5)",
    "today": "current_date",
    "getdate": "current_timestamp",
    "regexp_matches": "regexp_like(text, pattern)",
    "list_contains": "contains(array, x)",
    "countif": "count_if(condition)",
    "iff": "if(condition, x, y)",
    "struct_pack": "CAST(ROW(x) AS ROW(name type))",
}
_SIGNS: Final = {
    "::": "write CAST(x AS varchar).",
    "==": "it compares with a single =.",
    "ILIKE": "write lower(x) LIKE 'text in lower case'.",
    "QUALIFY": "put the window function into a subquery, and its condition into WHERE.",
    "{": "write CAST(ROW(x) AS ROW(name type)).",
    "GLOB": "write regexp_like(text, pattern).",
    "SIMILAR TO": "write regexp_like(text, pattern).",
    "RLIKE": "write regexp_like(text, pattern).",
    "REGEXP": "write regexp_like(text, pattern).",
    "<=>": "write x IS NOT DISTINCT FROM y.",
    "^": "write power(x, y).",
}
_BEFORE_VALUES: Final = frozenset(("SELECT", "WHERE", "THEN", "ELSE", "IN", "ON", "BY", "AND", "OR", ",", "(", "="))
_FOREIGN_JOINS: Final = frozenset(("SEMI", "ANTI", "ASOF", "POSITIONAL"))
_INTERVAL_UNITS: Final = frozenset({"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"})
_UNITS: Final = frozenset(["millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"])
_UNIT_FIRST: Final = frozenset({"date_diff", "date_add", "date_trunc"})
_FOREIGN_TYPES: Final = {"FLOAT": "double", "INT64": "bigint", "FLOAT64": "double"}
_WORD: Final = re.compile(r"[A-Za-z_]\w*")


def check_tokens(sql: str, tokens: Sequence[Token]) -> None:
    """Raise `Refused` for the first sign or order of words that Trino's grammar has not."""
    if tokens and tokens[0].token_type is TokenType.FROM:
        raise _unreadable("FROM without SELECT", "write SELECT * FROM …")
    for number, token in enumerate(tokens):
        text = sql[token.start : token.end + 1].upper()
        if text in _SIGNS:
            raise _unreadable(text, _SIGNS[text])
        if token.token_type in _ORDER:
            _ORDER[token.token_type](tokens[number - 1 : number] if number else (), tokens[number + 1 :])


def _check_limit(_before: Sequence[Token], after: Sequence[Token]) -> None:
    if len(after) > 2 and after[1].token_type is TokenType.COMMA:  # LIMIT 10, 20
        raise _unreadable("a comma behind LIMIT", f"write OFFSET {after[0].text} LIMIT {after[2].text}.")
    if len(after) > 1 and after[1].token_type is TokenType.OFFSET:
        raise _unreadable("OFFSET behind LIMIT", "write OFFSET first, then LIMIT.")


def _check_end(_before: Sequence[Token], after: Sequence[Token]) -> None:
    if after:
        says = "INVALID_REQUEST: Only one sql statement is allowed"
        raise Refused("several statements", says, "run them one by one.")


def _check_bracket(before: Sequence[Token], _after: Sequence[Token]) -> None:
    if any(token.text.upper() in _BEFORE_VALUES for token in before):
        raise _unreadable("an array in [ ] alone", "write ARRAY[x, y].")


def _check_from(before: Sequence[Token], _after: Sequence[Token]) -> None:
    if any(token.token_type is TokenType.COMMA for token in before):
        raise _unreadable("FROM", "a comma stands before FROM.")


def _check_name(_before: Sequence[Token], after: Sequence[Token]) -> None:
    if after and after[0].token_type is TokenType.STRING:
        name = after[0].text
        raise _unreadable(f"AS '{name}'", f'a name in quotes has double ones; write AS "{name}".')
    foreign = _FOREIGN_TYPES.get(after[0].text.upper()) if after else None
    if foreign and len(after) > 1 and after[1].token_type is TokenType.R_PAREN:
        name = after[0].text.lower()
        raise Refused(f"a CAST to {name}", f"Unknown type: {name}", f"write CAST(x AS {foreign}).")


def _check_now(_before: Sequence[Token], after: Sequence[Token]) -> None:
    if [token.token_type for token in after[:2]] == [TokenType.L_PAREN, TokenType.R_PAREN]:
        raise _unreadable("current_timestamp()", "write current_timestamp, without parentheses.")


def check_units(tokens: Sequence[Token]) -> None:
    """Raise `Refused` for a unit of time that Trino has not, or that is not in quotes."""
    for function, parenthesis, unit in zip(tokens, tokens[1:], tokens[2:], strict=False):
        name, text = function.text.lower(), unit.text.lower()
        if name not in _UNIT_FIRST or parenthesis.token_type is not TokenType.L_PAREN:
            continue
        is_text = unit.token_type is TokenType.STRING
        one = next((known for known in _UNITS if text in {known, f"{known}s"}), None)
        if (is_text and text not in _UNITS) or (one and not is_text):
            cure = f"write {name}('{one}', …)." if one else f"the unit is one of {', '.join(sorted(_UNITS))}."
            raise Refused(f"{name}({text}, …)", f"INVALID_FUNCTION_ARGUMENT: '{text}' is not a valid field", cure)


def _check_interval(_before: Sequence[Token], after: Sequence[Token]) -> None:
    words_after = [token for token in after[:3] if token.token_type is not TokenType.DASH][:2]
    if not words_after or words_after[0].token_type not in {TokenType.STRING, TokenType.NUMBER}:
        return  # a column that is called interval, or a type
    unit = words_after[1].text.upper() if len(words_after) > 1 else ""
    if words_after[0].token_type is TokenType.NUMBER or unit not in _INTERVAL_UNITS:
        raise _unreadable("INTERVAL", "write INTERVAL '7' DAY: the number in quotes, the unit in the singular.")


_ORDER: Final[Mapping[TokenType, Callable[[Sequence[Token], Sequence[Token]], None]]] = {
    TokenType.LIMIT: _check_limit,
    TokenType.SEMICOLON: _check_end,
    TokenType.L_BRACKET: _check_bracket,
    TokenType.INTERVAL: _check_interval,
    TokenType.FROM: _check_from,
    TokenType.ALIAS: _check_name,
    TokenType.CURRENT_TIMESTAMP: _check_now,
}


def check_functions(tokens: Sequence[Token], tree: exp.Expr) -> None:
    """Raise `Refused` for the first function that Trino has not, under the name that was written."""
    aliases = {alias.name.lower() for alias in tree.find_all(exp.TableAlias)}
    aliases |= {table.name.lower() for table in tree.find_all(exp.Table)}  # INSERT INTO users (id)
    for token, following in pairwise(tokens):
        name = token.text.lower()
        if following.token_type is not TokenType.L_PAREN or not _is_word(token):
            continue
        if name in _FUNCTIONS or name in aliases or (name in _BEFORE_PARENTHESES and name not in _INSTEAD):
            continue
        cure = f"write {_INSTEAD[name]}." if name in _INSTEAD else "it has no such function."
        raise Refused(f"{name}(…)", f"FUNCTION_NOT_FOUND: Function '{name}' not registered", cure)


def check_shape(tree: exp.Expr) -> None:
    """Raise `Refused` for a clause that the parser knows from other dialects."""
    for node in tree.walk():
        for kind, is_foreign, name, cure in _SHAPES:
            if isinstance(node, kind) and is_foreign(node):
                raise _unreadable(name, cure)
        if isinstance(node, exp.Cast) and node.to.this is exp.DType.TEXT:
            raise Refused("a CAST to string", "Unknown type: string", "text is called varchar in Athena's SQL.")
        if isinstance(node, exp.Cast) and node.to.this is exp.DType.DATETIME:
            raise Refused("a CAST to datetime", "Unknown type: datetime", "write CAST(x AS timestamp).")


_SHAPES: Final[Sequence[tuple[type[exp.Expr], Callable[[exp.Expr], bool], str, str]]] = (
    (
        exp.Distinct,
        lambda node: node.args.get("on") is not None,
        "DISTINCT ON",
        "number the rows with row_number() in a subquery, and take number 1.",
    ),
    (
        exp.Group,
        lambda node: bool(node.args.get("all")),
        "GROUP BY ALL",
        "name the columns, or their numbers: GROUP BY 1, 2.",
    ),
    (exp.Star, lambda node: any(node.args.values()), "a list behind *", "name the columns."),
    (
        exp.Join,
        lambda node: any(node.text(part).upper() in _FOREIGN_JOINS for part in ("kind", "method")),
        "this kind of JOIN",
        "write WHERE x IN (SELECT …), or NOT EXISTS.",
    ),
    (
        exp.Join,
        lambda node: bool(node.text("side")) and not any(map(node.args.get, ("on", "using", "method"))),
        "a JOIN without ON",
        "write ON, or CROSS JOIN.",
    ),
    (
        exp.Is,
        lambda node: isinstance(node.expression, exp.Boolean),
        "IS TRUE and IS FALSE",
        "write x, or x IS NOT DISTINCT FROM true.",
    ),
    (
        exp.Like,
        lambda node: isinstance(node.expression, exp.Any | exp.All),
        "LIKE ANY",
        "write x LIKE 'a%' OR x LIKE 'b%'.",
    ),
    (
        exp.Count,
        lambda node: isinstance(node.this, exp.Distinct) and len(node.this.expressions) > 1,
        "count(DISTINCT x, y)",
        "write count(DISTINCT (x, y)).",
    ),
    (
        exp.GroupConcat,
        lambda node: not isinstance(node.this, exp.Order) and not isinstance(node.parent, exp.WithinGroup),
        "listagg without an order",
        "write listagg(x, ', ') WITHIN GROUP (ORDER BY x).",
    ),
)


def _unreadable(written: str, cure: str) -> Refused:
    return Refused(written, "SYNTAX_ERROR: mismatched input", cure)


def _is_word(token: Token) -> bool:
    return token.token_type is not TokenType.IDENTIFIER and _WORD.fullmatch(token.text) is not None
