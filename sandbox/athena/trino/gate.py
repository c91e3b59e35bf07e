"""The gate before DuckDB: SQL that Athena would refuse is refused here, with the sentence that its author needs."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final, NoReturn

from sqlglot import exp, parse_one
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import OptimizeError, ParseError, TokenError
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from sandbox.athena.trino.arguments import check_arguments
from sandbox.athena.trino.division import make_whole, number_divisions
from sandbox.athena.trino.grouping import check_grouping
from sandbox.athena.trino.inference import annotate, type_of
from sandbox.athena.trino.operators import check_operators
from sandbox.athena.trino.refusal import NotPlayed, Refused
from sandbox.athena.trino.syntax import check_functions, check_shape, check_tokens, check_units
from sandbox.athena.trino.types import Type, of_glue
from sandbox.athena.trino.wording import as_text, keep_as_written

_UNKNOWN: Final = exp.DataType.build("unknown")


class Gate:
    """What Athena knows: the tables with their Glue types, and the views that went through."""

    def __init__(self, tables: Mapping[str, Mapping[str, str]]) -> None:
        self._tables: dict[str, dict[str, Type]] = {
            name: {column: of_glue(kind) for column, kind in columns.items()} for name, columns in tables.items()
        }

    def admit(self, sql: str) -> exp.Expr:
        """Return a statement, parsed; raises `Refused` if Athena would not run it. A view is known from then on.

        A division of two whole numbers, which is whole in Athena, comes back as `IntDiv`.
        Every `?` counts as text, which is what `spaaza-snapshots athena` sends. A part whose type is not known passes.
        """
        tree = _parsed(sql)
        query = tree.expression if isinstance(tree, exp.Create | exp.Insert) else tree
        if isinstance(query, exp.Query):
            number_divisions(query)
            resolved = self._checked(query)
            columns = {select.alias_or_name: type_of(select) or _UNKNOWN for select in _selects(resolved)}
            make_whole(query, resolved)
            if isinstance(tree, exp.Create):
                self._tables[tree.this.name] = columns
        return tree

    def _checked(self, query: exp.Query) -> exp.Expr:
        """Check a query, and return it with its columns resolved and typed."""
        self._check_tables(query)
        written = query.copy()
        keep_as_written(written)
        typed = written.transform(as_text, copy=False)
        try:
            schema = MappingSchema(dict(self._tables), dialect="trino")
            resolved = qualify(typed, schema=schema, dialect="trino", expand_alias_refs=False)
            annotate(resolved, self._tables)
        except OptimizeError as error:
            self._refuse_name(query, str(error))
        check_operators(resolved)
        check_arguments(resolved)
        check_grouping(resolved)
        return resolved

    def _check_tables(self, query: exp.Query) -> None:
        defined = {cte.alias.lower() for cte in query.find_all(exp.CTE)}
        for table in query.find_all(exp.Table):
            if isinstance(table.this, exp.Identifier) and table.name.lower() not in {*self._tables, *defined}:
                says = f"TABLE_NOT_FOUND: Table '{table.name}' does not exist"
                raise Refused(f"FROM {table.name}", says, f"there are {', '.join(sorted(self._tables))}.")

    def _refuse_name(self, query: exp.Query, error: str) -> NoReturn:
        """Say which name is not a column, and what was probably meant."""
        found = re.search(r"olumn:? ['\"]*([$\w]+)", error)
        name = found[1] if found else error
        if name.startswith("$"):
            raise NotPlayed("Hidden columns such as $path are not played here.")
        says = f"COLUMN_NOT_FOUND: Column '{name}' cannot be resolved"
        columns = [column for column in query.find_all(exp.Column) if column.name.lower() == name.lower()]
        asked = [self._tables.get(table.name.lower(), {}) for table in query.find_all(exp.Table)]
        if sum(name in columns for columns in asked) > 1:
            raise Refused(name, f"AMBIGUOUS_NAME: Column '{name}' is ambiguous", "name its table: table.column.")
        if any(column.this.quoted for column in columns):
            raise Refused(f'"{name}"', says, f"double quotes name a column, and none is called so; text is '{name}'.")
        if any(name == alias.alias for alias in query.find_all(exp.Alias)):
            cure = "a name from SELECT is not known in WHERE, GROUP BY or HAVING; repeat the expression, or its number."
            raise Refused(name, says, cure)
        raise Refused(name, says, self._column_meant(query, name))

    def _column_meant(self, query: exp.Query, name: str) -> str:
        asked = {table.name.lower() for table in query.find_all(exp.Table)} & set(self._tables)
        near = get_close_matches(name, sorted({column for table in asked for column in self._tables[table]}), 1)
        others = [table for table, columns in self._tables.items() if name in columns and table not in asked]
        if others:
            return f"{', '.join(sorted(asked))} has no such column; it is in {', '.join(others)}."
        return f"there is no such column{f'; did you mean {near[0]}?' if near else '.'}"


def _parsed(sql: str) -> exp.Expr:
    try:
        tokens = Dialect.get_or_raise("trino").tokenize(sql)
        if any(token.text == "`" for token in tokens):
            says = "SYNTAX_ERROR: backquoted identifiers are not supported; use double quotes to quote identifiers"
            raise Refused("`", says, 'a name is quoted with "double quotes", and needs them seldom.')
        check_tokens(sql, tokens)
        tree = parse_one(sql, dialect="athena")
    except ParseError as error:
        (place, *_) = error.errors or [{}]
        near = f"{place.get('highlight', '')}" or "the end"
        raise Refused(
            f"the SQL near {near}", "SYNTAX_ERROR: mismatched input", "it cannot be read as Trino's."
        ) from None
    except TokenError:
        raise Refused("the SQL", "SYNTAX_ERROR: mismatched input", "a quote or a comment is not closed.") from None
    if not isinstance(tree, exp.Query | exp.Values | exp.Create | exp.Insert):
        raise NotPlayed("Only queries, views and INSERT are played here.")
    check_shape(tree)
    check_functions(tokens, tree)
    check_units(tokens)
    return tree


def _selects(query: exp.Expr) -> list[exp.Expr]:
    return query.selects if isinstance(query, exp.Query) else []
